package endtoend

import (
	"testing"

	"tocsin/cmd/devstack/realdata"
	"tocsin/cmd/devstack/stack"
)

// TestRealLedger takes a general ledger of another company through the whole path.
// The facts are those that its keepers give for it.
func TestRealLedger(t *testing.T) {
	t.Parallel()
	path, h := realdata.File(t, "ads_gl_detail.csv"), start(t, stack.Addresses{})
	want := facts{
		"How many journals?": "2107", "How many lines?": "4569", "What was debited and credited?": "USD\t31227241.32\t31227241.32\t4569",
		"Does every journal balance?": "2107\t2107\t0\t0", "By how much does a journal not balance?": "", "How many journals have more than one currency?": "0\t0",
		"How many lines are large?": "USD\t676\t34\t2\t2", "How large is the largest line?": "USD\t12927000",
	}
	const held = "SELECT count(), uniqExact(event_id), sum(length(`lines.account`)) FROM events WHERE failure_stage = ''"
	load := func(options ...string) {
		h.tocsin(append([]string{"load", "--format", "ads-gl", path, "--topic", stack.LedgerTopic}, options...)...)
		h.drain()
	}
	load()
	h.wantFacts("loaded once", want)
	h.answers("rows, events and lines", []string{"2107\t2107\t4569"}, held)
	// The file has no user who keyed a journal, it balances, and no journal was
	// posted to a reported period: no rule on journals has cause, and none may be
	// indeterminate on every journal. Its chart is not the pack's: the one journal
	// of a million or more is on accounts that the chart does not classify.
	t.Logf("verdicts:\n%s", h.query("SELECT rule, outcome, count() FROM verdicts GROUP BY rule, outcome ORDER BY rule, outcome"))
	h.answers("candidates", []string{"OPS-07\t12927000 USD"}, "SELECT rule, value FROM candidates")
	h.answers("dead letters", []string{"0"}, "SELECT count() FROM dead_letters")

	load()
	h.wantFacts("loaded twice", want)
	h.answers("rows, events and lines", []string{"4214\t2107\t9138"}, held)
	if alerts := h.alerts(); len(alerts) != 1 {
		t.Errorf("%d candidates are alerted, want one", len(alerts))
	}
}
