package company

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/event"
	"tocsin/rules/money"
)

// start is the last day of a quarter, so that a run meets the close.
var start = time.Date(2026, 3, 31, 13, 0, 0, 0, time.UTC)

const enough = 24_000 // events: several days, and every kind of plant several times

func TestSameSeedSameEvents(t *testing.T) {
	a, b, c := New(7, start, Options{}), New(7, start, Options{}), New(8, start, Options{})
	differ := false
	for range 2_000 {
		x, y, z := a.Next(), b.Next(), c.Next()
		if !event.Equal(x.Event, y.Event) || x.Key != y.Key || x.Topic != y.Topic || !slices.Equal(x.Planted, y.Planted) {
			t.Fatalf("two generators of one seed differ: %s and %s", x.Key, y.Key)
		}
		differ = differ || !event.Equal(x.Event, z.Event)
	}
	if !differ {
		t.Error("another seed gives the same events")
	}
}

// Every event is one that a worker can read, its id is its own, time does not
// run back, and what is planted is nowhere in it.
func TestEventsAreSound(t *testing.T) {
	g := New(1, start, Options{})
	decoder, back := event.NewDecoder(event.Limits{}), event.New(event.Types()[0])
	ids, objects, types := make(map[string]bool), make(map[string]bool), make(map[string]int)
	last := start
	var buf []byte
	for range enough {
		item := g.Next()
		buf = item.Event.AppendJSON(buf[:0])
		if f := decoder.Decode(back, buf, nil); f != nil || decoder.Unknown() > 0 || !event.Equal(back, item.Event) {
			t.Fatalf("%s does not come back: %v\n%s", item.Key, f, buf)
		}
		id := item.Event.Text(item.Event.Schema().Lookup("event_id"))
		if ids[id] {
			t.Fatalf("the id %s stands twice", id)
		}
		ids[id] = true
		types[item.Event.Type().Name]++
		if !strings.HasPrefix(item.Key, Registrant+"/") || (item.Topic == "ledger.events") != (item.Event.Schema() == event.Ledger) {
			t.Errorf("key %q, topic %q of %s", item.Key, item.Topic, item.Event.Type().Name)
		}
		for _, p := range item.Planted {
			if objects[p.Rule+p.Key] || p.Key == "" {
				t.Errorf("%s is planted twice under %q", p.Rule, p.Key)
			}
			objects[p.Rule+p.Key] = true
			if bytes.Contains(buf, []byte(p.Rule)) || bytes.Contains(buf, []byte("plant\"")) {
				t.Errorf("the event tells that %s is planted", p.Rule)
			}
		}
		if g.Now().Before(last) {
			t.Fatal("time runs back")
		}
		last = g.Now()
	}
	if len(types) < 25 {
		t.Errorf("only %d types of events: %v", len(types), types)
	}
	if days := last.Sub(start).Hours() / 24; days < 1 || days > 10 {
		t.Errorf("%d events took %.1f days", enough, days)
	}
}

// One event in N is planted, exactly, and every kind comes as often as any.
func TestPlantsAtTheStatedRate(t *testing.T) {
	g := New(3, start, Options{OneIn: 50})
	count := make(map[string]int)
	for n := 1; n <= 50*4*len(Kinds()); n++ {
		if item := g.Next(); (item.Planted != nil) != (n%50 == 0) {
			t.Fatalf("event %d: planted %v", n, item.Planted)
		} else if item.Planted != nil {
			count[item.Planted[0].Rule]++
		}
	}
	want := make(map[string]int)
	for _, rule := range Kinds() {
		want[rule] = 4
	}
	if diff := cmp.Diff(want, count); diff != "" || len(want) != 34 {
		t.Errorf("%d kinds (-want +got):\n%s", len(want), diff)
	}
	quiet := New(3, start, Options{OneIn: -1})
	for range 1_000 {
		if item := quiet.Next(); item.Planted != nil {
			t.Fatalf("planted %v with nothing to plant", item.Planted)
		}
	}
}

// Debits equal credits in both currencies in every journal that is not planted
// as unbalanced, and totals are those of the lines.
func TestJournalsBalance(t *testing.T) {
	g := New(5, start, Options{})
	journals, reversals, prior, broken := 0, 0, 0, 0
	for range enough {
		item := g.Next()
		e := item.Event
		if e.Type().Name != "ledger.journal_entry.posted" {
			continue
		}
		journals++
		wrong := slices.ContainsFunc(item.Planted, func(p Planting) bool { return p.Rule == "OPS-05" })
		if e.Bool(fieldOf(e.Schema(), "is_reversal")) {
			reversals++
			if e.Text(fieldOf(e.Schema(), "reverses_document")) == "" {
				t.Errorf("%s reverses nothing", item.Key)
			}
		}
		if e.Bool(fieldOf(e.Schema(), "posted_to_prior_period")) {
			prior++
		}
		local, group, debits := sums(t, e)
		gross := e.Amount(fieldOf(e.Schema(), "gross_amount_group"))
		said := e.Bool(fieldOf(e.Schema(), "balanced"))
		if said != local.IsZero() || said != group.IsZero() || said == wrong || gross.Cmp(debits) != 0 {
			t.Errorf("%s: planted %v, balanced %v, off by %s and %s, gross %s of %s", item.Key, item.Planted, said, local, group, gross, debits)
		}
		if wrong {
			broken++
		}
	}
	if journals < enough/3 || reversals == 0 || prior == 0 || broken == 0 {
		t.Errorf("%d journals, %d reversals, %d in the month before, %d broken", journals, reversals, prior, broken)
	}
}

// sums returns debits minus credits in the entity's and the group's currency,
// and the debits in the group's.
func sums(t *testing.T, e *event.Event) (local, group, debits money.Amount) {
	t.Helper()
	lines := fieldOf(e.Schema(), "lines")
	for _, l := range e.Records(lines) {
		a, b := l.Amount(fieldOf(lines.Schema(), "amount_functional")), l.Amount(fieldOf(lines.Schema(), "amount_group"))
		if a.Sign() <= 0 {
			t.Errorf("a line of %s has %s", e.Type().Name, a)
		}
		var err, err2, err3 error
		if l.Text(fieldOf(lines.Schema(), "debit_credit")) == "D" {
			debits, err3 = debits.Add(b)
		} else {
			a, b = a.Neg(), b.Neg()
		}
		local, err = local.Add(a)
		group, err2 = group.Add(b)
		if err != nil || err2 != nil || err3 != nil {
			t.Fatal(err, err2, err3)
		}
	}
	return local, group, debits
}

func BenchmarkNext(b *testing.B) {
	g := New(1, start, Options{})
	var buf []byte
	n := 0
	for b.Loop() {
		buf = g.Next().Event.AppendJSON(buf[:0])
		n += len(buf)
	}
	b.SetBytes(int64(n / b.N))
}
