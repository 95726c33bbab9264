package endtoend

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
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

// smallLedger has journals of one currency, and of two: balanced in each, in the
// functional currency only, in neither, and without amounts in functional currency.
const smallLedger = `Journal_ID,Journal_ID_Line_Number,Fiscal_Year,Business_Unit_Code,GL_Account_Number,Amount,Amount_Credit_Debit_Indicator,Amount_Currency,Functional_Amount,Functional_Amount_Currency
1,1,2026,A,100,10.07,D,USD,,
2,1,2026,A,100,123456.78,D,USD,,
3,1,2026,A,300,0.10,D,USD,,
1,2,2026,A,200,10.07,C,USD,,
2,2,2026,A,200,100000.00,C,USD,,
2,3,2026,A,201,23456.78,C,USD,,
3,2,2026,A,301,0.20,C,USD,,
4,1,2026,A,100,5,D,USD,,
4,2,2026,A,200,5,C,USD,,
4,3,2026,A,100,7,D,EUR,,
4,4,2026,A,200,7,C,EUR,,
5,1,2026,A,100,7,D,EUR,8,USD
5,2,2026,A,200,8,C,USD,8,USD
6,1,2026,A,100,7,D,EUR,8,USD
6,2,2026,A,200,9,C,USD,9,USD
7,1,2026,A,100,7,D,EUR,,
7,2,2026,A,200,800,C,JPY,,
`

// unbalanced writes what the report of a load states about journals that do not
// balance as the analyst's page answers it.
func unbalanced(t *testing.T, report string) string {
	t.Helper()
	var r struct {
		Unbalanced []struct {
			Journal     string `json:"journal"`
			Unit        string `json:"business_unit"`
			Year        int    `json:"fiscal_year"`
			Differences []struct {
				Currency   string `json:"currency"`
				Amount     string `json:"debit_minus_credit"`
				Functional bool   `json:"functional"`
			} `json:"differences"`
		} `json:"unbalanced"`
	}
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		t.Fatalf("%v in the report of the load:\n%s", err, report)
	}
	var lines []string
	for _, u := range r.Unbalanced {
		for _, d := range u.Differences {
			basis := "transaction"
			if d.Functional {
				basis = "functional"
			}
			lines = append(lines, fmt.Sprintf("%s\t%d\t%s\t%s\t%s\t%s", u.Journal, u.Year, u.Unit, basis, d.Currency, d.Amount))
		}
	}
	return strings.Join(lines, "\n")
}

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
		"How many journals?": "7", "How many lines?": "17", "What was debited and credited?": "EUR\t28\t7\t5\nJPY\t0\t800\t1\nUSD\t123471.95\t123489.05\t11",
		"Does every journal balance?": "7\t4\t3\t0", "How many journals have more than one currency?": "4\t1",
		"How many lines are large?": "EUR\t0\t0\t0\t0\nJPY\t0\t0\t0\t0\nUSD\t3\t2\t0\t0", "How large is the largest line?": "EUR\t7\nJPY\t800\nUSD\t123456.78",
	}
	ledger := file("gl.csv", smallLedger)
	const differ = "By how much does a journal not balance?"
	report, err := exec.CommandContext(t.Context(), program, "load", "--format", "ads-gl", ledger, "--out", filepath.Join(dir, "gl.jsonl"), "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	if want[differ] = unbalanced(t, string(report)); strings.Count(want[differ], "\n") != 5 {
		t.Errorf("the load reports %q, want one difference of journal 3, three of journal 6 and two of journal 7", want[differ])
	}
	for _, when := range []string{"loaded once", "loaded twice"} {
		h.tocsin("load", "--format", "ads-gl", ledger, "--topic", stack.LedgerTopic)
		h.drain()
		h.wantFacts(when, want)
	}
	if rows := h.query("SELECT count(), uniqExact(event_id) FROM ledger_events"); rows != "14\t7" {
		t.Errorf("rows and events after the second load: %q", rows)
	}
	if fired := h.query("SELECT rule, outcome, count(), uniqExact(candidate_id) FROM verdicts WHERE outcome != 'no_match' GROUP BY ALL ORDER BY ALL"); fired != "OPS-05\tmatch\t6\t3\nOPS-07\tindeterminate\t4\t2" {
		t.Errorf("rules that fired, how often and for how many candidates:\n%s", fired)
	}
	if alerts := h.alerts(); len(alerts) != 5 {
		t.Errorf("alerts %v, want each journal that does not balance, and each whose amounts are not known in group currency, once", alerts)
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
