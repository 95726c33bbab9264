package packs

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"tocsin/cmd/tocsin/cli"
)

var update = flag.Bool("update", false, "write the golden files again")

// TestRulesGolden runs the command lines of testdata/judge/*.txtar. An archive holds
// input files and command lines. The lines of a file NAME.args are the arguments of
// one command; NAME.want holds its exit code, standard output and standard error.
// FILE/ in the arguments is the directory of the archive's files.
func TestRulesGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/judge/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		files := map[string]string{}
		for _, f := range archive.Files {
			files[f.Name] = string(f.Data)
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, f.Name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for i := 0; i < len(archive.Files); i++ {
			name, ok := strings.CutSuffix(archive.Files[i].Name, ".args")
			if !ok {
				continue
			}
			args := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(archive.Files[i].Data), "FILE/", dir+"/")), "\n")
			var out, errs bytes.Buffer
			code := commandOf(args[0]).Run(t.Context(), args[1:], strings.NewReader(""), &out, &errs)
			got := strings.ReplaceAll("exit code "+string(rune('0'+code))+"\n"+out.String()+"--- standard error\n"+errs.String(), dir+"/", "FILE/")
			if *update {
				want := txtar.File{Name: name + ".want", Data: []byte(got)}
				if i+1 < len(archive.Files) && archive.Files[i+1].Name == want.Name {
					archive.Files[i+1] = want
				} else {
					archive.Files = append(archive.Files[:i+1], append([]txtar.File{want}, archive.Files[i+1:]...)...)
				}
				continue
			}
			if diff := cmp.Diff(files[name+".want"], got); diff != "" {
				t.Errorf("%s: %s (-want +got)\n%s", path, name, diff)
			}
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// commandOf returns the command of a name.
func commandOf(name string) *cli.Command {
	if name == "materiality" {
		return MaterialityCommand
	}
	return Command
}

// TestEvalAndExplainAgree: eval and explain print the same data and the same
// sentence about a candidate.
func TestEvalAndExplainAgree(t *testing.T) {
	run := func(args ...string) candidateLine {
		t.Helper()
		var out, errs bytes.Buffer
		if code := Command.Run(t.Context(), args, strings.NewReader(contractEvent), &out, &errs); code != cli.OK {
			t.Fatalf("%v: exit code %d\n%s", args, code, &errs)
		}
		var line candidateLine
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		return line
	}
	judged := run("eval", "--events", "-", "--rule", "CON-01", "--json")
	explained := run("explain", "--event", "-", "--rule", "CON-01", "--json")
	if judged.Explanation.Sentence == "" || len(judged.Explanation.Change) == 0 || len(judged.Explanation.Steps) == 0 {
		t.Errorf("not explained: %+v", judged)
	}
	if diff := cmp.Diff(judged, explained); diff != "" {
		t.Errorf("(-eval +explain)\n%s", diff)
	}
}

const contractEvent = `{"specversion":"1.0","type":"ledger.contract.executed","source":"urn:clm","id":"C-9","time":"2026-03-02T18:30:00-05:00","data":{"registrant_cik":"0009999999","group_currency":"USD","contract":{"contract_id":"C-9","executed_at":"2026-03-02T18:30:00-05:00","total_value_group":130000000}}}`
