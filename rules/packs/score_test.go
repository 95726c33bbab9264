package packs_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
	"tocsin/rules/packs"
)

// The score of JET-00 is the sum of the weights of the rules on journals that
// match: its conditions are theirs, written again, and must not drift from them.
func TestScoreIsTheSumOfItsRules(t *testing.T) {
	files, _ := packs.Open("sox409")
	pack, mistakes := rules.Load(files, "sox409", nil)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	weights := map[string]int{}
	text := read(t, files, "rules/JET-00.yaml")
	for _, m := range regexp.MustCompile(`(?m)^  jet_(\d\d): (\d+)`).FindAllStringSubmatch(text, -1) {
		weights["JET-"+m[1]], _ = strconv.Atoi(m[2])
	}
	if len(weights) < 10 {
		t.Fatalf("JET-00 has the weights %v", weights)
	}
	engine := rules.NewEngine(pack)
	raised, silent := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		e := journal(rt)
		sum, score := 0, 0
		closing := e.Text(event.Ledger.Lookup("period_status")) == "closing"
		for _, v := range engine.Judge(nil, e, time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)) {
			switch {
			case v.Outcome != rules.Match:
			case v.Rule.ID == "JET-00":
				score, _ = strconv.Atoi(v.Finding.Value)
			case v.Rule.ID == "JET-02" && closing:
				sum++
			case strings.HasPrefix(v.Rule.ID, "JET-"):
				sum += weights[v.Rule.ID]
			}
		}
		if sum < 5 {
			sum = 0 // not enough to be raised
			silent++
		} else {
			raised++
		}
		if score != sum {
			rt.Fatalf("the score is %d, the rules' weights come to %d\n%s", score, sum, e.AppendJSON(nil))
		}
	})
	if raised == 0 || silent == 0 {
		t.Errorf("%d journals are raised and %d are not: the journals drawn try nothing", raised, silent)
	}
}

// journal draws a posted journal that has many of the marks.
func journal(t *rapid.T) *event.Event {
	e := event.New(event.LookupType("ledger.journal_entry.posted"))
	field := func(s *event.Schema, name string) *event.Field {
		if f := s.Lookup(name); f != nil {
			return f
		}
		panic("no field " + name)
	}
	ledger := func(name string) *event.Field { return field(event.Ledger, name) }
	texts := func(name string, of ...string) {
		if v := rapid.SampledFrom(append(of, "")).Draw(t, name); v != "" {
			e.SetText(ledger(name), v)
		}
	}
	flags := func(name string) {
		if v := rapid.IntRange(0, 2).Draw(t, name); v < 2 {
			e.SetBool(ledger(name), v == 1)
		}
	}
	number := func(name string, low, high int) {
		if v := rapid.IntRange(low-1, high).Draw(t, name); v >= low {
			e.SetInt(ledger(name), int64(v))
		}
	}
	e.SetText(ledger("registrant_cik"), "0009999999")
	e.SetText(ledger("group_currency"), "USD")
	e.SetText(ledger("source_record_key"), "1000/2026/1")
	e.SetBool(ledger("is_manual"), rapid.IntRange(0, 9).Draw(t, "is_manual") > 0)
	texts("created_by", "a", "b")
	texts("posted_by", "a", "b")
	texts("parked_by", "a", "c")
	texts("approved_by", "a", "b", "c")
	texts("created_by_role", "accountant", "accountant", "accountant", "cfo")
	texts("posted_by_role", "accountant", "accountant", "accountant", "controller")
	texts("user_type", "human", "human", "service", "batch")
	texts("period_status", "open", "closing", "closed", "reopened")
	texts("ledger_role", "leading", "leading", "leading", "tax")
	texts("header_text", "Accrual of fees", "short", "Manual journal")
	for _, name := range []string{"is_reversal", "is_top_side", "posted_to_prior_period", "is_adjustment_period"} {
		flags(name)
	}
	number("fiscal_year", 2025, 2026)
	number("entered_fiscal_year", 2025, 2026)
	number("fiscal_period", 11, 14)
	number("entered_fiscal_period", 11, 14)
	posted := time.Date(2026, 3, rapid.IntRange(10, 31).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), 0, 0, 0, time.UTC)
	e.SetInstant(ledger("posted_at"), posted.UnixMicro(), 0)
	if rapid.IntRange(0, 9).Draw(t, "entered") > 0 {
		e.SetInstant(ledger("entered_at"), posted.UnixMicro(), 0)
	}
	if rapid.IntRange(0, 9).Draw(t, "dated") > 0 {
		e.SetDate(ledger("posting_date"), calendar.DateOf(posted).AddDays(-rapid.IntRange(0, 8).Draw(t, "back")))
	}
	amounts := []int64{100, 449_999, 450_000, 6_749_999, 6_750_000, 6_800_000, 20_000_000}
	if rapid.IntRange(0, 9).Draw(t, "gross") > 0 {
		e.SetAmount(ledger("gross_amount_group"), money.FromInt(rapid.SampledFrom(amounts).Draw(t, "size")))
	}
	lines := ledger("lines")
	for range rapid.IntRange(0, 3).Draw(t, "lines") {
		row := e.AddRecord(lines)
		row.SetText(field(lines.Schema(), "debit_credit"), rapid.SampledFrom([]string{"D", "C"}).Draw(t, "side"))
		if s := rapid.SampledFrom([]string{"ppe", "ar", "accrued_liability", "intercompany", "revenue", "revenue", "opex", "cogs", ""}).Draw(t, "subtype"); s != "" {
			row.SetText(field(lines.Schema(), "account_subtype"), s)
		}
		row.SetAmount(field(lines.Schema(), "amount_group"), money.FromInt(rapid.SampledFrom(amounts).Draw(t, "amount")))
	}
	return e
}
