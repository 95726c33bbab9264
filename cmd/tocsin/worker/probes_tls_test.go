package worker

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/tocsin/config"
	"tocsin/cmd/tocsin/credentials"
)

// secured are probes that serve clients with a certificate of clients, to whom
// they show one of servers.
type secured struct {
	address          string
	servers, clients *authority.Authority
	own              authority.Files // what the probes show, and trust no client by
	trusted          string          // the file of the authorities of clients
	client1          authority.Files // of a client
}

func secure(t *testing.T) *secured {
	t.Helper()
	s := &secured{servers: authority.New(t, "servers"), clients: authority.New(t, "clients"), own: authority.In(t.TempDir()), client1: authority.In(t.TempDir())}
	s.servers.Write(s.own, "worker")
	s.clients.Write(s.client1, "prometheus")
	s.trusted = filepath.Join(t.TempDir(), "clients.pem")
	s.trust(t, s.client1)
	s.address = serving(t, config.HTTP{TLS: &credentials.ServerTLS{Cert: s.own.Cert, Key: s.own.Key, ClientCA: s.trusted}})
	return s
}

// trust has the probes trust the authority of those files, and no other.
func (s *secured) trust(t *testing.T, f authority.Files) {
	t.Helper()
	text, err := os.ReadFile(f.CA)
	if err != nil {
		t.Fatal(err)
	}
	authority.Replace(t, s.trusted, text)
}

// client is a configuration that trusts the signer of what the probes show now,
// and shows the certificate of those files, if any.
func (s *secured) client(t *testing.T, f authority.Files) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(s.own.CA)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{RootCAs: x509.NewCertPool(), ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	c.RootCAs.AppendCertsFromPEM(text)
	if f.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			t.Fatal(err)
		}
		// Shown whatever authorities the server names.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return c
}

// over is an HTTP client that makes a connection for each request.
func (s *secured) over(c *tls.Config) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
}

func TestProbesDemandACertificate(t *testing.T) {
	t.Parallel()
	s := secure(t)
	served := func(name string, c *tls.Config) {
		t.Helper()
		if status, body := getBy(t, s.over(c), "https://"+s.address+"/metrics"); status != 200 || !strings.Contains(body, "tocsin_ready 0") {
			t.Errorf("%s: %d, %s", name, status, body)
		}
	}
	refused := func(name string, c *tls.Config) {
		t.Helper()
		resp, err := s.over(c).Get("https://" + s.address + "/metrics")
		if err == nil {
			resp.Body.Close()
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	ours := s.client(t, s.client1)
	served("with a certificate", ours)
	refused("without", s.client(t, authority.Files{}))
	stranger := authority.New(t, "clients") // of the same name
	strange := authority.In(t.TempDir())
	stranger.Write(strange, "prometheus")
	refused("of another authority", s.client(t, strange))
	cert, key := s.clients.Pair("prometheus", -time.Hour)
	past := authority.In(t.TempDir())
	authority.Replace(t, past.Cert, cert)
	authority.Replace(t, past.Key, key)
	refused("that has expired", s.client(t, past))
	old := s.client(t, s.client1)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	refused("by TLS 1.1", old)
	if resp, err := http.Get("http://" + s.address + "/metrics"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == 200 {
			t.Error("without TLS it is served")
		}
	}

	// Files are replaced while the probes run.
	s.trust(t, strange)
	refused("of an authority that is trusted no more", ours) // though it has a session
	served("of the one that is now", s.client(t, strange))
	renewed := authority.New(t, "renewed")
	renewed.Write(s.own, "worker")
	refused("who trusts what was shown before", ours)
	served("who trusts what is shown now", s.client(t, strange))
	authority.Replace(t, s.own.Key, []byte("half of a replacement"))
	refused("while the files do not fit together", s.client(t, strange))
	renewed.Write(s.own, "worker")
	served("once they do", s.client(t, strange))
}

func TestProbesOverTLSForEverybody(t *testing.T) {
	files := authority.In(t.TempDir())
	ours := authority.New(t, "ours")
	ours.Write(files, "worker")
	address := serving(t, config.HTTP{TLS: &credentials.ServerTLS{Cert: files.Cert, Key: files.Key}})
	s := &secured{own: files}
	if status, _ := getBy(t, s.over(s.client(t, authority.Files{})), "https://"+address+"/metrics"); status != 200 {
		t.Errorf("%d", status)
	}
}

// Failed handshakes are logged for debugging, whatever their cause; other messages
// of the server are errors.
func TestComplaintsOfTheProbes(t *testing.T) {
	var out bytes.Buffer
	logger := log.New(complaints{slog.New(slog.NewTextHandler(&out, nil))}, "", 0)
	logger.Printf("http: TLS handshake error from %v: EOF", &net.TCPAddr{})
	if out.Len() > 0 {
		t.Errorf("%s", &out)
	}
	logger.Print("http: panic serving")
	if want := fmt.Sprintf("level=ERROR msg=probes message=%q", "http: panic serving"); !strings.Contains(out.String(), want) {
		t.Errorf("%s", &out)
	}
}
