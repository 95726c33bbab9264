package credentials_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/tocsin/credentials"
)

const canary = "CANARY-5511902"

func TestSecretIsReadEachTimeAndNeverShown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	authority.Replace(t, path, []byte(canary+"\r\nsecond line\n"))
	var kept, written, none credentials.Secret
	if err := errors.Join(kept.UnmarshalText([]byte("file:"+path)), written.UnmarshalText([]byte(canary))); err != nil {
		t.Fatal(err)
	}
	for _, s := range []credentials.Secret{kept, written} {
		if got, err := s.Read(); err != nil || got != canary {
			t.Errorf("%q, %v", got, err)
		}
		asJSON, err := json.Marshal(map[string]any{"s": s, "p": &s})
		if err != nil {
			t.Fatal(err)
		}
		shown := fmt.Sprintf("%v %+v %#v %s %q %s", s, struct{ S credentials.Secret }{s}, s, s, s, asJSON)
		if strings.Contains(shown, canary) || s.IsZero() {
			t.Errorf("shown: %s", shown)
		}
	}
	if kept.String() != "file:"+path || none.String() != "" || !none.IsZero() {
		t.Errorf("%s, %s", kept, none)
	}
	authority.Replace(t, path, []byte("another"))
	if got, err := kept.Read(); err != nil || got != "another" {
		t.Errorf("after it was replaced: %q, %v", got, err)
	}
	authority.Replace(t, path, []byte("\ufeffmarked\r\n"))
	if got, err := kept.Read(); err != nil || got != "marked" {
		t.Errorf("behind a byte order mark: %q, %v", got, err)
	}
	authority.Replace(t, path, []byte("\nanother\n"))
	if _, err := kept.Read(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("an empty first line: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Read(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v", err)
	}
	var gone *credentials.FileError
	if _, err := kept.Read(); !errors.As(err, &gone) || gone.Path != path || strings.Contains(gone.Err.Error(), path) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	// A variable of the environment is empty.
	if err := kept.UnmarshalText([]byte("file:")); err != nil {
		t.Fatal(err)
	}
	if text, err := kept.Read(); err == nil {
		t.Errorf("a file without a path is read as %q", text)
	}
}

func TestTLSSaysWhichFileIsWrong(t *testing.T) {
	a := authority.New(t, "one")
	files := authority.In(t.TempDir())
	a.Write(files, "client")
	other := authority.In(t.TempDir())
	a.Write(other, "client")
	text := filepath.Join(t.TempDir(), "text")
	authority.Replace(t, text, []byte("no PEM"))
	f := func(c credentials.TLS, want string) {
		t.Helper()
		_, err := c.Client()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want %q", c, err, want)
		}
	}
	f(credentials.TLS{CA: files.CA + ".gone"}, files.CA+".gone")
	f(credentials.TLS{CA: text}, "holds no certificate")
	f(credentials.TLS{Cert: files.Cert}, "give both cert and key")
	f(credentials.TLS{Key: files.Key}, "give both cert and key")
	f(credentials.TLS{Cert: files.Cert, Key: other.Key}, files.Cert)
	f(credentials.TLS{Cert: text, Key: files.Key}, text)

	c := credentials.TLS{CA: files.CA, Cert: files.Cert, Key: files.Key}
	if got, err := c.Expires(); err != nil || time.Until(got) > time.Hour || time.Until(got) < time.Hour-time.Minute {
		t.Errorf("expires %v, %v", got, err)
	}
	for _, path := range []string{files.CA, files.Cert, files.Key} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		authority.Replace(t, path, append([]byte("\ufeff"), text...))
	}
	if _, err := c.Client(); err != nil {
		t.Errorf("files behind a byte order mark: %v", err)
	}
	var none *credentials.TLS
	if got, err := none.Client(); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// server answers a byte over TLS, under a configuration that can change.
func server(t *testing.T, config *tls.Config) *authority.Front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("."))
			_ = c.Close()
		}
	}()
	return authority.NewFront(t, l.Addr().String(), config)
}

func greet(t *testing.T, c *credentials.TLS, addr string) error {
	t.Helper()
	conn, err := c.Dial(t.Context(), &net.Dialer{Timeout: 10 * time.Second}, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.ReadFull(conn, make([]byte, 1)) // TLS 1.3 reports a rejected certificate with the first byte
	return err
}

func TestRotation(t *testing.T) {
	first, second := authority.New(t, "first"), authority.New(t, "second")
	s := server(t, first.Server(first.Pool()))
	files := authority.In(t.TempDir())
	first.Write(files, "client")
	c := &credentials.TLS{CA: files.CA, Cert: files.Cert, Key: files.Key}
	if err := greet(t, c, s.Addr); err != nil {
		t.Fatal(err)
	}
	s.Demand(second.Server(second.Pool()))
	if err := greet(t, c, s.Addr); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("a server of an authority that is not trusted: %v", err)
	}
	second.Write(files, "client")
	if err := greet(t, c, s.Addr); err != nil {
		t.Errorf("after the files were replaced: %v", err)
	}
	if err := greet(t, &credentials.TLS{CA: files.CA}, s.Addr); err == nil {
		t.Error("without a certificate, where one is demanded")
	}
	if err := greet(t, &credentials.TLS{CA: files.CA, Cert: files.Cert, Key: files.Key, ServerName: "elsewhere"}, s.Addr); err == nil || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("another name: %v", err)
	}
	if err := greet(t, &credentials.TLS{Cert: files.Cert, Key: files.Key, AcceptAny: true}, s.Addr); err != nil {
		t.Errorf("any certificate is accepted, and yet: %v", err)
	}
}

func TestOldVersionsAreRefused(t *testing.T) {
	a := authority.New(t, "one")
	old := a.Server(a.Pool())
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	files := authority.In(t.TempDir())
	a.Write(files, "client")
	c := &credentials.TLS{CA: files.CA, Cert: files.Cert, Key: files.Key}
	config, err := c.Client()
	if err != nil || config.MinVersion != tls.VersionTLS12 {
		t.Fatalf("%v, %v", config, err)
	}
	if err := greet(t, c, server(t, old).Addr); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("a server of TLS 1.1: %v", err)
	}
}
