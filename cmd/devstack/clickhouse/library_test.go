package chserver_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/cmd/devstack/cache"
	chserver "tocsin/cmd/devstack/clickhouse"
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
	// An npm archive that holds a libchdb.so of the text "other".
	f("another library", `mkdir=/bin/mkdir; $mkdir package && echo other >package/libchdb.so && /bin/tar czf x.tgz package`,
		"SHA-256", "served something else")
	f("no archive", "exit 0", "0 archives")
}
