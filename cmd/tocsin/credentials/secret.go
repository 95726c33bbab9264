// Package credentials is what a program proves itself with, and what it
// recognises a server by: secrets, certificates, keys, and the authorities that
// it trusts.
//
// # Why nothing is remembered
//
// Whatever is in a file is read again for each connection. So a password, a
// token or a certificate that is replaced on disk is used from the next
// connection on, without a restart; there is no watcher, no cache, and nothing
// to go stale. Connections are few, and reading costs microseconds. Files that
// are replaced one after the other may not fit together for a moment: that
// connection fails, and the next try finds both.
//
// No secret is in an error, and a Secret prints as where it comes from.
package credentials

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Secret is a text that is shown to nobody: written in the configuration, or
// kept in a file that is read each time it is needed. The zero value is no
// secret.
type Secret struct{ text, path string }

// filePrefix begins a Secret that is kept in a file.
const filePrefix = "file:"

// Written is a secret that is given as it is.
func Written(text string) Secret { return Secret{text: text} }

// UnmarshalText implements encoding.TextUnmarshaler: file:/path is the first
// line of that file, which must be readable now as it must be later; anything
// else is the secret itself.
func (s *Secret) UnmarshalText(text []byte) error {
	path, kept := strings.CutPrefix(string(text), filePrefix)
	if !kept {
		*s = Written(string(text))
		return nil
	}
	*s = Secret{path: path}
	_, err := s.Read()
	return err
}

// Read returns the secret as it is now. An error says which file cannot be
// read, or is empty.
func (s Secret) Read() (string, error) {
	if s.path == "" {
		return s.text, nil
	}
	content, err := os.ReadFile(s.path)
	if err != nil {
		return "", fmt.Errorf("the secret's file cannot be read: %w", err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("the secret's file %s has nothing in its first line", s.path)
	}
	return line, nil
}

// IsZero reports whether no secret was given.
func (s Secret) IsZero() bool { return s == Secret{} }

// String implements fmt.Stringer. It says where the secret is kept and never
// what it is.
func (s Secret) String() string {
	switch {
	case s.IsZero():
		return ""
	case s.path != "":
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
