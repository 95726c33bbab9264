package rules_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/cmd/devstack/company"
	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/rules/packs"
)

// Packs of many rules, and how long they take. A large company does not write one
// rule a thousand times: it writes a rule again for an entity, with another
// threshold, or both. So do these packs with the rules of the shipped one.

// shippedRules are the texts of the shipped rules that keep, by id, and the files
// that they need.
func shippedRules(tb testing.TB, keep func(text string) bool) (ids []string, texts map[string]string, rest fstest.MapFS) {
	tb.Helper()
	shipped, _ := packs.Open("sox409")
	texts, rest = map[string]string{}, fstest.MapFS{}
	err := fs.WalkDir(shipped, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Dir(name) == "cases" {
			return err
		}
		data, err := fs.ReadFile(shipped, name)
		switch {
		case path.Dir(name) != "rules":
			rest[name] = &fstest.MapFile{Data: data}
		case keep(string(data)):
			id := strings.TrimSuffix(path.Base(name), ".yaml")
			ids, texts[id] = append(ids, id), string(data)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return ids, texts, rest
}

// scaled is n rules: the shipped ones that keep, first as they are, then again and
// again with variations. edit changes each text first.
func scaled(tb testing.TB, n int, keep func(string) bool, edit func(string) string) fstest.MapFS {
	tb.Helper()
	ids, texts, fsys := shippedRules(tb, keep)
	order := rand.New(rand.NewPCG(1, 1)).Perm(len(ids)) // so that few of them are of every kind
	for i := range n {
		id := ids[order[i%len(ids)]]
		again := fmt.Sprintf("%s.%d", id, i)
		text := strings.Replace(edit(texts[id]), "id: "+id, "id: "+again, 1)
		fsys["rules/"+again+".yaml"] = &fstest.MapFile{Data: []byte(vary(text, i/len(ids)))}
	}
	return fsys
}

func every(string) bool           { return true }
func onJournals(text string) bool { return strings.Contains(text, "ledger.journal_entry.posted") }
func asItIs(text string) string   { return text }

var (
	appliesTo    = regexp.MustCompile(`(?m)^applies_to: \[([^],]*).*$`)
	plainWhen    = regexp.MustCompile(`(?m)^when: ([^|\n].*)$`)
	blockWhen    = regexp.MustCompile(`(?m)^when: \|\n((?:  .*\n)+)`)
	threshold    = regexp.MustCompile(`materiality\.[a-z_]+`)
	paramsBegin  = regexp.MustCompile(`(?m)^params:\n`)
	whenBegin    = regexp.MustCompile(`(?m)^when:`)
	entities     = []string{"1000", "2000", "3000", "4000"}
	applications = []string{"erp-prod", "consol-prod", "billing-prod", "treasury-prod"}
)

// vary is the k-th variation of a rule: 0 is the rule itself, and of the others one
// third has other thresholds, one third is for an entity, and one third is both.
func vary(text string, k int) string {
	if k == 0 {
		return text
	}
	if k%3 != 1 && threshold.MatchString(text) {
		text = threshold.ReplaceAllString(text, "(wider * $0)")
		wider := fmt.Sprintf("  wider: %d.%d%%\n", 100+k/10, k%10)
		if at := paramsBegin.FindStringIndex(text); at != nil {
			text = text[:at[1]] + wider + text[at[1]:]
		} else {
			at := whenBegin.FindStringIndex(text)
			text = text[:at[0]] + "params:\n" + wider + text[at[0]:]
		}
		if k%3 == 2 {
			return text
		}
	}
	scope := fmt.Sprintf(`(system_id ?? "") == %q`, applications[k%len(applications)])
	if event.LookupType(appliesTo.FindStringSubmatch(text)[1]).Schema == event.Ledger {
		scope = fmt.Sprintf(`(company_code ?? "") == %q`, entities[k%len(entities)])
	}
	text = plainWhen.ReplaceAllString(text, "when: ("+"$1"+") and "+scope)
	return blockWhen.ReplaceAllString(text, "when: |\n  (\n$1  ) and "+scope+"\n")
}

// mix are events of the company, and when each was seen.
func mix(n int, options company.Options, keep func(*event.Event) bool) (events []*event.Event, seen []time.Time) {
	g := company.New(11, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), options)
	for len(events) < n {
		if item := g.Next(); keep(item.Event) {
			events, seen = append(events, item.Event), append(seen, g.Now().Add(time.Second))
		}
	}
	return events, seen
}

func anyEvent(*event.Event) bool    { return true }
func isJournal(e *event.Event) bool { return e.Type().Name == "ledger.journal_entry.posted" }

// engines are those of benchmarks that have run: a pack of 5,000 rules takes longer to
// load than to measure.
var engines = map[string]*rules.Engine{}

// judgeAll is one benchmark: events in turn by one engine. It reports processor time,
// which a busy machine changes less than the time of the clock.
func judgeAll(b *testing.B, pack func() fstest.MapFS, events []*event.Event, seen []time.Time) {
	b.Helper()
	engine := engines[b.Name()]
	if engine == nil {
		engine = rules.NewEngine(load(b, pack()))
		engines[b.Name()] = engine
	}
	var dst []rules.Verdict
	verdicts, found, i := 0, 0, 0
	b.ReportAllocs()
	began := processorTime(b)
	for b.Loop() {
		dst = engine.Judge(dst[:0], events[i], seen[i])
		verdicts += len(dst)
		if i++; i == len(events) {
			i = 0
		}
	}
	took := processorTime(b) - began
	for i := range events {
		for _, v := range engine.Judge(nil, events[i], seen[i]) {
			if v.Candidate() {
				found++
			}
		}
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(took.Nanoseconds())/float64(max(verdicts, 1)), "cpu-ns/verdict")
	b.ReportMetric(float64(found)/float64(len(events)), "findings/event")
}

// BenchmarkMemory is what an engine of a thousand rules keeps, and the same with the
// pack that it was made of.
func BenchmarkMemory(b *testing.B) {
	const n = 1000
	files := scaled(b, n, every, asItIs)
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / 1024 / n
	}
	for b.Loop() {
		before := heap()
		pack := load(b, files)
		engine := rules.NewEngine(pack)
		b.ReportMetric(heap()-before, "KiB/rule-with-pack")
		runtime.KeepAlive(pack)
		pack = nil
		b.ReportMetric(heap()-before, "KiB/rule")
		runtime.KeepAlive(engine)
	}
}

// BenchmarkMix is the realistic mix: the company's events, one disclosure event in
// 200 and none.
func BenchmarkMix(b *testing.B) {
	for _, oneIn := range []int{200, -1} {
		events, seen := mix(4000, company.Options{OneIn: oneIn}, anyEvent)
		for _, n := range []int{50, 88, 1000, 5000} {
			b.Run(fmt.Sprintf("oneIn=%d/rules=%d", oneIn, n), func(b *testing.B) {
				judgeAll(b, func() fstest.MapFS { return scaled(b, n, every, asItIs) }, events, seen)
			})
		}
	}
}

// BenchmarkJournals has all rules on journals.
func BenchmarkJournals(b *testing.B) {
	events, seen := mix(2000, company.Options{OneIn: -1}, isJournal)
	for _, n := range []int{88, 1000, 2000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			judgeAll(b, func() fstest.MapFS { return scaled(b, n, onJournals, asItIs) }, events, seen)
		})
	}
}

// BenchmarkStorm has every rule for the ledger on journals, which lack what most of
// them read: they are undecided.
func BenchmarkStorm(b *testing.B) {
	ledger := func(text string) bool {
		return event.LookupType(appliesTo.FindStringSubmatch(text)[1]).Schema == event.Ledger
	}
	moved := func(text string) string {
		return appliesTo.ReplaceAllString(text, "applies_to: [ledger.journal_entry.posted]")
	}
	events, seen := mix(200, company.Options{OneIn: -1}, isJournal)
	judgeAll(b, func() fstest.MapFS { return scaled(b, 88, ledger, moved) }, events, seen)
}
