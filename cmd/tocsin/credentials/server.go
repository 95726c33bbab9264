package credentials

import (
	"crypto/tls"
	"time"
)

// ServerTLS is the certificate of a server and the authorities of its clients. All
// files are PEM. A nil *ServerTLS is a server without TLS.
type ServerTLS struct {
	Cert string `yaml:"cert,required"` // the certificate to show, and its chain
	Key  string `yaml:"key,required"`  // its key
	// ClientCA holds the certificates of authorities: a client without a certificate
	// of theirs is refused. Empty: every client is served.
	ClientCA string `yaml:"client_ca"`
}

// Server returns the configuration of a server, which reads the files for each
// connection; nil when s is nil. TLS is 1.2 or newer.
// An error is ErrPair or a FileError.
func (s *ServerTLS) Server() (*tls.Config, error) {
	if s == nil {
		return nil, nil
	}
	if _, err := s.now(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.now() }}, nil
}

// now is the configuration of one connection.
func (s *ServerTLS) now() (*tls.Config, error) {
	own, err := pair(s.Cert, s.Key)
	if err != nil {
		return nil, err
	}
	clients, err := authorities("client_ca", s.ClientCA)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, ClientCAs: clients, NextProtos: []string{"http/1.1"}}
	if clients != nil {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// Expires returns when the certificate expires, and zero when s is nil.
func (s *ServerTLS) Expires() (time.Time, error) {
	if s == nil {
		return time.Time{}, nil
	}
	return (&TLS{Cert: s.Cert, Key: s.Key}).Expires()
}
