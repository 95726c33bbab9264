package packs

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"tocsin/cmd/tocsin/cli"
)

// extract writes a pack of testdata/rules into a directory.
func extract(t *testing.T, name string) string {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", "rules", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), name)
	for _, f := range a.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRulesCommand(t *testing.T) {
	f := func(args []string, code int, parts ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if got := Command.Run(t.Context(), args, nil, &out, &errs); got != code {
			t.Errorf("%v: exit code %d, want %d\n%s%s", args, got, code, &out, &errs)
		}
		for _, part := range parts {
			if all := out.String() + errs.String(); !strings.Contains(all, part) {
				t.Errorf("%v: %q is not in\n%s", args, part, all)
			}
		}
	}
	good, bad, failing, gap := extract(t, "good"), extract(t, "bad"), extract(t, "failing"), extract(t, "gap")
	f([]string{"check", good}, cli.OK, "good: 1 rule, 0 profiles, calendar ", "digest ")
	f([]string{"test", good}, cli.OK, "3 cases, 3 passed")
	f([]string{"check", "sox409"}, cli.OK, "sox409: ")
	f([]string{"test", "sox409"}, cli.OK, " passed")
	f([]string{"check", bad}, cli.Failed, "[E201]", "did you mean contract.total_value_group?", "[E102]", "2 mistakes")
	f([]string{"test", bad}, cli.Failed, "2 mistakes")
	f([]string{"check", failing}, cli.OK)
	f([]string{"test", failing}, cli.Failed, "the outcome is match, want no_match [E410]", "3 cases, 2 passed", "1 mistake; tocsin rules help CODE")
	f([]string{"check", gap}, cli.Failed, "[E411]")
	f([]string{"check", "--calendar", filepath.Join(good, "none"), good}, cli.Usage, "calendar overrides")
	f([]string{"check", "nosuch"}, cli.Usage, "neither a directory nor a shipped pack", "sox409")
	f([]string{"check"}, cli.Usage, "one pack")
	f([]string{"check", good, bad}, cli.Usage, "one pack")
	f([]string{"chek", good}, cli.Usage, "did you mean check?")
	f([]string{"check", "--jason", good}, cli.Usage, "jason")
	f([]string{"check", "--sarif", bad}, cli.Failed, `"version": "2.1.0"`, `"ruleId": "E201"`, "rules/A.yaml")
	f([]string{"help", "E206"}, cli.OK, "E206 a number without a currency")
	f([]string{"help", "[e206]"}, cli.OK, "E206 a number without a currency")
	f([]string{"help"}, cli.OK, "E101 not YAML", "E502 ")
	f([]string{"help", "E999"}, cli.Usage, "there is no code E999")
	f([]string{"-h"}, cli.OK, "tocsin rules test ")
	f(nil, cli.Usage, "check, test, mutate")
}

func TestRulesJSON(t *testing.T) {
	f := func(verb, pack string, code int) packReport {
		t.Helper()
		var out, errs bytes.Buffer
		if got := Command.Run(t.Context(), []string{verb, "--json", extract(t, pack)}, nil, &out, &errs); got != code {
			t.Errorf("exit code %d, want %d: %s", got, code, &errs)
		}
		var r packReport
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Fatalf("%v in\n%s", err, &out)
		}
		return r
	}
	if r := f("test", "good", cli.OK); len(r.Digest) != 64 || r.Passed != 3 || len(r.Cases) != 3 || r.Cases[0].Outcome != "match" || r.Mistakes == nil || len(r.Mistakes) != 0 {
		t.Errorf("%+v", r)
	}
	if r := f("check", "bad", cli.Failed); len(r.Mistakes) != 2 || r.Mistakes[0].Line == 0 || r.Mistakes[0].Code == "" || r.Digest != "" {
		t.Errorf("%+v", r)
	}
	if r := f("test", "failing", cli.Failed); r.Passed != 2 || r.Cases[2].Passed || r.Cases[2].Line != 7 {
		t.Errorf("%+v", r)
	}
}

// TestRulesUpdate: updated cases pass, and a build server reads the report.
func TestRulesUpdate(t *testing.T) {
	pack := extract(t, "failing")
	junit := filepath.Join(t.TempDir(), "junit.xml")
	run := func(code int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := Command.Run(t.Context(), append([]string{"test"}, args...), nil, &out, &errs); got != code {
			t.Errorf("%v: exit code %d, want %d\n%s%s", args, got, code, &out, &errs)
		}
		return out.String() + errs.String()
	}
	run(cli.Failed, pack, "--junit", junit)
	text, err := os.ReadFile(junit)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Suites []struct {
			Name            string `xml:"name,attr"`
			Tests, Failures int    `xml:",attr"`
			Cases           []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text, &read); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if len(read.Suites) != 2 || read.Suites[0].Name != "A" || len(read.Suites[0].Cases) != 3 || read.Suites[0].Cases[0].Failure != nil || read.Suites[0].Cases[2].Failure == nil {
		t.Errorf("%s", text)
	}
	if got := run(cli.Failed, pack, "--update"); !strings.Contains(got, "A.yaml: written; review it") {
		t.Errorf("update prints %q", got)
	}
	if got := run(cli.OK, pack); !strings.Contains(got, "3 cases, 3 passed; ") {
		t.Errorf("after the update: %q", got)
	}
}
