package packs

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/tocsin/cli"
	"tocsin/rules/packs"
)

// TestCatalogue compares the generated catalogue of each shipped pack with its
// rules. go test ./cmd/tocsin/packs -run Catalogue -update writes it again.
func TestCatalogue(t *testing.T) {
	for _, name := range packs.Names() {
		var out, errs bytes.Buffer
		if code := Command.Run(t.Context(), []string{"catalogue", name}, nil, &out, &errs); code != cli.OK {
			t.Fatalf("%s: exit code %d: %s", name, code, &errs)
		}
		path := filepath.Join("..", "..", "..", "rules", "packs", name, "README.md")
		if *update {
			if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		held, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(held), out.String()); diff != "" {
			t.Errorf("%s (-held +generated)\n%s", path, diff)
		}
	}
}
