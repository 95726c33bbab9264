package chserver_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/cmd/devstack/cache"
	"tocsin/cmd/devstack/chserver"
)

// npm puts a program called npm on an otherwise empty PATH, and an empty cache.
func npm(t *testing.T, script string) {
	t.Helper()
	bin := t.TempDir()
	if script != "" {
		if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	t.Setenv(cache.Env, t.TempDir())
}

func TestLibrarySaysWhatMendsIt(t *testing.T) {
	f := func(name, script string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			npm(t, script)
			_, err := chserver.Library(t.Context(), nil)
			if err == nil {
				t.Fatal("a library from nowhere")
			}
			for _, part := range want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error = %v, want %q in it", err, part)
				}
			}
		})
	}
	f("no npm", "", "npm is needed", "TOCSIN_CLICKHOUSE", "PATH")
	f("no network", "echo no route >&2; exit 1", "no route", "registry")
	f("another library", "/bin/cp '"+archive(t, "package/libchdb.so")+"' x.tgz", "SHA-256", "served something else")
	f("no library", "/bin/cp '"+archive(t, "package/README.md")+"' x.tgz", "no libchdb.so")
	f("no archive", "exit 0", "0 archives")
}

// archive makes an npm archive of one file, and returns its path.
func archive(t *testing.T, name string) string {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	tw := tar.NewWriter(gz)
	const text = "not a library"
	err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(text))})
	if _, werr := tw.Write([]byte(text)); werr != nil {
		err = werr
	}
	path := filepath.Join(t.TempDir(), "archive.tgz")
	err = errors.Join(err, tw.Close(), gz.Close())
	if err := errors.Join(err, os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}
