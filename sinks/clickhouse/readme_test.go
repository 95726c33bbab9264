package clickhouse

import (
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	chserver "tocsin/cmd/devstack/clickhouse"
	"tocsin/cmd/devstack/clickhouse/chtest"
	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// answers are what the README's queries say of the day that TestReadme stores,
// by heading.
var answers = map[string]string{
	"What was posted to each account in each period?": `
1000	2026	1	USD	100.1	0	100.1
1000	2026	2	USD	0	0.2	-0.2
4000	2026	1	USD	0	100.1	-100.1
6000	2026	2	USD	0.3	0	0.3`,
	"Which journals do not balance?": `
C1	J-2	0.1`,
	"Which candidates are due next?": `
aaaaaaaaaaaaaaaaaaaaaaaaaa	CON-01	1.01	S1	2026-02-06	2026-02-05 22:30:00.000000	ledger.contract.executed	C1
bbbbbbbbbbbbbbbbbbbbbbbbbb	CON-02	1.02	S2	\N	\N	ledger.contract.executed	C1`,
	"Why is it a candidate?": `
CON-01	contract.total_value_group >= limit	1200000 USD	1000000 USD	200000 USD`,
	"What did every rule say of one event?": `
CON-01	1	match	S1	
CON-02	3	indeterminate	S2	contract.ordinary_course was not sent
CON-03	1	no_match		`,
	"How often does each rule fire?": `
CON-01	1	2	0	0	2
CON-02	3	0	1	0	1
CON-03	1	0	0	0	1`,
	"Which records could not be read?": `
ledger.events	0	4	decode	duplicate_key	data	member stands twice	{"a":1,"a":2}	pending	`,
	"Who did what about dead letters?": `
ledger.events	0	4	replay	alice	one member taken out	1`,
	"Is every record there, once?": `
main	ledger.events	0	6	0	5	1	0	0	0	0
main	ledger.events	1	1	7	7	1	0	0	0	0`,
	"Which rows were stored by one batch?": `
ledger.events	0	0	5	6	6	1
ledger.events	1	7	7	1	1	1`,
	"Have the bytes been altered since?": `
7	0`,
	"Under which rules was an event judged?": `
2	sox409	1`,
	"How many journals?": `
2`,
	"How many lines?": `
5`,
	"What was debited and credited?": `
USD	100.4	100.3`,
	"Does every journal balance?": `
2	1	1`,
	"How many lines are large?": `
0	0	0	0`,
	"How large is the largest line?": `
100.1`,
}

var queries = regexp.MustCompile("(?s)\n### ([^\n]+)\n([^#]*?)```sql\n(.*?)```")

// TestReadme runs every query of the README and compares its answer.
func TestReadme(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	for _, b := range day(t) {
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SavePack(t.Context(), "d1", "sox409", []byte("-- pack.yaml --\n")); err != nil {
		t.Fatal(err)
	}
	if err := s.Claim(t.Context(), "main", Disposition{Place: Place{"ledger.events", 0, 4}, Action: Replaying, Attempt: 1, Actor: "alice", Reason: "one member taken out"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := queries.FindAllStringSubmatch(string(text), -1)
	if n := strings.Count(string(text), "```sql"); len(found) != n || n != len(answers) {
		t.Errorf("%d queries in the README, %d under a heading, %d answers", n, len(found), len(answers))
	}
	for _, m := range found {
		want := strings.TrimPrefix(answers[m[1]], "\n") + "\n"
		if diff := cmp.Diff(want, ask(t, c, m[3])); diff != "" {
			t.Errorf("%s (-want +answer):\n%s", m[1], diff)
		}
	}
	for _, view := range []string{"ledger_events", "ledger_lines", "system_events", "verdicts", "candidates", "dead_letters", "completeness"} {
		ask(t, c, "SELECT * FROM "+view)
		if !strings.Contains(string(text), "| `"+view+"` |") {
			t.Errorf("the README does not explain the view %s", view)
		}
	}
}

// ask runs a query over HTTP, as a person would, and returns what comes back.
func ask(t *testing.T, c Config, query string) string {
	t.Helper()
	at := "http://" + chtest.Server(t).HTTPAddr + "/?" + url.Values{"database": {c.Database}}.Encode()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(query))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(chserver.User, c.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %v %s", query, err, body)
	}
	return string(body)
}

// day is two journals, two events of one contract, a dead letter, a system
// event and a tombstone.
func day(t *testing.T) []*pipeline.Batch {
	text := func(e *event.Event, pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			e.SetText(e.Schema().Lookup(pairs[i]), pairs[i+1])
		}
	}
	journal := func(number string, period int64, lines ...[3]string) *event.Event {
		e := event.New(event.LookupType("ledger.journal_entry.posted"))
		text(e, "event_type", e.Type().Name, "event_source", "urn:erp", "event_id", number, "company_code", "C1", "document_number", number, "group_currency", "USD")
		e.SetInt(event.Ledger.Lookup("fiscal_year"), 2026)
		e.SetInt(event.Ledger.Lookup("fiscal_period"), period)
		list := event.Ledger.Lookup("lines")
		for _, l := range lines {
			line, member := e.AddRecord(list), list.Schema().Lookup
			line.SetText(member("account"), l[0])
			line.SetText(member("debit_credit"), l[1])
			amount, err := money.Parse(l[2])
			if err != nil {
				t.Fatal(err)
			}
			line.SetAmount(member("amount_group"), amount)
			line.SetAmount(member("amount_functional"), amount)
		}
		return e
	}
	contract := func(id string) *event.Event {
		e := event.New(event.LookupType("ledger.contract.executed"))
		text(e, "event_type", e.Type().Name, "event_source", "urn:erp", "event_id", id, "company_code", "C1")
		return e
	}
	outage := event.New(event.LookupType("system.outage"))
	text(outage, "event_type", "system.outage", "event_id", "o")

	due := time.Date(2026, 2, 6, 22, 30, 0, 0, time.UTC)
	con01 := rules.Verdict{Rule: &rules.Rule{ID: "CON-01", Revision: 1, Item: "1.01"}, Outcome: rules.Match, Finding: &rules.Finding{
		CandidateID: strings.Repeat("a", 26), Severity: rules.S1, Key: "K-1", Trigger: due.AddDate(0, 0, -6), TriggerField: "contract.executed_at",
		Deadline:    calendar.Deadline{DueDate: calendar.DateOf(due), DueAt: due, DueAtConservative: due.AddDate(0, 0, -1)},
		Explanation: rules.Explanation{{Text: "contract.total_value_group >= limit", Value: "1200000 USD", Limit: "1000000 USD", Distance: "200000 USD"}}}}
	con02 := rules.Verdict{Rule: &rules.Rule{ID: "CON-02", Revision: 3, Item: "1.02"}, Outcome: rules.Indeterminate, Finding: &rules.Finding{
		CandidateID: strings.Repeat("b", 26), Severity: rules.S2, Key: "K-1", Reason: "contract.ordinary_course was not sent"}}
	con03 := rules.Verdict{Rule: &rules.Rule{ID: "CON-03", Revision: 1}}

	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	batch := func(partition int32, first int64, rows ...pipeline.Row) *pipeline.Batch {
		for i := range rows {
			r := &rows[i]
			r.Offset, r.Timestamp = first+int64(i), at.Add(time.Duration(i)*time.Second)
			r.RawHash = sha256.Sum256(r.Raw)
		}
		return &pipeline.Batch{Cluster: "main", Topic: "ledger.events", Partition: partition, First: first, Last: first + int64(len(rows)) - 1,
			At: at, Digest: "d1", Calendar: "2026a", Rows: rows}
	}
	return []*pipeline.Batch{
		batch(0, 0,
			pipeline.Row{Raw: []byte("j1"), Event: journal("J-1", 1, [3]string{"1000", "D", "100.10"}, [3]string{"4000", "C", "100.10"})},
			pipeline.Row{Raw: []byte("j2"), Event: journal("J-2", 2, [3]string{"6000", "D", "0.1"}, [3]string{"6000", "D", "0.2"}, [3]string{"1000", "C", "0.2"})},
			pipeline.Row{Raw: []byte("c1"), Event: contract("contract-1"), Verdicts: []rules.Verdict{con01, con02, con03}},
			pipeline.Row{Raw: []byte("o"), Event: outage},
			pipeline.Row{Raw: []byte(`{"a":1,"a":2}`), Failure: &event.Failure{Stage: "decode", Code: "duplicate_key", Offset: 7, Field: "data", Detail: "member stands twice"}},
			pipeline.Row{Tombstone: true},
		),
		batch(1, 7, pipeline.Row{Raw: []byte("c2"), Event: contract("contract-2"), Verdicts: []rules.Verdict{con01}}),
	}
}
