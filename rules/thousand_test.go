package rules_test

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/rules"
	"tocsin/rules/packs"
)

// thousand is the shipped pack with its rules and cases again and again, up to
// n of them.
func thousand(tb testing.TB, n int) fstest.MapFS {
	tb.Helper()
	shipped, _ := packs.Open("sox409")
	out, ids := fstest.MapFS{}, []string{}
	read := func(name string) []byte {
		text, err := fs.ReadFile(shipped, name)
		if err != nil {
			tb.Fatal(err)
		}
		return text
	}
	err := fs.WalkDir(shipped, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir() || strings.HasPrefix(name, "cases/"):
		case strings.HasPrefix(name, "rules/"):
			ids = append(ids, strings.TrimSuffix(path.Base(name), ".yaml"))
		default:
			out[name] = &fstest.MapFile{Data: read(name)}
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		id := ids[i%len(ids)]
		again := fmt.Sprintf("%s.%d", id, i)
		out["rules/"+again+".yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(string(read("rules/"+id+".yaml")), "id: "+id, "id: "+again, 1))}
		out["cases/"+again+".yaml"] = &fstest.MapFile{Data: read("cases/" + id + ".yaml")}
	}
	return out
}

// TestThousandRules: a pack of a thousand rules is loaded and checked, and its cases
// pass. A rule costs no more processor time there than three times what it costs in a
// small pack. A bound in seconds would also measure the machine.
func TestThousandRules(t *testing.T) {
	check := func(n int) (each time.Duration) {
		files := thousand(t, n)
		began := processorTime(t)
		pack, mistakes := rules.Load(files, "thousand", nil)
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		for _, m := range pack.Check() {
			if m.Code != "E325" { // all but the first of each are the same rule
				t.Error(m)
			}
		}
		checked := processorTime(t) - began
		report := pack.RunCases()
		if report.Passed() != len(report.Results) {
			t.Error(report.Mistakes())
		}
		t.Logf("%d rules checked in %s, with %d cases in %s", n, checked, len(report.Results), processorTime(t)-began)
		return checked / time.Duration(n)
	}
	check(100) // the first load also fills caches
	few, many := check(100), check(1000)
	if many > 3*few {
		t.Errorf("a rule is checked in %s among 1000 and in %s among 100, want at most three times as long", many, few)
	}
}

func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
