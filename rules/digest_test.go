package rules_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/rules"
	"tocsin/rules/calendar"
)

// small is a pack with everything in it that a pack can have.
func small() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"pack.yaml": file("schema: tocsin.pack/v1\nid: small\ntitle: Small\ngroup_currency: USD\n"),
		"rules/A.yaml": file(`id: A
revision: 1
title: A large contract
owner: counsel
item: "1.01"
severity: S2
applies_to: [ledger.contract.executed]
citation: none
params: { limit: USD 1_000 }
when: contract.total_value_group >= limit
dedup: contract.contract_id
deadline: { clock: O4, from: contract.executed_at }
runbook: Read it.
`),
		"profiles/p.yaml": file(`schema: tocsin.profile/v1
id: p
version: 1
registrant_cik: "0009990001"
effective_from: 2026-01-01
group_currency: USD
basis: {}
method: given
overall: 3
performance: 2
clearly_trivial: 1
prepared_by: ann
approved_by: [bob, cy]
sources: []
`),
		"cases/A.yaml": file(`schema: tocsin.cases/v1
base: { type: ledger.contract.executed, time: 2026-11-23T12:00:00-05:00, data: { group_currency: USD } }
cases:
  - { name: at, event: { data: { contract.total_value_group: 1_000 } }, expect: { outcome: match, severity: S2 } }
  - { name: below, event: { data: { contract.total_value_group: 999.99 } }, expect: { outcome: no_match } }
  - { name: above, event: { data: { contract.total_value_group: 1_000.01 } }, expect: { outcome: match } }
`),
		"README.md": file("What it is.\n"),
	}
}

// changed is small with a text replaced in one file.
func changed(t testing.TB, file, old, new string) fstest.MapFS {
	t.Helper()
	fsys := small()
	fsys[file] = &fstest.MapFile{Data: []byte(replace(t, string(fsys[file].Data), old, new))}
	return fsys
}

func replace(t testing.TB, text, old, new string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not there", old)
	}
	return strings.Replace(text, old, new, 1)
}

func load(t testing.TB, fsys fstest.MapFS) *rules.Pack {
	t.Helper()
	pack, mistakes := rules.Load(fsys, "small", nil)
	if err := mistakes.Err(); err != nil {
		t.Fatal(err)
	}
	return pack
}

// TestDigest: what can change a verdict changes the digest, and nothing else does.
func TestDigest(t *testing.T) {
	base := load(t, small()).Digest()
	f := func(name string, fsys fstest.MapFS, same bool) {
		t.Helper()
		if got := load(t, fsys).Digest(); (got == base) != same {
			t.Errorf("%s: same digest is %t, want %t", name, got == base, same)
		}
	}
	f("nothing", small(), true)
	f("cases written otherwise", changed(t, "cases/A.yaml", "at, event", "exactly at,   event"), true)
	f("the readme", changed(t, "README.md", "What", "That"), true)
	f("a threshold", changed(t, "rules/A.yaml", "1_000", "1_001"), false)
	f("a threshold of a profile", changed(t, "profiles/p.yaml", "overall: 3", "overall: 4"), false)
	f("the pack's id", changed(t, "pack.yaml", "id: small", "id: little"), false)
	f("the last line end", changed(t, "rules/A.yaml", "Read it.\n", "Read it."), true)
	without := small()
	delete(without, "cases/A.yaml")
	f("no cases", without, true)
	f("a closed day", overridden(mourning), false)
	f("a closed day that was closed", overridden(strings.Replace(mourning, "2026-11-25", "2026-11-26", 1)), false) // its reason differs
	f("an open day that was open", overridden(strings.Replace(mourning, "closed", "open", 1)), true)
	classified := small()
	classified["accounts.yaml"] = &fstest.MapFile{Data: []byte("schema: tocsin.accounts/v1\naccounts: { cash: [\"1\"] }\n")}
	f("a chart of accounts", classified, false)
}

// overridden is small with an override of the calendars.
func overridden(closures string) fstest.MapFS {
	fsys := small()
	fsys["calendar/mourning.csv"] = &fstest.MapFile{Data: []byte(closures)}
	return fsys
}

const mourning = "date,market,status,reason,source,announced\n2026-11-25,sec,closed,National day of mourning,Executive order,2026-11-20\n"

// TestCalendars: a pack without overrides is dated by those it is given.
func TestCalendars(t *testing.T) {
	overrides, err := calendar.LoadFS(fstest.MapFS{"m.csv": {Data: []byte(mourning)}}, "calendar")
	if err != nil {
		t.Fatal(err)
	}
	pack, mistakes := rules.Load(small(), "small", overrides)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	if pack.CalendarVersion() != overrides.Version() || pack.Digest() == load(t, small()).Digest() {
		t.Error("the calendars given are not the ones used")
	}
}

func TestLoadDir(t *testing.T) {
	if _, err := rules.LoadDir("packs/sox409"); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{"packs/none", "doc.go", "packs"} {
		if _, err := rules.LoadDir(dir); err == nil {
			t.Errorf("%s loads", dir)
		}
	}
}

// TestTheLastLineEnds: a final line feed, which editors add, is none of the pack's
// meaning, and an archive has it. An empty file is a mistake.
func TestTheLastLineEnds(t *testing.T) {
	want := load(t, small())
	cut := small()
	for name, file := range cut {
		cut[name] = &fstest.MapFile{Data: []byte(strings.TrimSuffix(string(file.Data), "\n"))}
	}
	got := load(t, cut)
	if got.Digest() != want.Digest() || string(got.Archive()) != string(want.Archive()) {
		t.Errorf("without final line feeds the digest is %s, want %s", got.Digest(), want.Digest())
	}
	cut["rules/B.yaml"] = &fstest.MapFile{}
	if _, mistakes := rules.Load(cut, "small", nil); len(mistakes) != 1 || !strings.Contains(mistakes[0].Error(), "small/rules/B.yaml") {
		t.Errorf("of an empty rule: %v", mistakes)
	}
}

// unreadable is a file system in which one rule cannot be read.
type unreadable struct{ fstest.MapFS }

func (u unreadable) ReadFile(name string) ([]byte, error) {
	if name == "rules/A.yaml" {
		return nil, errors.New("input/output error")
	}
	return u.MapFS.ReadFile(name)
}

func TestAFileThatCannotBeRead(t *testing.T) {
	_, mistakes := rules.Load(unreadable{small()}, "small", nil)
	if !strings.Contains(mistakes.Error(), "rules/A.yaml") || !strings.Contains(mistakes.Error(), "cannot be read: input/output error") {
		t.Errorf("%v", mistakes)
	}
}
