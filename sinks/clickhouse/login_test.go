package clickhouse

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
	"tocsin/pipeline"
)

// demanded is a database behind a front that demands certificates, and what
// logs in to it, which a test may replace.
func demanded(t *testing.T) (Config, *authority.Front, *atomic.Pointer[Login]) {
	t.Helper()
	c := migrated(t)
	a := authority.New(t, "first")
	front := authority.NewFront(t, c.Addrs[0], a.Server(a.Pool()))
	login := &atomic.Pointer[Login]{}
	login.Store(&Login{c.User, c.Password, &tls.Config{RootCAs: a.Pool(), Certificates: a.Server(nil).Certificates}})
	c.Addrs = []string{front.Addr}
	c.Renew = func() (Login, error) {
		if l := login.Load(); l != nil {
			return *l, nil
		}
		return Login{}, errors.New("no file of that name")
	}
	return c, front, login
}

func TestLoginIsReadForEachConnection(t *testing.T) {
	c, front, login := demanded(t)
	first := login.Load()
	sink := opened(t, c)
	ask := func() error { return classified(t.Context(), sink.conn.Ping(t.Context())) }
	waits := func(want string) {
		t.Helper()
		front.Cut() // so that the next call connects
		var err error
		for range 3 { // the pool may find out about a cut connection by using it
			if err = ask(); err != nil && !strings.Contains(err.Error(), "EOF") {
				break
			}
		}
		if what, ok := pipeline.Waiting(err); !ok || what != prefix+want {
			t.Errorf("waits for %q (%v), want %q", what, err, want)
		}
	}
	heals := func() {
		t.Helper()
		front.Cut()
		for try := 0; ; try++ {
			err := ask()
			if err == nil {
				return
			}
			if try == 3 {
				t.Fatal(err)
			}
		}
	}
	heals()
	login.Store(&Login{first.User, "wrong", first.TLS})
	waits("a valid user and password")
	login.Store(first)
	heals()

	second := authority.New(t, "second")
	front.Demand(second.Server(second.Pool()))
	waits("a certificate that is accepted") // we do not accept the server's
	trusting := first.TLS.Clone()
	trusting.RootCAs = second.Pool()
	login.Store(&Login{first.User, first.Password, trusting})
	waits("a certificate that is accepted") // the server does not accept ours
	trusting = trusting.Clone()
	trusting.Certificates = second.Server(nil).Certificates
	login.Store(&Login{first.User, first.Password, trusting})
	heals()

	login.Store(nil)
	waits("a password or a certificate that can be read")
	login.Store(&Login{first.User, first.Password, nil})
	front.Cut()
	if err := ask(); err == nil {
		t.Error("without TLS, where it is demanded")
	} else if _, ok := pipeline.Waiting(err); !ok {
		t.Errorf("without TLS, where it is demanded: stops with %v", err)
	}
}

// TestSeveralAddresses: the next one is taken when one does not answer. A table
// that is not replicated is one server's, and each address must lead there.
func TestSeveralAddresses(t *testing.T) {
	c, front, _ := demanded(t)
	a := authority.New(t, "another")
	refusing := authority.NewFront(t, chtest.Server(t).TCPAddr, a.Server(a.Pool()))
	c.Addrs = []string{refusing.Addr, front.Addr}
	conn, err := c.withDefaults().connect(c.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Ping(t.Context()); err != nil || front.Taken.Load() == 0 {
		t.Errorf("%v, %d connections", err, front.Taken.Load())
	}
	_, err = Open(t.Context(), c)
	if what, ok := pipeline.Waiting(err); !ok || !strings.Contains(what, "certificate") || !strings.Contains(err.Error(), refusing.Addr) {
		t.Errorf("an address that cannot be asked: waits for %q, %v", what, err)
	}
	c.Addrs = []string{front.Addr, authority.NewFront(t, chtest.Server(t).TCPAddr, front.Config()).Addr}
	opened(t, c)

	c = migrated(t)
	dir := t.TempDir() // with the same passwords
	kept, err := json.Marshal(map[string]string{chserver.User: c.Password, chserver.AnalystUser: c.Password})
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "conf"), 0o700)
	}
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "conf", "credentials.json"), kept, 0o600)); err != nil {
		t.Fatal(err)
	}
	other, err := chserver.Start(t.Context(), chserver.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Kill)
	far := c
	far.Addrs = []string{other.TCPAddr}
	if err := Migrate(t.Context(), far, func(string) {}); err != nil {
		t.Fatal(err)
	}
	c.Addrs = append(c.Addrs, other.TCPAddr)
	if _, err := Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "have different tables") {
		t.Errorf("two servers: %v", err)
	}
}
