package endtoend

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tocsin/cmd/devstack/stack"
)

// ledgerFacts are the known facts of the real ledger, by the heading of the
// analyst's page whose query must give them.
var ledgerFacts = map[string]string{
	"How many journals?":             "2107",
	"How many lines?":                "4569",
	"What was debited and credited?": "USD\t31227241.32\t31227241.32",
	"Does every journal balance?":    "2107\t2107\t0",
	"How many lines are large?":      "676\t34\t2\t2",
	"How large is the largest line?": "12927000",
}

// realFile finds real material, which is no part of the project. Where it is
// absent the test is skipped, unless the gate has said where it must be.
func realFile(t *testing.T, name string) string {
	t.Helper()
	dir, named := os.LookupEnv("TOCSIN_REAL")
	if !named {
		dir = filepath.Join("..", "..", "..", "..", "shared", "real")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		if named {
			t.Fatalf("TOCSIN_REAL names a directory without %s: %v", name, err)
		}
		t.Skipf("there is no %s: name its directory by TOCSIN_REAL to run this test", name)
	}
	return path
}

var documented = regexp.MustCompile("(?s)\n### ([^\n]+)\n[^#]*?```sql\n(.*?)```")

// A real general ledger goes through the whole path to the cent, and each fact
// comes out by one documented query. Loading it again changes none of them.
func TestRealLedger(t *testing.T) {
	file := realFile(t, "ads_gl_detail.csv")
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "sinks", "clickhouse", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	queries := make(map[string]string)
	for _, m := range documented.FindAllStringSubmatch(string(page), -1) {
		queries[m[1]] = m[2]
	}
	h := start(t, stack.Addresses{})
	for _, load := range []string{"first", "second"} {
		h.tocsin("load", "--format", "ads-gl", file, "--topic", stack.LedgerTopic, "--brokers", h.Kafka)
		h.drain()
		for heading, want := range ledgerFacts {
			sql, ok := queries[heading]
			if !ok {
				t.Errorf("the analyst's page has no query %q", heading)
			} else if got := h.query(sql); got != want {
				t.Errorf("%s load: %s %s, want %s", load, heading, got, want)
			}
		}
	}
	if dead := h.query("SELECT count() FROM dead_letters"); dead != "0" {
		t.Errorf("%s dead letters", dead)
	}
	// The source tells neither who approved nor whether a journal was manual:
	// nothing can be concluded, and nobody is alerted two thousand times.
	if found := h.query("SELECT rule, outcome, count() FROM verdicts WHERE outcome != 'no_match' GROUP BY ALL ORDER BY ALL"); found != "" {
		t.Errorf("the shipped pack finds in the real ledger:\n%s", found)
	}
	rules := h.query("SELECT groupUniqArray(rule) FROM verdicts")
	for _, id := range []string{"JET-05", "JET-06", "JET-14", "OPS-05"} {
		if !strings.Contains(rules, id) {
			t.Errorf("%s has not judged the ledger: %s", id, rules)
		}
	}
}
