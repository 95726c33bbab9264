package pipeline

import (
	"testing/fstest"

	"tocsin/rules"
	"tocsin/rules/calendar"
)

// engines are two packs of one rule that finds every tenth contract. They differ
// in their title, and so in their digest.
func engines() map[string]*rules.Engine {
	return map[string]*rules.Engine{"one": engine("one"), "two": engine("two")}
}

// engine is such a pack.
func engine(name string) *rules.Engine {
	pack, mistakes := rules.Load(fstest.MapFS{
		"pack.yaml": {Data: []byte("schema: tocsin.pack/v1\nid: test\ntitle: Pack " + name + "\ngroup_currency: USD\n")},
		"rules/TST-01.yaml": {Data: []byte(`id: TST-01
revision: 1
title: Every tenth contract
owner: nobody
item: "1.01"
severity: S1
applies_to: [ledger.contract.executed]
citation: none
when: contract.contract_id endsWith "0"
dedup: contract.contract_id
deadline: { clock: O4, from: event_time }
runbook: |
  Nothing to do.
`)},
	}, name, calendar.Default())
	if err := mistakes.Err(); err != nil {
		panic(err)
	}
	return rules.NewEngine(pack)
}
