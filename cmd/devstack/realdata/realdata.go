// Package realdata finds the real ledgers and filings that some tests read. They lie
// beside the project and not in it.
package realdata

import (
	"os"
	"path/filepath"
	"testing"
)

// File returns the path of a file of the real data: below the directory TOCSIN_REAL, or
// else in shared/real beside the project. Where the file is absent the test is skipped
// with a message; where TOCSIN_REAL promises it and CI is true, the test fails.
func File(t *testing.T, name string) string {
	t.Helper()
	dir, promised := os.Getenv("TOCSIN_REAL"), true
	if dir == "" {
		dir, promised = filepath.Join(root(t), "..", "shared", "real"), false
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		if promised && os.Getenv("CI") == "true" {
			t.Fatalf("TOCSIN_REAL names the directory of the real data, and %s is not in it: %v", name, err)
		}
		t.Skipf("there is no %s: set TOCSIN_REAL to the directory that holds %s", path, name)
	}
	return path
}

// root is the directory of go.mod. A test runs in that of its package.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	t.Fatalf("no go.mod above the test: %v", err)
	return ""
}
