package credentials

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"
)

// TLS is the authorities by which a server is recognised, and the certificate that
// is shown to it. All files are PEM. A nil *TLS is a connection without TLS,
// &TLS{} one that trusts the system's authorities.
type TLS struct {
	CA         string `yaml:"ca"`          // certificates of the authorities that are trusted; empty: the system's
	Cert       string `yaml:"cert"`        // the certificate to show, and its chain; empty: none
	Key        string `yaml:"key"`         // its key
	ServerName string `yaml:"server_name"` // the name in the server's certificate; empty: the one in the address
	// AcceptAny is for a server whose certificate cannot be verified: anyone on the
	// network path can read and alter everything.
	AcceptAny bool `yaml:"insecure_accept_any_certificate"`
}

// Client returns a configuration for one connection, with the files as they
// are now; nil when t is nil. TLS is 1.2 or newer. An error is ErrPair or a FileError.
func (t *TLS) Client() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.AcceptAny}
	var err error
	if c.RootCAs, err = authorities("ca", t.CA); err != nil {
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

// authorities are those of the file that the key names; nil when its path is empty.
func authorities(key, path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := read(key, path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, &FileError{Key: key, Path: path, Err: errors.New("holds no certificate in PEM")}
	}
	return pool, nil
}

// ErrPair is a certificate without its key, or a key without its certificate.
var ErrPair = errors.New("a certificate needs its key, and a key its certificate: give both cert and key")

func pair(cert, key string) (tls.Certificate, error) {
	if cert == "" || key == "" {
		return tls.Certificate{}, ErrPair
	}
	certText, err := read("cert", cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyText, err := read("key", key)
	if err != nil {
		return tls.Certificate{}, err
	}
	both, err := tls.X509KeyPair(certText, keyText) // its errors show nothing of the key
	if err != nil {
		return both, &FileError{Key: "cert", Path: cert, Pair: key, Err: fmt.Errorf("cannot be used with its key (%w)", err)}
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

// Expires returns when the certificate expires, and zero when there is none.
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
