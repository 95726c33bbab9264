package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/cmd/tocsin/cli"
	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/rules/packs"
)

// judge returns the id of each event and those of its candidates, by the key of
// the record. Those of matters other than the journal, such as a registrant without a
// profile, stand behind a star.
func judge(t *testing.T, engine *rules.Engine, events string) map[string]string {
	t.Helper()
	decoder, e := event.NewDecoder(event.Limits{}), event.New(event.Types()[0])
	all := make(map[string]string)
	for text := range strings.Lines(events) {
		if f := decoder.Decode(e, []byte(text), nil); f != nil {
			t.Fatal(f)
		}
		key := e.Text(event.Ledger.Lookup("source_record_key"))
		words := []string{e.Text(event.Ledger.Lookup("event_id"))}
		for _, v := range engine.Judge(nil, e, time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)) {
			switch {
			case v.Finding == nil:
			case v.Finding.Key == key:
				words = append(words, v.Rule.ID+" "+v.Finding.CandidateID)
			default:
				words = append(words, "*"+v.Rule.ID+" "+v.Finding.CandidateID)
			}
		}
		if _, twice := all[key]; twice {
			t.Fatalf("two events have the key %s", key)
		}
		all[key] = strings.Join(words, "\n")
	}
	return all
}

// entry is a journal as rows of a file.
type entry [][]string

var entryColumns = []string{"Journal_ID", "Journal_ID_Line_Number", "Fiscal_Year", "Business_Unit_Code", "GL_Account_Number", "Amount", "Amount_Currency", "Posting_Date", "Entered_By", "JE_Line_Description", "Entered_Date", "Source"}

// saturday is a day of entry that a rule asks about.
var saturday = map[string]string{"2025": "2025-03-01", "2026": "2026-02-28"}

func drawEntries(rt *rapid.T, units []string) []entry {
	var all []entry
	for n := range rapid.IntRange(1, 2).Draw(rt, "numbers") {
		for _, year := range rapid.SampledFrom([][]string{{"2026"}, {"2025", "2026"}}).Draw(rt, "years") {
			for _, unit := range units {
				amount := rapid.SampledFrom([]string{"12000000.00", "9912000.00", "5.10"}).Draw(rt, "amount")
				all = append(all, entry{
					{fmt.Sprint(n + 1), "1", year, unit, "6100", amount, "USD", year + "-03-02", "jdoe", "Accrual, legal", saturday[year], "MANUAL"},
					{fmt.Sprint(n + 1), "2", year, unit, "2400", "-" + amount, "USD", year + "-03-02", "jdoe", "", saturday[year], "MANUAL"},
				})
			}
		}
	}
	return all
}

// fileOf writes journals in a drawn form.
func fileOf(rt *rapid.T, entries []entry) string {
	rows := slices.Concat(entries...)
	rows = rapid.Permutation(rows).Draw(rt, "rows")
	order := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}).Draw(rt, "columns")
	separator, end := rapid.SampledFrom(separators).Draw(rt, "separator"), rapid.SampledFrom(ends).Draw(rt, "end")
	var ordered [][]string
	for _, row := range append([][]string{entryColumns}, rows...) {
		cells := make([]string, len(row))
		for to, from := range order {
			cells[to] = `"` + row[from] + `"`
		}
		ordered = append(ordered, cells)
	}
	return apart(separator, end, ordered...)
}

// A journal has the same event and the same candidates alone, in a larger extract,
// and in one of several files. The same number in another ledger, company or year is
// another journal, with candidates of its own.
func TestExtractsGiveTheSameEventsAndCandidates(t *testing.T) {
	files, _ := packs.Open("sox409")
	pack, mistakes := rules.Load(files, "sox409", nil)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	engine := rules.NewEngine(pack)
	candidates := 0
	rapid.Check(t, func(rt *rapid.T) {
		load := func(source string, entries []entry) map[string]string {
			file := fileOf(rt, entries)
			code, stdout, stderr := loaded(t, file, "--format", "ads-gl", "-", "--out", "-", "--source", source, "--registrant", "9999999", "--manual-source", "MANUAL")
			if code != cli.OK {
				rt.Fatalf("exit %d: %s\n%s", code, stderr, file)
			}
			return judge(t, engine, stdout)
		}
		units := rapid.SampledFrom([][]string{{""}, {"US01"}, {"US01", "DE01"}, {"US01", "DE01", "FR/1"}}).Draw(rt, "units")
		entries := drawEntries(rt, units)
		whole := load("erp", entries)
		if len(whole) != len(entries) {
			rt.Fatalf("%d journals give %d events", len(entries), len(whole))
		}
		alone, several := make(map[string]string), make(map[string]string)
		for _, e := range entries {
			maps.Copy(alone, load("erp", []entry{e}))
		}
		parts := make([][]entry, 3)
		for _, e := range entries {
			at := rapid.IntRange(0, 2).Draw(rt, "file")
			parts[at] = append(parts[at], e)
		}
		for _, part := range parts {
			if len(part) > 0 {
				maps.Copy(several, load("erp", part))
			}
		}
		for name, got := range map[string]map[string]string{"alone": alone, "in several files": several} {
			if diff := cmp.Diff(whole, got); diff != "" {
				rt.Fatalf("(-one file +%s)\n%s", name, diff)
			}
		}
		seen := make(map[string]string)
		for _, source := range []map[string]string{whole, load("crp", entries)} {
			for key, ids := range source {
				for id := range strings.SplitSeq(ids, "\n") {
					if strings.HasPrefix(id, "*") {
						continue
					}
					if strings.HasPrefix(id, "JET-") {
						candidates++
					}
					if other, known := seen[id]; known {
						rt.Fatalf("%s and %s share %s", key, other, id)
					}
					seen[id] = key
				}
			}
		}
	})
	if candidates < 500 {
		t.Errorf("%d candidates: the test has lost its aim", candidates)
	}
}
