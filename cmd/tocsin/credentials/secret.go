// Package credentials holds the secrets, certificates and keys by which a program
// authenticates, and the authorities by which it recognises a server.
//
// # Why files are read again
//
// Files are read again for each connection. A password, a token or a certificate
// that is replaced on disk is used from the next connection on, without a restart;
// there is no watcher and no cache that could be stale. Connections are few, and
// reading costs microseconds. Files that are replaced one after the other may not
// fit together for a moment: that connection fails, and the next try finds both.
//
// No error holds a secret, and a Secret prints as the place it comes from. An error
// of a file is a FileError.
package credentials

import (
	"errors"
	"fmt"
	"strings"
)

// Secret is a text that is never shown. It stands in the configuration, or in a file
// that is read for each use. The zero value is no secret.
type Secret struct {
	text, path string
	kept       bool // in the file at path
}

// filePrefix begins a Secret that is kept in a file.
const filePrefix = "file:"

// Written returns a secret with the given text.
func Written(text string) Secret { return Secret{text: text} }

// UnmarshalText implements encoding.TextUnmarshaler: file:/path is the first
// line of that file; anything else is the secret itself.
func (s *Secret) UnmarshalText(text []byte) error {
	path, kept := strings.CutPrefix(string(text), filePrefix)
	if !kept {
		*s = Written(string(text))
		return nil
	}
	*s = Secret{path: path, kept: true}
	return nil
}

// Read returns the secret as it is now. The error is a FileError.
func (s Secret) Read() (string, error) {
	if !s.kept {
		return s.text, nil
	}
	content, err := read("", s.path)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(content), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", &FileError{Path: s.path, Err: errors.New("has nothing in its first line")}
	}
	return line, nil
}

// IsZero reports whether no secret was given.
func (s Secret) IsZero() bool { return s == Secret{} }

// String implements fmt.Stringer. It returns where the secret is kept and never its
// text.
func (s Secret) String() string {
	switch {
	case s.IsZero():
		return ""
	case s.kept:
		return filePrefix + s.path
	}
	return "***"
}

// GoString implements fmt.GoStringer, so that %#v hides the secret too.
func (s Secret) GoString() string { return fmt.Sprintf("credentials.Secret(%q)", s.String()) }

// MarshalText implements encoding.TextMarshaler as String does, for logs and
// JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Login is a user and a password; either may be kept in a file.
type Login struct{ User, Password Secret }

// Read returns both as they are now.
func (l Login) Read() (user, password string, err error) {
	user, errUser := l.User.Read()
	password, errPassword := l.Password.Read()
	return user, password, errors.Join(errUser, errPassword)
}
