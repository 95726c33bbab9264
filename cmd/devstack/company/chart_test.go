package company

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/rules/packs"
)

// The shipped pack classifies the company's accounts as the company itself does,
// for sources that send no classes.
func TestPackKnowsTheChart(t *testing.T) {
	lines := event.Ledger.Lookup("lines")
	account, subtype := fieldOf(lines.Schema(), "account"), fieldOf(lines.Schema(), "account_subtype")
	classes := map[string]string{}
	g := New(3, start, Options{})
	for range enough {
		item := g.Next()
		if item.Event.Schema() != event.Ledger {
			continue
		}
		for _, l := range item.Event.Records(lines) {
			classes[l.Text(account)] = l.Text(subtype)
		}
	}
	if len(classes) < 15 {
		t.Fatalf("only %d accounts were posted to", len(classes))
	}
	engine := classifier(t, subtype.Values)
	for number, want := range classes {
		e := event.New(event.LookupType("ledger.journal_entry.posted"))
		e.AddRecord(lines).SetText(account, number)
		got := ""
		for _, v := range engine.Judge(nil, e, time.Now()) {
			if v.Outcome == rules.Match {
				got += strings.ReplaceAll(strings.ToLower(v.Rule.ID), "-", "_")
			}
		}
		if got != want {
			t.Errorf("account %s is %q in the pack, and %s in the company", number, got, want)
		}
	}
}

// classifier has the shipped chart and a rule for each class, named for it.
func classifier(t *testing.T, classes []string) *rules.Engine {
	t.Helper()
	shipped, _ := packs.Open("sox409")
	chart, err := fs.ReadFile(shipped, "accounts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"accounts.yaml": {Data: chart},
		"pack.yaml":     {Data: []byte("schema: tocsin.pack/v1\nid: classes\ntitle: Classes\ngroup_currency: USD\n")},
	}
	for _, class := range classes {
		id := strings.ToUpper(strings.ReplaceAll(class, "_", "-"))
		files["rules/"+id+".yaml"] = &fstest.MapFile{Data: []byte("id: " + id + "\nrevision: 1\ntitle: " + class + `
owner: controller
item: I
severity: S4
applies_to: [ledger.journal_entry.posted]
citation: none
when: any(lines, .account_subtype == "` + class + `")
deadline: { clock: I }
runbook: Read it.
`)}
	}
	pack, mistakes := rules.Load(files, "classes", nil)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	return rules.NewEngine(pack)
}
