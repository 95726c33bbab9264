package nats_test

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"tocsin/cmd/devstack/authority"
	"tocsin/pipeline"
	"tocsin/sinks/nats"
)

// seeded makes a user's NKey and keeps its seed in a file.
func seeded(t *testing.T, path string) string {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	authority.Replace(t, path, seed)
	return public(t, pair)
}

// heals publishes until it succeeds; until then the server must be waited for.
func heals(t *testing.T, sink *nats.Sink, first int) {
	t.Helper()
	for limit := time.After(bound); ; {
		err := sink.Publish(t.Context(), alerts(first, 1))
		if err == nil {
			return
		}
		if _, ok := pipeline.Waiting(err); !ok {
			t.Fatalf("stops with %v", err)
		}
		select {
		case <-limit:
			t.Fatalf("still %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestLoginsAreReadAgain: whatever a server knows a worker by is replaced, on
// the worker's disk and then on the server, and the worker goes on.
func TestLoginsAreReadAgain(t *testing.T) {
	f := func(name string, know func(o *server.Options, generation int), use func(c *nats.Config), replace func(generation int)) {
		t.Run(name, func(t *testing.T) {
			replace(1)
			s := start(t, func(o *server.Options) { know(o, 1) })
			c := config(s)
			use(&c)
			sink := open(t, c)
			heals(t, sink, 0)

			// The server does not know the worker any more: it waits.
			refused := "NATS: credentials are refused"
			if name == "certificates" {
				refused = "NATS: a certificate that is accepted"
			}
			same := at(s)
			stop(s)
			start(t, same, func(o *server.Options) { know(o, 2) })
			for limit := time.After(bound); ; {
				err := sink.Publish(t.Context(), alerts(1, 1))
				what, ok := pipeline.Waiting(err)
				if !ok {
					t.Fatalf("with what is no longer known: %v", err)
				}
				if what == refused {
					break
				}
				select {
				case <-limit:
					t.Fatalf("still %v", err)
				case <-time.After(20 * time.Millisecond):
				}
			}
			replace(2)
			heals(t, sink, 1)
			if got := sink.Stats(); got.Published+got.Duplicates < 2 {
				t.Errorf("%+v", got)
			}
		})
	}

	dir := t.TempDir()
	seed := filepath.Join(dir, "seed")
	keys := map[int]string{}
	for generation := 1; generation <= 2; generation++ {
		keys[generation] = seeded(t, seed+string(rune('0'+generation)))
	}
	f("nkey", func(o *server.Options, generation int) { o.Nkeys = []*server.NkeyUser{{Nkey: keys[generation]}} },
		func(c *nats.Config) { c.NKey = seed },
		func(generation int) {
			text, err := os.ReadFile(seed + string(rune('0'+generation)))
			if err != nil {
				t.Fatal(err)
			}
			authority.Replace(t, seed, text)
		})

	var password atomic.Value
	f("password", func(o *server.Options, generation int) {
		o.Username, o.Password = "tocsin", "secret-"+string(rune('0'+generation))
	},
		func(c *nats.Config) {
			c.Renew = func() (nats.Login, error) {
				return nats.Login{User: "tocsin", Password: password.Load().(string)}, nil
			}
		},
		func(generation int) { password.Store("secret-" + string(rune('0'+generation))) })

	authorities := []*authority.Authority{nil, authority.New(t, "first"), authority.New(t, "second")}
	var now atomic.Int64
	f("certificates", func(o *server.Options, generation int) {
		a := authorities[generation]
		o.TLSConfig, o.TLS, o.TLSVerify = a.Server(a.Pool()), true, true
	}, func(c *nats.Config) {
		c.Renew = func() (nats.Login, error) {
			a := authorities[now.Load()]
			own := a.Server(nil)
			return nats.Login{TLS: &tls.Config{RootCAs: a.Pool(), Certificates: own.Certificates}}, nil
		}
	}, func(generation int) { now.Store(int64(generation)) })

	operator := newOperator(t)
	creds := filepath.Join(dir, "user.creds")
	f("creds", func(o *server.Options, generation int) { operator.admit(t, o, generation) },
		func(c *nats.Config) { c.Creds = creds },
		func(generation int) { authority.Replace(t, creds, operator.creds(t, generation)) })
}

// operator has a system account, one for tocsin, and in it a user for each
// generation of credentials.
type operator struct {
	key, system, account nkeys.KeyPair
	users                map[int]nkeys.KeyPair
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	var failed error
	made := func(key nkeys.KeyPair, err error) nkeys.KeyPair {
		failed = errors.Join(failed, err)
		return key
	}
	p := &operator{made(nkeys.CreateOperator()), made(nkeys.CreateAccount()), made(nkeys.CreateAccount()),
		map[int]nkeys.KeyPair{1: made(nkeys.CreateUser()), 2: made(nkeys.CreateUser())}}
	if failed != nil {
		t.Fatal(failed)
	}
	return p
}

func public(t *testing.T, key nkeys.KeyPair) string {
	t.Helper()
	text, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// admit has the server know the user of that generation, and the other one as
// revoked.
func (p *operator) admit(t *testing.T, o *server.Options, generation int) {
	t.Helper()
	own := jwt.NewAccountClaims(public(t, p.account))
	own.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
	own.Revoke(public(t, p.users[3-generation]))
	resolver := &server.MemAccResolver{}
	for _, claims := range []*jwt.AccountClaims{own, jwt.NewAccountClaims(public(t, p.system))} {
		text, err := claims.Encode(p.key)
		if err := errors.Join(err, resolver.Store(claims.Subject, text)); err != nil {
			t.Fatal(err)
		}
	}
	o.TrustedKeys, o.AccountResolver, o.SystemAccount = []string{public(t, p.key)}, resolver, public(t, p.system)
}

func (p *operator) creds(t *testing.T, generation int) []byte {
	t.Helper()
	seed, errSeed := p.users[generation].Seed()
	text, errText := jwt.NewUserClaims(public(t, p.users[generation])).Encode(p.account)
	file, errFile := jwt.FormatUserConfig(text, seed)
	if err := errors.Join(errSeed, errText, errFile); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSeveralServers: the one that is away is passed over.
func TestSeveralServers(t *testing.T) {
	gone := start(t)
	stop(gone)
	s := start(t)
	c := config(s)
	c.Servers = []string{gone.ClientURL(), s.ClientURL()}
	heals(t, open(t, c), 0)
}

// TestWhatCannotBeReadIsSaid: the file is named, not the server blamed.
func TestWhatCannotBeReadIsSaid(t *testing.T) {
	s := start(t)
	c := config(s)
	c.Renew = func() (nats.Login, error) { return nats.Login{}, errors.New("no file of that name") }
	if _, err := nats.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "no file of that name") {
		t.Errorf("%v", err)
	}
}

// TestARefusedCertificateIsNamed when a sink is opened, whichever end refuses.
func TestARefusedCertificateIsNamed(t *testing.T) {
	a, stranger := authority.New(t, "first"), authority.New(t, "stranger")
	s := start(t, func(o *server.Options) { o.TLSConfig, o.TLS, o.TLSVerify = a.Server(a.Pool()), true, true })
	for _, test := range []struct {
		shown *tls.Config
		texts []string // one of
	}{
		{&tls.Config{RootCAs: stranger.Pool(), Certificates: a.Server(nil).Certificates}, []string{"unknown authority"}},
		{&tls.Config{RootCAs: a.Pool(), Certificates: stranger.Server(nil).Certificates}, []string{"remote error", "closed by remote after TLS handshake"}},
	} {
		c := config(s)
		c.TLS, c.OpenTimeout = test.shown, 3*time.Second
		_, err := nats.Open(t.Context(), c)
		what, ok := pipeline.Waiting(err)
		said := func(text string) bool { return strings.Contains(err.Error(), text) }
		if !ok || what != "NATS: a certificate that is accepted" || !slices.ContainsFunc(test.texts, said) {
			t.Errorf("%q: waits for %q, %v", test.texts, what, err)
		}
	}
}
