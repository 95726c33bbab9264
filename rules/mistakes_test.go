package rules_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/rules"
	"tocsin/rules/diag"
	"tocsin/rules/diag/diagtest"
)

// TestOneMistakeEach: one slip of the pen is one mistake, at its place.
func TestOneMistakeEach(t *testing.T) {
	f := func(name string, fsys fstest.MapFS, want string) {
		t.Helper()
		_, mistakes := rules.Load(fsys, "small", nil)
		var got []string
		for _, m := range mistakes {
			got = append(got, m.Error())
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("%s: the mistakes are\n%s\nwant\n%s", name, text, want)
		}
	}
	f("a revision that is no number", changed(t, "rules/A.yaml", "revision: 1", "revision: one"),
		"small/rules/A.yaml:2:11: revision is not a whole number: write digits [E109]")
	f("no revision", changed(t, "rules/A.yaml", "revision: 1\n", ""),
		`small/rules/A.yaml:1:1: key "revision" is missing [E105]`)
	f("a revision below 1", changed(t, "rules/A.yaml", "revision: 1", "revision: 0"),
		"small/rules/A.yaml:2:11: revision is less than 1 [E309]")
	f("a version that is no number", changed(t, "profiles/p.yaml", "version: 1", "version: v1"),
		"small/profiles/p.yaml:3:10: version is not a whole number: write digits [E109]")
	f("a version below 1", changed(t, "profiles/p.yaml", "version: 1", "version: 0"),
		"small/profiles/p.yaml:3:10: version is less than 1 [E314]")
	f("a name in the base of three cases", changed(t, "cases/A.yaml", "group_currency", "group_curency"),
		`small/cases/A.yaml:2:82: a ledger event has no field "group_curency" [E402]`)
	f("a value in the base of three cases", changed(t, "cases/A.yaml", "2026-11-23T12:00:00-05:00", "2026-11-31"),
		"small/cases/A.yaml:2:47: the event is refused: time bad_instant [E403]")
	inTemplate := changed(t, "cases/A.yaml", "base: {", "base: { template: t,")
	inTemplate["cases/templates.yaml"] = &fstest.MapFile{Data: []byte("schema: tocsin.templates/v1\ntemplates:\n  t: { data: { country: [1], registrnt: x } }\n")}
	f("a name in a template of three cases", inTemplate,
		`small/cases/templates.yaml:3:30: a ledger event has no field "registrnt" [E402]`)
	delete(inTemplate, "cases/templates.yaml")
	inTemplate["cases/templates.yaml"] = &fstest.MapFile{Data: []byte("schema: tocsin.templates/v1\ntemplates:\n  t: { data: { balanced: maybe } }\n")}
	f("a value in a template of three cases", inTemplate,
		"small/cases/templates.yaml:3:26: the event is refused: balanced wrong_kind [E403]")
}

// TestOneRemedyEach: what follows from a slip of the pen is not reported beside it, and
// the remedy is what the author meant to write.
func TestOneRemedyEach(t *testing.T) {
	templated := func(template string) func(fstest.MapFS) {
		return func(fsys fstest.MapFS) {
			fsys["cases/templates.yaml"] = &fstest.MapFile{Data: []byte(template)}
		}
	}
	for _, c := range []struct {
		name, file, old, new string
		more                 func(fstest.MapFS)
		want                 string
	}{
		{"a key of the base", "cases/A.yaml", "time:", "tiem:", nil, `cases/A.yaml:2:41: unknown key "tiem" [E102] = did you mean time?`},
		{"another key of the base", "cases/A.yaml", "type:", "tpye:", nil, `cases/A.yaml:2:9: unknown key "tpye" [E102] = did you mean type?`},
		{"a key of the base like no other", "cases/A.yaml", "time:", "timestamp:", nil,
			`cases/A.yaml:2:41: unknown key "timestamp" [E102] = known keys: template, type, id, source, subject, time, data`},
		{"a type of the base under another key", "cases/A.yaml", "type:", "kind:", nil,
			`cases/A.yaml:2:9: unknown key "kind" [E102] = known keys: template, type, id, source, subject, time, data`},
		{"the data of the base", "cases/A.yaml", "data: { group", "dta: { group", nil, `cases/A.yaml:2:74: unknown key "dta" [E102] = did you mean data?`},
		{"the base itself", "cases/A.yaml", "base:", "bsae:", nil, `cases/A.yaml:2:1: unknown key "bsae" [E102] = did you mean base?`},
		{"the base under another key", "cases/A.yaml", "base:", "common:", nil,
			`cases/A.yaml:2:1: unknown key "common" [E102] = known keys: schema, base, cases, survivors`},
		{"a template that does not exist", "cases/A.yaml", "base: {", "base: { template: contrct,", templated("schema: tocsin.templates/v1\ntemplates:\n  contract: { data: { balanced: true } }\n"),
			`cases/A.yaml:2:19: the pack has no template "contrct" [E406] = did you mean contract?`},
		{"a template without its type", "cases/A.yaml", "base: { type: ledger.contract.executed", "base: { template: contrct", templated("schema: tocsin.templates/v1\ntemplates:\n  contract: { type: ledger.contract.executed }\n"),
			`cases/A.yaml:2:19: the pack has no template "contrct" [E406] = did you mean contract?`},
		{"a key of a template", "cases/A.yaml", "base: { type: ledger.contract.executed", "base: { template: contract", templated("schema: tocsin.templates/v1\ntemplates:\n  contract: { kind: ledger.contract.executed }\n"),
			`cases/templates.yaml:3:15: unknown key "kind" [E102] = known keys: template, type, id, source, subject, time, data`},
		{"templates that are no YAML", "cases/A.yaml", "base: {", "base: { template: t,", templated("schema: tocsin.templates/v1\ntemplates:\n\tt: {}\n"),
			`cases/templates.yaml:3:1: a tab in the indentation [E108] = indent with spaces`},

		{"a comma in an amount", "rules/A.yaml", "USD 1_000", "USD 1,000", nil, `rules/A.yaml:9:18: a comma inside { } ends the value [E109] = write USD 1_000`},
		{"commas in an amount", "rules/A.yaml", "USD 1_000", "USD 1,000,000.50", nil, `rules/A.yaml:9:18: a comma inside { } ends the value [E109] = write USD 1_000_000.50`},
		{"a decimal comma", "rules/A.yaml", "USD 1_000", "USD 1.000,50", nil, `rules/A.yaml:9:18: a comma inside { } ends the value [E109] = write USD 1_000.50`},
		{"a comma and a space", "rules/A.yaml", "USD 1_000", "USD 1, 000", nil, `rules/A.yaml:9:18: a comma inside { } ends the value [E109] = write USD 1_000`},
		{"a comma in a case", "cases/A.yaml", "1_000 }", "1,000 }", nil, `cases/A.yaml:4:62: a comma inside { } ends the value [E109] = write 1_000`},
		{"a comma in a profile", "profiles/p.yaml", "basis: {}", "basis: { revenue_ttm: 1,000, equity: 2 }", nil, `profiles/p.yaml:7:23: a comma inside { } ends the value [E109] = write 1_000`},
		{"a param without a value", "rules/A.yaml", "USD 1_000", "", nil, `rules/A.yaml:9:19: limit has no value [E110] = write one, or take the key away`},
		{"a param without a currency", "rules/A.yaml", "USD 1_000", "1000", nil,
			`rules/A.yaml:10:37: the param limit is a number without a currency, next to an amount in group currency [E206] = write limit: USD 1000 under params`},
		{"params mistyped", "rules/A.yaml", "params:", "parms:", nil, `rules/A.yaml:9:1: unknown key "parms" [E102] = did you mean params?`},
		{"params under another key", "rules/A.yaml", "params:", "constants:", nil,
			`rules/A.yaml:9:1: unknown key "constants" [E102] = known keys: id, revision, title, description, owner, item, severity, applies_to, citation, params, let, requires, on_missing, when, bands, value, dedup, deadline, runbook`},
		{"a param misspelt where it is used", "rules/A.yaml", ">= limit", ">= limitt", nil, `rules/A.yaml:10:37: unknown field "limitt" [E201] = did you mean limit?`},
		{"an exclamation mark", "rules/A.yaml", "params: { limit: USD 1_000 }\nwhen: contract.total_value_group >= limit", "description: x\nwhen: !contract.exclusivity and contract.exclusivity", nil,
			`rules/A.yaml:10:7: YAML takes a value that begins with ! for a tag, and tags are not accepted [E106] = write the value in quotes; in a condition, write not in place of !`},
		{"an exclamation mark before a comparison", "rules/A.yaml", "when: contract", "when: !contract", nil,
			`rules/A.yaml:10:7: YAML takes a value that begins with ! for a tag, and tags are not accepted [E106] = write the value in quotes; in a condition, write not in place of !`},
		{"a tag", "rules/A.yaml", "when: contract", "when: !!str contract", nil,
			`rules/A.yaml:10:7: tags are not accepted [E106] = leave it out: the type is known`},
		{"a severity of another scale", "rules/A.yaml", "severity: S2", "severity: high", nil,
			`rules/A.yaml:6:11: unknown severity "high" [E312] = write S1 (now), S2 (the same business day), S3 (the next business day) or S4 (in the digest)`},
		{"a severity in small letters", "rules/A.yaml", "severity: S2", "severity: s2", nil, `rules/A.yaml:6:11: unknown severity "s2" [E312] = write S2`},
		{"the expectation of such a severity", "cases/A.yaml", "severity: S2", "severity: high", nil, `cases/A.yaml:4:109: unknown severity "high" [E404] = write S1, S2, S3 or S4`},
		{"a basis that is none", "rules/A.yaml", "from: contract.executed_at", "basis: filling, from: contract.executed_at", nil,
			`rules/A.yaml:12:31: unknown basis "filling" [E308] = write occurrence, determination, notice, awareness or filing`},
		{"a group currency that is none", "pack.yaml", "USD", "US", nil, `pack.yaml:4:17: group_currency is no ISO 4217 code [E314] = write a code such as USD`},
		{"a group currency in small letters", "pack.yaml", "USD", "usd", nil, `pack.yaml:4:17: group_currency is no ISO 4217 code [E314] = write USD`},
		{"a group currency under another key", "pack.yaml", "group_currency", "currency", nil,
			"pack.yaml:1:1: key \"group_currency\" is missing [E105] = add group_currency: to this mapping\nsmall/pack.yaml:4:1: unknown key \"currency\" [E102] = known keys: schema, id, title, group_currency"},
		{"no group currency", "pack.yaml", "group_currency: USD\n", "", nil, `pack.yaml:1:1: key "group_currency" is missing [E105] = add group_currency: to this mapping`},
		{"a profile without a currency", "profiles/p.yaml", "group_currency: USD", "group_currency: US", nil, `profiles/p.yaml:6:17: group_currency is no ISO 4217 code [E314] = write a code such as USD`},
	} {
		fsys := changed(t, c.file, c.old, c.new)
		if c.more != nil {
			c.more(fsys)
		}
		_, mistakes := rules.Load(fsys, "small", nil)
		diagtest.Complete(t, mistakes)
		if got := strings.Join(hints(mistakes), "\n"); got != "small/"+c.want {
			t.Errorf("%s\n got %s\nwant small/%s", c.name, got, c.want)
		}
	}
}

// TestGapStatesTheLimit: an author who must add cases at a limit reads what it is.
func TestGapStatesTheLimit(t *testing.T) {
	f := func(fsys fstest.MapFS, want string) {
		t.Helper()
		gaps := load(t, fsys).RunCases().Untried()
		if len(gaps) != 1 || !strings.Contains(gaps[0].Hint, want) {
			t.Errorf("the gaps are %v, want one whose hint has %q", hints(gaps), want)
		}
	}
	one := "  - { name: it, event: { data: { contract.total_value_group: 5 } }, expect: { outcome: no_match } }\n"
	f(cases(one), "with the limit itself, 1,000 USD, and within 0.01 of it")
	f(cases(strings.Replace(one, ": 5 }", ": ~ }", 1)+""), "with the limit itself, 1,000 USD, and within 0.01 of it")
	derived := cases(one + strings.Replace(strings.Replace(one, "name: it", "name: that", 1), "event: { data: {", "event: { data: { contract.annual_value_group: 7,", 1))
	derived["rules/A.yaml"].Data = []byte(strings.NewReplacer(">= limit", ">= max(limit, 1000 * (contract.annual_value_group ?? limit))").Replace(string(derived["rules/A.yaml"].Data)))
	f(derived, `with the limit itself, 1,000,000 USD in the case "it", and within 0.01 of it`)
}

func hints(list diag.List) (all []string) {
	for _, d := range list {
		all = append(all, d.Error()+" = "+d.Hint)
	}
	return all
}
