package preflight_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/preflight"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestCheckJSON: what scripts read, its keys and its order, is an interface.
func TestCheckJSON(t *testing.T) {
	s := newSite(t)
	ours := authority.New(t, "ours")
	front := authority.NewFront(t, s.address, ours.Server(ours.Pool()))
	files := authority.In(t.TempDir())
	ours.Write(files, "client")
	s.topic("kept.long", 3, "retention.ms=8640000000", "min.insync.replicas=1")
	var got []txtar.File
	f := func(name string, code int, replace ...string) {
		t.Helper()
		path := s.file(replace...)
		var out bytes.Buffer
		if c := preflight.Command.Run(t.Context(), []string{"--json", "--config", path}, nil, &out, io.Discard); c != code {
			t.Errorf("%s: exit code %d, want %d", name, c, code)
		}
		text := out.String()
		for _, r := range []struct{ found, instead string }{
			{regexp.QuoteMeta(path), "tocsin.yaml"}, {regexp.QuoteMeta(files.Cert), "cert.pem"}, {`digest [0-9a-f]{64}`, "digest D"},
			{`\d+ rules`, "N rules"}, {`calendar [^"]+`, "calendar C"}, {`expires at [0-9TZ:-]+`, "expires at T"},
		} {
			text = regexp.MustCompile(r.found).ReplaceAllString(text, r.instead)
		}
		got = append(got, txtar.File{Name: name, Data: []byte(text)})
	}
	f("ok-and-warnings.json", cli.OK, `addresses: ["`+s.address, `tls: { ca: `+files.CA+`, cert: `+files.Cert+`, key: `+files.Key+` }, addresses: ["`+front.Addr)
	f("a-failure-and-warnings.json", cli.Failed, "ledger.events", "kept.long")
	f("mistakes.json", cli.Failed, "worker: {}", "worker: { lingr: 1s }", "max_age: 48h", "max_age: long")

	golden := filepath.Join("testdata", "check.txtar")
	written := txtar.Format(&txtar.Archive{Comment: []byte("tocsin check --json: level is ok, warning or failure; code, place and remedy are left out where there are none.\n"), Files: got})
	if *update {
		if err := os.WriteFile(golden, written, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(written)); diff != "" {
		t.Errorf("scripts read this: change it for a reason, note it in the changelog, and run the test with -update\n%s", diff)
	}
}
