package packs_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"tocsin/rules"
	"tocsin/rules/packs"
)

// Every alteration of a shipped rule turns a case of the rule red: the cases
// hold each threshold, comparison and clause in its place. TOCSIN_RULE names
// the rules to try, by a pattern; all without it.
func TestMutants(t *testing.T) {
	only := regexp.MustCompile(os.Getenv("TOCSIN_RULE"))
	for _, name := range packs.Names() {
		pack, _ := packs.Open(name)
		var killed, total atomic.Int64
		t.Run(name, func(t *testing.T) {
			for _, file := range glob(t, pack, "rules/*.yaml") {
				id := strings.TrimSuffix(path.Base(file), ".yaml")
				if !only.MatchString(id) {
					continue
				}
				t.Run(id, func(t *testing.T) {
					t.Parallel()
					rule := read(t, pack, file)
					if judged(t, pack, id, rule) != green {
						t.Fatal("its cases fail as it is")
					}
					for _, m := range mutants(t, rule) {
						switch judged(t, pack, id, m.text) {
						case red:
							killed.Add(1)
							total.Add(1)
						case green:
							total.Add(1)
							t.Errorf("no case turns red: %s", m.what)
						}
					}
				})
			}
		})
		t.Logf("%s: %d of %d alterations turn a case red", name, killed.Load(), total.Load())
	}
}

// fate is what became of an altered rule.
type fate uint8

const (
	refused fate = iota // it is not a rule: the checker refuses it
	red                 // a case fails
	green               // every case passes
)

var unread = regexp.MustCompile(`nothing reads the (param|let) ([a-z0-9_]+)`)

// judged runs the cases of a rule on an altered text of it. Params and lets
// that nothing reads any more go with the clause that read them: otherwise the
// checker would find the alteration, and the cases would not be tried.
func judged(t *testing.T, pack fs.FS, id, text string) fate {
	t.Helper()
	for {
		altered := fstest.MapFS{"rules/" + id + ".yaml": {Data: []byte(text)}}
		for _, file := range append(glob(t, pack, "profiles/*"), "pack.yaml", "accounts.yaml", "cases/"+id+".yaml") {
			altered[file] = &fstest.MapFile{Data: []byte(read(t, pack, file))}
		}
		p, mistakes := rules.Load(altered, "altered", nil)
		if p != nil {
			report := p.RunCases()
			if report.Passed() < len(report.Results) {
				return red
			}
			return green
		}
		before := text
		for _, m := range mistakes {
			found := unread.FindStringSubmatch(m.Message)
			if found == nil {
				return refused
			}
			text = withoutName(t, text, found[1]+"s", found[2])
		}
		if text == before {
			return refused
		}
	}
}

// withoutName takes a param or let out of a rule.
func withoutName(t *testing.T, text, section, name string) string {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	top := doc.Content[0]
	for i := 0; i < len(top.Content); i += 2 {
		if top.Content[i].Value+"s" != section && top.Content[i].Value != section {
			continue
		}
		members := top.Content[i+1]
		for j := 0; j < len(members.Content); j += 2 {
			if members.Content[j].Value == name {
				members.Content = append(members.Content[:j:j], members.Content[j+2:]...)
				break
			}
		}
		if len(members.Content) == 0 {
			top.Content = append(top.Content[:i:i], top.Content[i+2:]...)
		}
		break
	}
	out, err := yaml.Marshal(&doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func glob(t *testing.T, pack fs.FS, pattern string) []string {
	t.Helper()
	files, err := fs.Glob(pack, pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, pack fs.FS, file string) string {
	t.Helper()
	data, err := fs.ReadFile(pack, file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
