package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"tocsin/rules"
	"tocsin/rules/event"
)

// charted is a pack whose one rule fires on a line of revenue, as stated in its
// key when the class is not known.
func charted(chart string) fstest.MapFS {
	fsys := small()
	fsys["accounts.yaml"] = &fstest.MapFile{Data: []byte("schema: tocsin.accounts/v1\naccounts:\n" + chart)}
	fsys["rules/B.yaml"] = &fstest.MapFile{Data: []byte(`id: B
revision: 1
title: Revenue
owner: controller
item: I
severity: S2
applies_to: [ledger.journal_entry.posted]
citation: none
when: any(lines, .account_subtype == "revenue")
dedup: |
  any(lines, missing(.account_subtype)) ? "unknown" : "known"
deadline: { clock: I }
runbook: Read it.
`)}
	return fsys
}

// onAccount judges a journal of one line by B.
func onAccount(e *rules.Engine, account, subtype string) string {
	ev := event.New(event.LookupType("ledger.journal_entry.posted"))
	lines := event.Ledger.Lookup("lines")
	row := ev.AddRecord(lines)
	if account != "" {
		row.SetText(lines.Schema().Lookup("account"), account)
	}
	if subtype != "" {
		row.SetText(lines.Schema().Lookup("account_subtype"), subtype)
	}
	v := e.Judge(nil, ev, seen)[0]
	if v.Finding == nil {
		return v.Outcome.String()
	}
	return v.Outcome.String() + " " + v.Finding.Key
}

// TestAccounts: the pack's chart stands in for what a line does not tell, and for
// nothing else.
func TestAccounts(t *testing.T) {
	e := rules.NewEngine(load(t, charted("  revenue: [\"400..409\", \"4000\"]\n  cash: [\"410..420\", \"1\"]\n")))
	for _, c := range []struct{ account, subtype, want string }{
		{"400", "", "match known"},
		{"405", "", "match known"},
		{"409", "", "match known"},
		{"4000", "", "match known"},
		{"410", "", "no_match"},
		{"1", "", "no_match"},
		{"399", "", "indeterminate unknown"},
		{"421", "", "indeterminate unknown"},
		{"40", "", "indeterminate unknown"},
		{"4001", "", "indeterminate unknown"},
		{"0400", "", "indeterminate unknown"},
		{"", "", "indeterminate unknown"},
		{"400", "cash", "no_match"},
		{"410", "revenue", "match known"},
	} {
		if got := onAccount(e, c.account, c.subtype); got != c.want {
			t.Errorf("account %q, subtype %q: %s, want %s", c.account, c.subtype, got, c.want)
		}
	}
	without := charted("")
	delete(without, "accounts.yaml")
	if got := onAccount(rules.NewEngine(load(t, without)), "400", ""); got != "indeterminate unknown" {
		t.Errorf("without a chart: %s", got)
	}
}

// TestAccountsBySearch: whatever the ranges, an account has the class of the one
// range that holds it.
func TestAccountsBySearch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ranges, class := map[string][]string{}, map[string]string{}
		next := 100
		for next < 400 {
			first := next + rapid.IntRange(0, 30).Draw(rt, "gap")
			last := first + rapid.IntRange(0, 30).Draw(rt, "length")
			subtype := rapid.SampledFrom([]string{"revenue", "cash"}).Draw(rt, "subtype")
			ranges[subtype] = append(ranges[subtype], fmt.Sprintf("%q", fmt.Sprint(first, "..", last)))
			for a := first; a <= last; a++ {
				class[fmt.Sprint(a)] = subtype
			}
			next = last + 1
		}
		text := ""
		for subtype, of := range ranges {
			text += "  " + subtype + ": [" + strings.Join(of, ", ") + "]\n"
		}
		pack, mistakes := rules.Load(charted(text), "small", nil)
		if len(mistakes) > 0 {
			rt.Fatal(mistakes)
		}
		e := rules.NewEngine(pack)
		for range 20 {
			account := fmt.Sprint(rapid.IntRange(90, 480).Draw(rt, "account"))
			want := map[string]string{"revenue": "match known", "cash": "no_match", "": "indeterminate unknown"}[class[account]]
			if got := onAccount(e, account, ""); got != want {
				rt.Fatalf("account %s of\n%s is %s, want %s", account, text, got, want)
			}
		}
	})
}
