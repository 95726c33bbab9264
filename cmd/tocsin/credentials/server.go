package credentials

import (
	"crypto/tls"
	"time"
)

// ServerTLS says what a server shows and whom it serves. All files are PEM. A
// nil *ServerTLS is a server without TLS.
type ServerTLS struct {
	Cert string `yaml:"cert,required"` // the certificate to show, and its chain
	Key  string `yaml:"key,required"`  // its key
	// ClientCA holds the certificates of authorities: whoever shows none of
	// theirs is refused. Empty: everybody is served.
	ClientCA string `yaml:"client_ca"`
}

// Server returns the configuration of a server, each of whose connections is
// made with the files as they are then; nil when s is nil. TLS is 1.2 or newer.
// An error names a file that cannot be used now.
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
	clients, err := authorities(s.ClientCA)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, ClientCAs: clients, NextProtos: []string{"http/1.1"}}
	if clients != nil {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// Expires is when the certificate that is shown ceases to be valid, and zero
// when s is nil.
func (s *ServerTLS) Expires() (time.Time, error) {
	if s == nil {
		return time.Time{}, nil
	}
	return (&TLS{Cert: s.Cert, Key: s.Key}).Expires()
}
