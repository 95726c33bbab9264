// Package authority is a certificate authority for tests: it makes the
// certificates of servers and clients, in memory or as PEM files that can be
// replaced while they are in use.
package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates, which are valid for an hour.
type Authority struct {
	tb   testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// New makes an authority of its own. Two of the same name are still two.
func New(tb testing.TB, name string) *Authority {
	tb.Helper()
	a := &Authority{tb: tb, key: newKey(tb)}
	template := template(tb, name, time.Hour)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	a.pem = block("CERTIFICATE", der)
	return a
}

// Pool holds the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Pair makes a certificate of that common name, for servers on the loopback
// interface and for clients, that is valid for so long from now, or was until
// so long ago.
func (a *Authority) Pair(name string, valid time.Duration) (cert, key []byte) {
	a.tb.Helper()
	own := newKey(a.tb)
	template := template(a.tb, name, valid)
	template.IPAddresses, template.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &own.PublicKey, a.key)
	if err != nil {
		a.tb.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		a.tb.Fatal(err)
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", secret)
}

// Server is the configuration of a server that demands a certificate of one of
// the authorities that it trusts.
func (a *Authority) Server(clients *x509.CertPool) *tls.Config {
	a.tb.Helper()
	pair, err := tls.X509KeyPair(a.Pair("server", time.Hour))
	if err != nil {
		a.tb.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert}
}

// Files are the paths of PEM files: of the authority, of a certificate and of
// its key.
type Files struct{ CA, Cert, Key string }

// In names the files that Write writes in a directory.
func In(dir string) Files {
	return Files{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

// Write makes a certificate of that name and writes it, or replaces what is
// there, each file at once.
func (a *Authority) Write(f Files, name string) {
	a.tb.Helper()
	a.WriteFor(f, name, time.Hour)
}

// WriteFor is Write of a certificate that is valid for so long.
func (a *Authority) WriteFor(f Files, name string, valid time.Duration) {
	a.tb.Helper()
	cert, key := a.Pair(name, valid)
	Replace(a.tb, f.CA, a.pem)
	Replace(a.tb, f.Cert, cert)
	Replace(a.tb, f.Key, key)
}

// Replace gives a file another content at once, as a rotation of secrets
// does: no reader sees half of it.
func Replace(tb testing.TB, path string, content []byte) {
	tb.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		tb.Fatal(err)
	}
}

// Store is a key and its chain in one file, as Kafka wants them.
func (a *Authority) Store(name string) []byte {
	a.tb.Helper()
	cert, key := a.Pair(name, time.Hour)
	return bytes.Join([][]byte{key, cert, a.pem}, nil)
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func template(tb testing.TB, name string, valid time.Duration) *x509.Certificate {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(valid)}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
