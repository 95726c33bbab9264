package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/devstack/stack"
)

// facts are what the analyst's queries say of a general ledger, by heading.
type facts map[string]string

var headedQuery = regexp.MustCompile("(?s)\n### ([^\n]+)\n[^#]*?```sql\n(.*?)```")

// wantFacts runs the queries that the analyst's page documents for a general
// ledger, as they stand there, and compares their answers.
func (h *harness) wantFacts(when string, want facts) {
	h.t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "sinks", "clickhouse", "README.md"))
	if err != nil {
		h.t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## A general ledger, to the cent\n")
	if !found {
		h.t.Fatal("the analyst's page has no section on a general ledger")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	got := make(facts)
	for _, m := range headedQuery.FindAllStringSubmatch(section, -1) {
		got[m[1]] = h.query(m[2])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Errorf("%s (-want +answer):\n%s", when, diff)
	}
}

const smallLedger = `Journal_ID,Journal_ID_Line_Number,Fiscal_Year,Business_Unit_Code,GL_Account_Number,Amount,Amount_Credit_Debit_Indicator,Amount_Currency
1,1,2026,A,100,10.07,D,USD
2,1,2026,A,100,123456.78,D,USD
3,1,2026,A,300,0.10,D,USD
1,2,2026,A,200,10.07,C,USD
2,2,2026,A,200,100000.00,C,USD
2,3,2026,A,201,23456.78,C,USD
3,2,2026,A,301,0.20,C,USD
`

// TestLoads takes what tocsin load reads, each format, into ClickHouse.
func TestLoads(t *testing.T) {
	t.Parallel()
	h, dir := start(t, stack.Addresses{}), t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	want := facts{
		"How many journals?": "3", "How many lines?": "7", "What was debited and credited?": "USD\t123466.95\t123467.05",
		"Does every journal balance?": "3\t2\t1", "How many lines are large?": "3\t2\t0\t0", "How large is the largest line?": "123456.78",
	}
	ledger := file("gl.csv", smallLedger)
	for _, when := range []string{"loaded once", "loaded twice"} {
		h.tocsin("load", "--format", "ads-gl", ledger, "--topic", stack.LedgerTopic)
		h.drain()
		h.wantFacts(when, want)
	}
	if rows := h.query("SELECT count(), uniqExact(event_id) FROM ledger_events"); rows != "6\t3" {
		t.Errorf("rows and events after the second load: %q", rows)
	}
	if fired := h.query("SELECT rule, outcome, count(), uniqExact(candidate_id) FROM verdicts WHERE outcome != 'no_match' GROUP BY ALL ORDER BY ALL"); fired != "OPS-05\tmatch\t2\t1" {
		t.Errorf("rules that fired, how often and for how many candidates:\n%s", fired)
	}
	if alerts := h.alerts(); len(alerts) != 1 {
		t.Errorf("alerts %v, want the journal that does not balance, once", alerts)
	}

	// Events go byte for byte, in the order of the file for one object.
	var lines, raw []string
	for i := 1; i <= 20; i++ {
		line := string(contract(i * 10).Value)
		lines = append(lines, line)
		raw = append(raw, fmt.Sprintf("load-%d\t%s", i*10, line))
	}
	h.tocsin("load", "--format", "cloudevents", file("events.jsonl", strings.Join(lines, "\n")+"\n"), "--topic", stack.LedgerTopic)
	h.drain()
	h.answers("the events", raw, "SELECT event_id, raw FROM events WHERE event_source = 'endtoend' ORDER BY toUInt32(substring(event_id, 6)) FORMAT TSVRaw")
	h.answers("their candidates", []string{"load-100", "load-150", "load-200", "load-50"},
		"SELECT event_id FROM candidates WHERE rule = 'CON-01' AND event_source = 'endtoend' ORDER BY event_id")
	h.explains("CON-01")
	h.explains("OPS-05")
	if failed := h.query("SELECT count() FROM dead_letters"); failed != "0" {
		t.Errorf("%s dead letters", failed)
	}
}
