// Package rules judges events: it loads packs of rules, checks them, and returns
// the verdict of each rule that applies to an event. It is pure: values in,
// verdicts out. It has no clock, no network and no state, so the
// same event under the same pack gives the same verdicts in every process and
// in every replay.
//
// # A pack
//
// A pack is a directory:
//
//	pack.yaml              what it is
//	rules/CON-01.yaml      one rule; the file is named for its id
//	profiles/*.yaml        materiality profiles
//	accounts.yaml          classes of accounts, optional
//	calendar/*.csv         overrides of the calendars, optional
//	cases/CON-01.yaml      the verdicts that the rule must give on given events
//
// Everything but the cases can change a verdict. Together with EngineVersion and
// every closed day and clock of the calendars in use it is the pack's archive,
// whose digest is the identity that is stored with each verdict: the archive
// alone is enough to judge again.
//
//	# pack.yaml
//	schema: tocsin.pack/v1
//	id: sox409
//	title: SOX 409 disclosure rules
//	group_currency: USD
//
// # A rule
//
//	# rules/CON-01.yaml
//	id: CON-01                    # immutable; the file's name
//	revision: 1                   # raised with every change of meaning
//	title: Material definitive agreement outside the ordinary course
//	owner: disclosure-counsel     # who answers for it
//	item: "1.01"                  # Form 8-K item; P (periodic report) or I (internal) where none applies
//	severity: S1                  # S1 now, S2 same business day, S3 next business day, S4 digest
//	applies_to: [ledger.contract.executed]
//	citation: Form 8-K Item 1.01; Regulation S-K Item 601(b)(10)
//	params:                       # constants with units; thresholds live here
//	  revenue_share: 5%
//	  asset_share: 10%
//	let:                          # named expressions, in order; a later one may use an earlier one
//	  limit: min(revenue_share * materiality.revenue_ttm, asset_share * materiality.total_assets)
//	requires: [contract.total_value_group]  # must have been sent, or on_missing applies
//	on_missing: indeterminate     # the default; or match, or no_match
//	when: not (contract.ordinary_course ?? false) and contract.total_value_group >= limit
//	bands:                        # optional: the first that is true gives the severity instead
//	  - { severity: S2, when: contract.total_value_group < 2 * limit }
//	value: contract.total_value_group       # optional: the number people ask for first
//	dedup: contract.contract_id   # text: the matter; the same matter alerts once
//	deadline:
//	  clock: O4                   # see package calendar
//	  from: contract.executed_at  # instant or date that the clock runs from
//	  basis: occurrence           # optional; by default the clock's own
//	runbook: |
//	  Counsel confirms the ordinary course the same day. Pull the signed copy.
//
// Names in expressions are the event's fields, the rule's params and lets,
// fields of the materiality profile as materiality.overall, and observed, the
// instant at which the event reached Kafka. Package dialect documents the
// language. A long expression goes on in the next line, indented, or is written
// as a block with |. An expression with ": " or " #" in it needs YAML's quotes.
//
// What is missing is never false. Where a field that requires names was not sent,
// or a missing field leaves when undecided, on_missing is the verdict. The lack of
// a materiality profile is never no_match: it is indeterminate, or match where
// on_missing is match. A rule that cannot be
// computed (overflow, two currencies) is an error of that rule and that event
// only, and a candidate of severity S2 or the rule's own, whichever is higher.
//
// Where the instant named by deadline.from is missing, the clock runs from
// event_time, and where that is missing, from the Kafka timestamp; the finding
// states which. An event is late when its record reaches Kafka more than one
// business day after the trigger, by their dates in New York. If its clock has a
// filing deadline, its severity is raised by a level for each further business
// day. A dedup text that is missing is replaced by the
// event's own identity: event_source, a space, event_id.
//
// Where that instant is a date without a time of day, the clock runs from the date, as
// it does from a field that is a date.
//
// A Kafka timestamp outside 1990 to 2099 counts as absent. The name observed is then
// missing, and lateness is not counted. Where the event has no time either, there is
// no due date, and no profile is in force.
//
// # A materiality profile
//
//	# profiles/0009990001-2026.yaml
//	schema: tocsin.profile/v1
//	id: northwind-2026            # id and version name it for ever
//	version: 1
//	registrant_cik: "0009990001"
//	effective_from: 2026-01-01    # dates in New York; to is the last day
//	effective_to: 2026-12-31      # optional: open-ended without
//	group_currency: USD
//	basis:                        # an amount; or with the document it is from, and the one that restated it
//	  pretax_income_ttm: { amount: 400_000_000, source: 10-K 2025, restated_in: 10-K/A 2025 }
//	  revenue_ttm: 5_000_000_000
//	  total_assets: 8_000_000_000
//	  current_assets: 3_000_000_000
//	  fixed_assets: 2_500_000_000
//	  equity: 3_200_000_000
//	  long_term_debt: 1_800_000_000
//	  total_debt: 2_100_000_000
//	method: derived               # or given, with overall, performance, clearly_trivial
//	sign_changed: false           # of pre-tax income within the last four periods (derived only)
//	components:                   # optional: entities with a materiality of their own
//	  - { company_code: DE01, overall: 6_000_000, performance: 4_000_000 }
//	prepared_by: p.controller
//	approved_by: [c.finance, g.counsel]   # two or more, not the preparer
//	sources: ["10-K 2025, accession 0000000000-26-000001"]
//
// A profile is in force for an event when registrant_cik is the event's (an
// event without one takes the pack's only registrant, if there is only one) and the date
// in New York of the rule's trigger lies in it. Two that overlap are a mistake.
//
// # A chart of accounts
//
//	# accounts.yaml
//	schema: tocsin.accounts/v1
//	accounts:                     # account_subtype: accounts, or ranges with both ends in them
//	  cash: ["100000..100999"]
//	  revenue: ["400000..409999", "800100"]
//
// It gives rules the account_subtype of a line whose source sends none. The event
// is stored as it was sent. A range holds the
// accounts of its ends' length. No account stands twice.
//
// # Cases
//
//	# cases/CON-01.yaml
//	schema: tocsin.cases/v1
//	base:                         # optional: what every case's event has unless the case replaces it
//	  type: ledger.contract.executed
//	  time: 2026-11-23T18:30:00-05:00     # CloudEvents attributes: id, source, subject, time
//	  data:
//	    registrant_cik: "0009990001"
//	    group_currency: USD
//	    contract: { contract_id: C-1, executed_at: 2026-11-23T18:30:00-05:00, ordinary_course: false }
//	cases:
//	  - name: exactly at the limit
//	    event: { data: { contract.total_value_group: 250_000_000 } }
//	    expect: { outcome: match, severity: S2, due_date: 2026-11-30, item: "1.01", key: C-1 }
//	  - name: a cent below
//	    event: { data: { contract.total_value_group: 249_999_999.99 } }
//	    expect: { outcome: no_match }
//	  - name: a cent above
//	    event: { data: { contract.total_value_group: 250_000_000.01 } }
//	    expect: { outcome: match }
//	  - name: in the ordinary course
//	    event: { data: { contract.total_value_group: 250_000_000, contract.ordinary_course: true } }
//	    expect: { outcome: no_match }
//	  - name: twice the limit
//	    event: { data: { contract.total_value_group: 500_000_000 } }
//	    expect: { outcome: match, severity: S1 }
//	  - name: a cent below twice the limit
//	    event: { data: { contract.total_value_group: 499_999_999.99 } }
//	    expect: { outcome: match, severity: S2 }
//	  - name: a cent above twice the limit
//	    event: { data: { contract.total_value_group: 500_000_000.01 } }
//	    expect: { outcome: match, severity: S1 }
//	  - name: value missing
//	    event: { data: { contract.total_value_group: ~ } }     # ~ takes a member of base away
//	    expect: { outcome: indeterminate, reason: contract.total_value_group }
//
// A member may be written nested or with dots. A case may also have observed (the
// Kafka timestamp; by default the trigger) and profile (an id of the pack,
// whatever its dates, or none). In expect only outcome is mandatory;
// reason is a part of the finding's reason, and why one of its sentence. An event
// may begin with a template, by template: NAME of cases/templates.yaml.
//
// The cases of a rule must be complete at its boundaries: for each comparison
// of quantities in when and bands there is a case exactly at the limit and one
// on each side within the smallest step: 0.01 for money, 1 for an integer, a
// day for a date, a second for an instant or duration, one part in ten thousand
// for a rate. Comparisons of single lines, inside any or total, do not count.
//
// # Stages
//
// A file's name begins with its stage.
//
//	load       files to a Pack, or mistakes: load_chart, load_code,
//	           load_component, load_expression, load_figure, load_materiality,
//	           load_profile, load_rule, load_tree
//	check      mistakes of rules that are each well formed: check
//	index      the rules of an event type, without those whose verdict on an
//	           event certainly finds nothing: index, index_build, index_guard,
//	           index_set
//	judge      an event to verdicts: judge, judge_checklist, judge_finding,
//	           judge_observed, judge_profile, judge_trigger
//	explain    how one rule came to its verdict: explain, explain_sentence
//	case       a pack's cases, run and measured: case, case_boundary, case_code,
//	           case_coverage, case_event, case_load, case_mutate, case_template,
//	           case_update
//
// All stages share the data: archive, pack, rule, schema, verdict, version.
package rules
