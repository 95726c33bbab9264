package rules_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing/fstest"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// chooser draws packs and events that have much in common: few fields, few words,
// and amounts on both sides of the limits.
type chooser struct {
	*rand.Rand
	types  []string // of one schema
	schema *event.Schema
	fields map[event.Kind][]*event.Field
	shared []string // conditions that many rules have
}

const manyShared = 8

func newChooser(seed uint64) *chooser {
	c := &chooser{Rand: rand.New(rand.NewPCG(seed, 409)), fields: map[event.Kind][]*event.Field{}}
	c.types, c.schema = []string{"ledger.journal_entry.posted", "ledger.contract.executed", "ledger.debt.agreed"}, event.Ledger
	if c.IntN(4) == 0 {
		c.types, c.schema = []string{"system.outage", "system.access_change", "system.detection"}, event.System
	}
	for _, i := range c.Perm(len(c.schema.Fields)) {
		f := &c.schema.Fields[i]
		if many := 5; len(c.fields[f.Kind]) < many && !strings.HasPrefix(f.Name, "event_") && (f.Kind != event.Amount || f.Unit == event.Group || c.IntN(6) == 0) {
			c.fields[f.Kind] = append(c.fields[f.Kind], f)
		}
	}
	for len(c.shared) < manyShared-2 {
		c.shared = append(c.shared, c.condition(c.IntN(2)))
	}
	for range 2 { // a part that reads the profile, which rules choose by different instants
		c.shared = append(c.shared, "(("+c.amount(0)+" >= "+one(c, "materiality.overall", "materiality.performance")+") ?? "+one(c, "true", "false")+")")
	}
	return c
}

func one[T any](c *chooser, all ...T) T { return all[c.IntN(len(all))] }

func (c *chooser) field(k event.Kind) *event.Field {
	if all := c.fields[k]; len(all) > 0 {
		return one(c, all...)
	}
	return c.schema.Lookup("event_time") // no field is of that kind: the rule has a mistake and is left out
}

var randomWords = []string{"", "a", "b", "US", "leading", "USD"}

func (c *chooser) word(f *event.Field) string {
	if len(f.Values) > 0 {
		return f.Values[c.IntN(min(3, len(f.Values)))]
	}
	return one(c, randomWords...)
}

// texts of amounts that stand at, just below and just above each other, and at the end
// of the range.
var randomAmounts = []string{"0", "0.01", "100", "100.000000001", "99.999999999", "-100", "1000", "2000", "2500", "5000", "99999999999999999999999999999.999999999", "-99999999999999999999999999999"}

// pack is n rules and the profiles of two registrants, one of them in another
// currency.
func (c *chooser) pack(n int) fstest.MapFS {
	fsys := fstest.MapFS{"pack.yaml": {Data: []byte("schema: tocsin.pack/v1\nid: p\ntitle: P\ngroup_currency: USD\n")}}
	profile := func(id, registrant, from, to, currency string, overall int) {
		fsys["profiles/"+id+".yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, `schema: tocsin.profile/v1
id: %s
version: 1
registrant_cik: %q
effective_from: %s
%sgroup_currency: %s
basis: { total_assets: %d, revenue_ttm: 4000 }
method: given
overall: %d
performance: %d
clearly_trivial: 1
components: [ { company_code: "a", overall: %d, performance: %d } ]
prepared_by: ann
approved_by: [bob, cy]
sources: []
`, id, registrant, from, to, currency, overall*10, overall, overall/2, overall/4, overall/5)}
	}
	profile("p", "0009990001", "2025-01-01", "effective_to: 2025-12-31\n", "USD", 1000)
	profile("q", "0009990001", "2026-01-01", "", "USD", 200)
	profile("r", "0009990002", "2025-06-01", "", one(c, "EUR", "USD"), 5000)
	for i := range n {
		id := fmt.Sprintf("R-%04d", i)
		fsys["rules/"+id+".yaml"] = &fstest.MapFile{Data: []byte(c.rule(id))}
	}
	return fsys
}

func (c *chooser) rule(id string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "id: %s\nrevision: 1\ntitle: T\nowner: o\nitem: \"1.01\"\nseverity: S2\ncitation: none\nrunbook: Read it.\n", id)
	on := c.types[:1+c.IntN(len(c.types))]
	fmt.Fprintf(&b, "applies_to: [%s]\non_missing: %s\n", strings.Join(on, ", "), one(c, "indeterminate", "indeterminate", "match", "no_match"))
	if c.IntN(5) == 0 {
		fmt.Fprintf(&b, "requires: [%s]\n", c.field(one(c, event.Text, event.Amount, event.Bool)).Name)
	}
	fmt.Fprintf(&b, "deadline: { clock: O4%s }\n", one(c, "", "", ", from: "+c.field(event.Instant).Name, ", from: \""+c.field(event.Instant).Name+" ?? event_time\""))
	fmt.Fprintf(&b, "let:\n  zz_scope: |\n    %s\n  zz_size: |\n    %s\n", c.condition(2), c.amount(1))
	text := c.condition(1 + c.IntN(3))
	for range c.IntN(4) { // most rules are conjunctions
		text = "(" + text + ") and (" + c.condition(c.IntN(2)) + ")"
	}
	whole := b.String() + text
	params := ""
	for _, p := range []string{"hundred: USD 100", "thousand: USD 1_000", "minus: USD -100", "euros: EUR 100"} {
		if name, _, _ := strings.Cut(p, ":"); name == "hundred" || strings.Contains(whole, name) {
			params += "  " + p + "\n"
		}
	}
	fmt.Fprintf(&b, "params:\n%swhen: |\n  (%s) and (%s or zz_size > hundred)\n", params, text, one(c, "zz_scope", "not zz_scope"))
	return b.String()
}

func (c *chooser) condition(depth int) string {
	if len(c.shared) == manyShared && c.IntN(3) == 0 {
		return one(c, c.shared...)
	}
	if depth <= 0 {
		return c.atom()
	}
	switch c.IntN(9) {
	case 0:
		return "not (" + c.condition(depth-1) + ")"
	case 1, 2:
		return "(" + c.condition(depth-1) + " and " + c.condition(depth-1) + ")"
	case 3:
		return "(" + c.condition(depth-1) + " or " + c.condition(depth-1) + ")"
	case 4:
		return "((" + c.condition(depth-1) + ") ?? " + one(c, "true", "false") + ")"
	case 5:
		return "((" + c.atom() + ") ? (" + c.condition(depth-1) + ") : (" + c.atom() + "))"
	case 6:
		if lines := c.schema.Lookup("lines"); lines != nil {
			return one(c, "any", "all") + "(lines, (" + c.member() + ") and (" + one(c, c.member(), "not ("+c.member()+")") + "))"
		}
	}
	return c.atom()
}

func (c *chooser) member() string {
	return one(c, `.account_subtype == "revenue"`, `.account_subtype in ["revenue", "cash"]`, `.debit_credit == "D"`, `missing(.account_subtype)`, `.amount_group >= materiality.clearly_trivial`, `.amount_group > hundred`, `(.amount_transaction > euros) ?? false`)
}

func (c *chooser) text() (string, *event.Field) {
	f := c.field(event.Text)
	switch c.IntN(4) {
	case 0:
		return fmt.Sprintf("(%s ?? %q)", f.Name, c.word(f)), f
	case 1:
		return "lower(" + f.Name + ")", &event.Field{}
	}
	return f.Name, f
}

func (c *chooser) amount(depth int) string {
	f := c.field(event.Amount).Name
	if depth > 0 {
		switch c.IntN(6) {
		case 0:
			return "abs(" + c.amount(depth-1) + ")"
		case 1:
			return one(c, "min", "max") + "(" + c.amount(depth-1) + ", " + c.amount(depth-1) + ")"
		case 2:
			return "(" + c.amount(depth-1) + one(c, " + ", " - ") + c.amount(depth-1) + ")"
		case 3:
			return "(" + f + " ?? " + c.amount(depth-1) + ")"
		case 4:
			if c.schema == event.Ledger {
				return `total(lines, .amount_group, .debit_credit == "D")`
			}
		}
	}
	return f
}

func (c *chooser) limit() string {
	m := one(c, "materiality.overall", "materiality.performance", "materiality.clearly_trivial", "materiality.component_overall", "materiality.market_value", "materiality.total_assets")
	switch c.IntN(6) {
	case 0, 1:
		return m
	case 2:
		return fmt.Sprintf("0.%d * %s", 1+c.IntN(9), m)
	case 3:
		return "max(" + m + ", hundred)"
	case 4:
		return "(" + m + " ?? materiality.overall)"
	}
	return one(c, "0", "hundred", "hundred", "thousand", "thousand", "minus", "euros")
}

func (c *chooser) atom() string {
	order := one(c, ">=", ">", "<", "<=", "==", "!=")
	switch c.IntN(15) {
	case 0:
		f := c.field(event.Bool).Name
		return one(c, f, "("+f+" ?? false)", f+" == true")
	case 1, 2:
		text, f := c.text()
		return fmt.Sprintf("%s %s %q", text, one(c, "==", "==", "!="), c.word(f))
	case 3:
		text, f := c.text()
		return fmt.Sprintf("%s %s [%q, %q]", text, one(c, "in", "not in"), c.word(f), c.word(f))
	case 4, 5, 6:
		return c.amount(1) + " " + order + " " + c.limit()
	case 7:
		return c.limit() + " " + order + " " + c.amount(1)
	case 8:
		return fmt.Sprintf("%s %s %d", c.field(event.Int).Name, order, c.IntN(4)-1)
	case 9:
		return one(c, "present", "missing") + "(" + c.field(one(c, event.Text, event.Amount, event.Date, event.Bool)).Name + ")"
	case 10:
		return c.field(event.Rate).Name + " " + order + one(c, " 0.05", " 1", " ratio(materiality.overall, materiality.total_assets)")
	case 11:
		return fmt.Sprintf("hour_of(%s) %s 12", c.field(event.Instant).Name, order)
	case 13:
		return c.field(event.Int).Name + " " + order + " hour_of(observed)"
	case 12:
		f := c.field(event.Int).Name
		return fmt.Sprintf("%s %% %s %s 1", f, f, order) // fails where it is 0
	}
	return c.field(event.Instant).Name + " < " + one(c, "observed", c.field(event.Instant).Name)
}

// event is an event of the pack's types, in which much is missing.
func (c *chooser) event() *event.Event {
	e := event.New(event.LookupType(one(c, c.types...)))
	sent := 1 + c.IntN(10)
	for _, fields := range c.fields {
		for _, f := range fields {
			if c.IntN(10) < sent {
				c.set(&e.Record, f)
			}
		}
	}
	text := func(name string, values ...string) {
		if f := c.schema.Lookup(name); f != nil && c.IntN(8) > 0 {
			e.SetText(f, one(c, values...))
		}
	}
	text("registrant_cik", "0009990001", "0009990001", "0009990002", "0009990003")
	text("group_currency", "USD", "USD", "USD", "EUR", "")
	text("company_code", "a", "b")
	if c.IntN(4) > 0 {
		c.set(&e.Record, c.schema.Lookup("event_time"))
	}
	return e
}

func (c *chooser) set(r *event.Record, f *event.Field) {
	switch f.Kind {
	case event.Text:
		r.SetText(f, one(c, c.word(f), c.word(f), "?"))
	case event.Texts:
		r.SetTexts(f, []string{"a", "b"}[:c.IntN(3)])
	case event.Bool:
		r.SetBool(f, c.IntN(2) == 0)
	case event.Int:
		r.SetInt(f, one(c, int64(c.IntN(5)-1), int64(c.IntN(5)-1), 1<<63-1, -1<<63))
	case event.Amount:
		a, _ := money.Parse(one(c, randomAmounts...))
		r.SetAmount(f, a)
	case event.Rate:
		a, _ := money.ParseRate(one(c, "0", "0.05", "0.049999999999999999", "1", "-1"))
		r.SetRate(f, a)
	case event.Date:
		r.SetDate(f, calendar.NewDate(2025, 12, 30).AddDays(c.IntN(4)))
	case event.Instant:
		if day := calendar.NewDate(2025, 12, 30).AddDays(c.IntN(4)); c.IntN(4) == 0 {
			r.SetDay(f, day)
		} else {
			r.SetInstant(f, day.At(c.IntN(24), 0, calendar.NewYork()).UnixMicro(), one(c, 0, -5*3600))
		}
	case event.Records:
		r.SetEmpty(f)
		for range c.IntN(3) {
			line := r.AddRecord(f)
			for i := range f.Fields {
				if c.IntN(3) > 0 {
					c.set(line, &f.Fields[i])
				}
			}
		}
	}
}
