package load

import (
	"flag"
	"os"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/load/adsgl"
)

// The page names every file of columns that ships, and every flag about a ledger.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, name := range adsgl.ShippedNames() {
		if !strings.Contains(page, "(adsgl/columns/"+name+".yaml)") {
			t.Errorf("the page does not name the file of columns %s", name)
		}
	}
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	new(Input).LedgerFlags(flags)
	flags.VisitAll(func(f *flag.Flag) {
		if !strings.Contains(page, "--"+f.Name) {
			t.Errorf("the page does not name --%s", f.Name)
		}
	})
}
