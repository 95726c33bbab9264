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
	if t.CA != "" {
		text, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("the authorities' certificates cannot be read: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", t.CA)
		}
	}
	if t.Cert == "" && t.Key == "" {
		return c, nil
	}
	pair, err := t.pair()
	if err != nil {
		return nil, err
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

func (t *TLS) pair() (tls.Certificate, error) {
	if t.Cert == "" || t.Key == "" {
		return tls.Certificate{}, errors.New("a certificate needs its key, and a key its certificate: give both cert and key")
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key) // its errors show nothing of the key
	if err != nil {
		return pair, fmt.Errorf("the certificate %s with the key %s: %w", t.Cert, t.Key, err)
	}
	return pair, nil
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
	pair, err := t.pair()
	if err != nil {
		return time.Time{}, err
	}
	return pair.Leaf.NotAfter, nil
}
