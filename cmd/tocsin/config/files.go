package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/pipeline"
)

// This file checks the keys that name files. By mistake a secret may stand where the
// path of its file belongs: some of these keys never show their value.

var (
	// seed is the seed of a user's NKey. No file has such a name.
	seed = regexp.MustCompile(`^SU[A-Z2-7]{56}$`)
	// content is the content of a file in place of its path.
	content = regexp.MustCompile(`-----BEGIN|\n`)
)

// files returns the mistakes of the keys that name files.
func (c *Config) files() (all []*pipeline.Mistake) {
	add := func(m *pipeline.Mistake) {
		if m != nil {
			all = append(all, m)
		}
	}
	for _, section := range []struct {
		key string
		tls *credentials.TLS
	}{{"kafka.tls", c.Kafka.TLS}, {"clickhouse.tls", c.ClickHouse.TLS}, {"nats.tls", c.NATS.TLS}, {"traces.tls", c.Traces.TLS}} {
		if t := section.tls; t != nil {
			_, err := t.Client()
			all = append(all, ofTLS(section.key, err, named{"ca", t.CA}, named{"cert", t.Cert}, named{"key", t.Key})...)
		}
	}
	if t := c.HTTP.TLS; t != nil {
		_, err := t.Server()
		all = append(all, ofTLS("http.tls", err, named{"cert", t.Cert}, named{"key", t.Key}, named{"client_ca", t.ClientCA})...)
	}
	for _, k := range keysOf(*c) {
		if !k.value.IsValid() {
			continue
		}
		if s, ok := k.value.Interface().(credentials.Secret); ok {
			add(ofSecret(k.path, s))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Traces.Headers)) {
		add(ofSecret("traces.headers."+name, c.Traces.Headers[name]))
	}
	if c.NATS.Creds != "" {
		add(unusable("nats.creds", c.NATS.Creds, credentials.Readable(c.NATS.Creds)))
	}
	if c.NATS.NKey != "" {
		err := credentials.Readable(c.NATS.NKey)
		if err == nil {
			if _, bad := nats.NkeyOptionFromSeed(c.NATS.NKey); bad != nil {
				err = errors.New("holds no seed of a user's NKey")
			}
		}
		add(unusable("nats.nkey", c.NATS.NKey, err))
	}
	return all
}

// named is a key of a section, and the path that it has.
type named struct{ key, path string }

// ofTLS returns the mistakes of a section's certificates: each file that cannot be
// read, or else err, why they cannot be used.
func ofTLS(section string, err error, files ...named) (all []*pipeline.Mistake) {
	for _, f := range files {
		if f.path == "" {
			continue
		}
		if err := credentials.Readable(f.path); err != nil {
			all = append(all, unusable(section+"."+f.key, f.path, err))
		}
	}
	var file *credentials.FileError
	switch {
	case err == nil:
	case errors.Is(err, credentials.ErrPair):
		cert, key := section+".cert", section+".key"
		all = append(all, wrong("%s and %s belong together: give both or none", cert, key).At(cert, key))
	case len(all) == 0 && errors.As(err, &file):
		all = append(all, unusable(section+"."+file.Key, file.Path, file))
	}
	return all
}

// ofSecret returns the mistake of a secret whose file cannot be used; nil when it
// can.
func ofSecret(key string, s credentials.Secret) *pipeline.Mistake {
	_, err := s.Read()
	return unusable(key, s.String(), err)
}

// unusable returns the mistake of a file that cannot be used; nil when err is nil.
func unusable(key, value string, err error) *pipeline.Mistake {
	if err == nil {
		return nil
	}
	switch trimmed := strings.TrimSpace(value); {
	case seed.MatchString(trimmed):
		return wrong("%s is a seed and must be the path of a file: write the seed into one", key).At(key)
	case content.MatchString(trimmed):
		return wrong("%s is the text of a file and must be its path: write the text into a file", key).At(key)
	}
	remedy := "correct it, or the path"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		remedy = "create it, or correct the path"
	case errors.Is(err, fs.ErrPermission):
		remedy = "let the user that runs tocsin read it"
	}
	var file *credentials.FileError
	var at *fs.PathError
	switch {
	case errors.As(err, &file):
		err = file.Err
	case errors.As(err, &at):
		err = fmt.Errorf("cannot be read (%w)", at.Err)
	}
	if strings.HasSuffix(key, ".creds") || strings.HasSuffix(key, "key") {
		return wrong("%s names a file that %v: %s", key, err, remedy).At(key)
	}
	return wrong("%s is %s, which %v: %s", key, is(key, value), err, remedy)
}
