package credentials

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// TLS says by which authorities a server is recognised and which certificate
// is shown to it. All files are PEM. A nil *TLS is a connection without TLS,
// &TLS{} one that trusts the system's authorities.
type TLS struct {
	CA         string `yaml:"ca"`          // certificates of the authorities that are trusted; empty: the system's
	Cert       string `yaml:"cert"`        // the certificate to show, and its chain; empty: none
	Key        string `yaml:"key"`         // its key
	ServerName string `yaml:"server_name"` // the name in the server's certificate; empty: the one in the address
	// AcceptAny is for a server whose certificate cannot be verified: whoever is
	// on the way there can read and alter everything.
	AcceptAny bool `yaml:"insecure_accept_any_certificate"`
}

// Client returns a configuration for one connection, with the files as they
// are now; nil when t is nil. TLS is 1.2 or newer. An error names the file.
func (t *TLS) Client() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.AcceptAny}
	var err error
	if c.RootCAs, err = authorities(t.CA); err != nil {
		return nil, err
	}
	if t.Cert == "" && t.Key == "" {
		return c, nil
	}
	own, err := pair(t.Cert, t.Key)
	if err != nil {
		return nil, err
	}
	c.Certificates = []tls.Certificate{own}
	return c, nil
}

// authorities are those of a file; nil when its path is empty.
func authorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the authorities' certificates cannot be read: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return pool, nil
}

func pair(cert, key string) (tls.Certificate, error) {
	if cert == "" || key == "" {
		return tls.Certificate{}, errors.New("a certificate needs its key, and a key its certificate: give both cert and key")
	}
	both, err := tls.LoadX509KeyPair(cert, key) // its errors show nothing of the key
	if err != nil {
		return both, fmt.Errorf("the certificate %s with the key %s: %w", cert, key, err)
	}
	return both, nil
}

// Unusable is an error of the files, before anything was dialled.
type Unusable struct{ error }

// Unwrap returns the error of the file.
func (u Unusable) Unwrap() error { return u.error }

// Dial connects and shakes hands, with the files as they are now; if they
// cannot be used the error is an Unusable. t is not nil.
func (t *TLS) Dial(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
	c, err := t.Client()
	if err != nil {
		return nil, Unusable{err}
	}
	return (&tls.Dialer{NetDialer: d, Config: c}).DialContext(ctx, network, address)
}

// Expires is when the certificate that is shown ceases to be valid, and zero
// when none is shown.
func (t *TLS) Expires() (time.Time, error) {
	if t == nil || t.Cert == "" {
		return time.Time{}, nil
	}
	own, err := pair(t.Cert, t.Key)
	if err != nil {
		return time.Time{}, err
	}
	return own.Leaf.NotAfter, nil
}
