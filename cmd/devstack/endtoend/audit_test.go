package endtoend

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// audited is what the tests read of an audit.
type audited struct {
	OK         bool
	Partitions []struct {
		Rows, Candidates, Rejudged int64
		ChainOK                    bool `json:"chain_ok"`
		Anchored                   bool
	}
	Total struct {
		Alerts   int64
		InFlight int64 `json:"alerts_in_flight"`
	}
	Problems  []found
	NotJudged []struct {
		Rows int64
	} `json:"not_rejudged"`
}

// found is one problem of an audit.
type found struct {
	Kind, Topic, Rule, Column string
	Partition                 int32
	First, Last               int64
	Sequence                  uint64 `json:"stream_sequence"`
	Candidate                 string `json:"candidate_id"`
}

// String returns the problem without its message.
func (p found) String() string {
	if p.Topic == "" {
		return fmt.Sprintf("%s message %d", p.Kind, p.Sequence)
	}
	text := fmt.Sprintf("%s %s/%d %d", p.Kind, p.Topic, p.Partition, p.First)
	if p.Last != p.First {
		text += fmt.Sprintf("-%d", p.Last)
	}
	return strings.TrimSpace(strings.TrimSpace(text+" "+p.Rule) + " " + p.Column)
}

// exec runs a command of the program and returns its standard output and its
// exit code, which is 0 or one of codes.
func (h *harness) exec(codes []int, args ...string) (out string, code int) {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), program, append(args, "--config", h.config)...)
	cmd.Env = append(os.Environ(), h.Environ()...)
	var log strings.Builder
	cmd.Stderr = &log
	text, err := cmd.Output()
	if cmd.ProcessState == nil {
		h.t.Fatalf("tocsin %s: %v", strings.Join(args, " "), err)
	}
	if code = cmd.ProcessState.ExitCode(); code != 0 && !slices.Contains(codes, code) {
		h.t.Fatalf("tocsin %s: %v\n%s", strings.Join(args, " "), err, log.String())
	}
	if code != 0 {
		h.t.Logf("tocsin %s: exit code %d\n%s", strings.Join(args, " "), code, log.String())
	}
	return string(text), code
}

// problems is the exit code of an audit that found some.
const problems = 3

// audit runs an audit and returns its problems, a line each. An audit that ends
// with exit code 1 was not carried out in full.
func (h *harness) audit(args ...string) (a audited, lines []string) {
	h.t.Helper()
	out, code := h.exec([]int{1, problems}, append([]string{"audit", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		h.t.Fatalf("the report is no JSON: %v\n%s", err, out)
	}
	for _, p := range a.Problems {
		lines = append(lines, p.String())
	}
	want := 0
	switch {
	case len(lines) > 0:
		want = problems
	case len(a.NotJudged) > 0:
		want = 1
	}
	if code != want || a.OK != (want == 0) {
		h.t.Errorf("exit code %d, ok is %v; problems are %v, not judged %v", code, a.OK, lines, a.NotJudged)
	}
	return a, lines
}

// audits wants these problems of an audit.
func (h *harness) audits(name string, want []string, args ...string) {
	h.t.Helper()
	if _, got := h.audit(args...); !slices.Equal(want, got) {
		h.t.Errorf("%s: %s", name, cmp.Diff(want, got))
	}
}

// mutate alters rows by hand, and waits.
func (h *harness) mutate(sql string) { h.t.Helper(); h.query(sql + " SETTINGS mutations_sync = 1") }

// stored drains contracts, journals and bad records into a new stack.
func stored(t *testing.T, contracts, journals int) *harness {
	h := start(t, stack.Addresses{})
	records := []*kgo.Record{{Topic: stack.LedgerTopic, Partition: 0, Value: []byte("{")}, {Topic: stack.LedgerTopic, Partition: 0, Value: nil}}
	// Journals first: in the table contracts stand before them, so rows are read
	// in another order than their offsets'.
	for i := range journals {
		records = append(records, journal(i))
	}
	for i := range contracts {
		records = append(records, contract(i))
	}
	h.produce(records...)
	h.drain()
	return h
}

// journal is a record with a header and two lines.
func journal(i int) *kgo.Record {
	return &kgo.Record{Topic: stack.LedgerTopic, Key: fmt.Appendf(nil, "J-%d", i), Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("x")}}, Value: fmt.Appendf(nil,
		`{"specversion":"1.0","id":"journal-%[1]d","source":"endtoend","type":"ledger.journal_entry.posted","time":"2026-11-23T18:30:00-05:00",`+
			`"data":{"registrant_cik":"0009999999","group_currency":"USD","document_number":"J-%[1]d","lines":[`+
			`{"line_number":1,"account":"1000","debit_credit":"D","amount_group":"5.00"},{"line_number":2,"account":"4000","debit_credit":"C","amount_group":"5.00"}]}}`, i)}
}

// keeping puts the table events back as it is now whenever restore is called.
func (h *harness) keeping() (restore func()) {
	h.query("CREATE TABLE kept AS events")
	h.query("ALTER TABLE kept ATTACH PARTITION ALL FROM events")
	return func() {
		h.query("TRUNCATE TABLE events")
		h.query("ALTER TABLE events ATTACH PARTITION ALL FROM kept")
	}
}

func TestAudit(t *testing.T) {
	t.Parallel()
	h := stored(t, 1000, 100)
	a, problems := h.audit("--rejudge")
	var rows, candidates, rejudged int64
	for _, p := range a.Partitions {
		rows, candidates, rejudged = rows+p.Rows, candidates+p.Candidates, rejudged+p.Rejudged
		if !p.ChainOK || !p.Anchored {
			t.Errorf("partition: %+v", p)
		}
	}
	if rows != 1102 || candidates < 20 || rejudged != 1102 || a.Total.Alerts != candidates || len(problems) > 0 || len(a.NotJudged) > 0 {
		t.Fatalf("%+v, %v; want 1102 rows, all judged again, as many alerts as candidates, no problem", a, problems)
	}
	human, _ := h.exec(nil, "audit", "--rejudge", "--from", "2020-01-01", "--topic", stack.LedgerTopic)
	if !strings.Contains(human, " 1102 rows, ") || strings.Contains(human, " alerts: ") || !strings.Contains(human, ": nothing is wrong in what was examined; not examined: whether each alert ") {
		t.Errorf("for people, of a topic and some days:\n%s", human)
	}
	if human, _ = h.exec(nil, "audit", "--rejudge", "--kafka", "all"); !strings.HasSuffix(human, ": nothing is wrong\n") {
		t.Errorf("for people:\n%s", human)
	}
	t.Logf("for people:\n%s", human)

	// Each change is undone by putting the whole table back.
	columns := h.query("SELECT arrayStringConcat(groupArray('`' || name || '`'), ', ') FROM (SELECT name FROM system.columns WHERE database = 'tocsin' AND table = 'events' AND default_kind != 'ALIAS' ORDER BY position)")
	restore := h.keeping()
	partition := h.query("SELECT partition FROM events GROUP BY partition ORDER BY count() DESC LIMIT 1")
	at := func(offset int) string { return fmt.Sprintf("partition = %s AND offset = %d", partition, offset) }
	last, err := strconv.Atoi(h.query("SELECT max(offset) FROM events WHERE partition = " + partition))
	if err != nil {
		t.Fatal(err)
	}
	one := func(kind string, offset int) []string {
		return []string{fmt.Sprintf("%s %s/%s %d", kind, stack.LedgerTopic, partition, offset)}
	}
	f := func(name string, want []string, change string, args ...string) {
		t.Helper()
		h.mutate(change)
		h.audits(name, want, args...)
		restore()
	}
	copied := func(offset, from int) string {
		return fmt.Sprintf("INSERT INTO events (%[1]s) SELECT * REPLACE (toInt64(%[2]d) AS offset) FROM (SELECT %[1]s FROM kept WHERE %[3]s)", columns, offset, at(from))
	}
	f("raw and its hash", one("altered", 7), "ALTER TABLE events UPDATE raw = 'x', raw_sha256 = SHA256('x') WHERE "+at(7))
	f("removed", one("missing", 7), "ALTER TABLE events DELETE WHERE "+at(7))
	f("removed last", one("missing", last), "ALTER TABLE events DELETE WHERE "+at(last))
	f("removed first", one("missing", 0), "ALTER TABLE events DELETE WHERE "+at(0))
	f("doubled", one("doubled", 7), copied(7, 7))
	f("another at the same offset", one("doubled", 7), copied(7, 9))
	f("added at the end", one("added", last+1), copied(last+1, 7))
	raised, err := strconv.Atoi(h.query("SELECT max(offset) FROM events WHERE notEmpty(`findings.rule`) AND partition = " + partition))
	if err != nil {
		t.Fatal(err)
	}
	f("a severity", one("altered", raised), "ALTER TABLE events UPDATE `findings.severity` = ['S4'] WHERE "+at(raised))
	f("an outcome", one("altered", raised-1), "ALTER TABLE events UPDATE `verdicts.outcome` = arrayMap(o -> 'indeterminate', `verdicts.outcome`) WHERE "+at(raised-1))
	f("rules that are not kept", []string{one("altered", 7)[0], one("no rules", 7)[0]}, "ALTER TABLE events UPDATE rules_digest = 'gone' WHERE "+at(7))
	h.mutate("ALTER TABLE events UPDATE calendar_version = 'other' WHERE partition = " + partition)
	if _, lines := h.audit(); len(lines) != last+1 || lines[0] != one("altered", 0)[0] {
		t.Errorf("the calendars of a whole batch: %d problems, want %d", len(lines), last+1)
	}
	restore()

	// A range of time ends in the batch after it, or at the commit.
	f("a range from whose end rows are gone", one("missing", last), "ALTER TABLE events DELETE WHERE "+at(last), "--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z")
	f("rows after a range", one("missing", last), "ALTER TABLE events DELETE WHERE "+at(last), "--to", "2020-01-01T00:00:00Z")

	h.mutate("ALTER TABLE events DELETE WHERE partition = " + partition)
	_, lines := h.audit()
	if len(lines) == 0 || lines[0] != fmt.Sprintf("missing %s/%s 0-%d", stack.LedgerTopic, partition, last) ||
		slices.ContainsFunc(lines[1:], func(p string) bool { return !strings.HasPrefix(p, "no row message ") }) {
		t.Errorf("a whole partition is gone, and its alerts are not: %v", lines)
	}
	restore()

	// An alert that no row raised.
	conn, err := nats.Connect(h.NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(t.Context(), "disclosure.candidate.unknown.1_01.S1.aaaaaaaaaaaaaaaaaaaaaaaaaa", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	h.audits("an alert without a row", []string{fmt.Sprintf("no row message %d", ack.Sequence)})

	// The rules are gone.
	h.query("CREATE TABLE packs_kept AS packs")
	h.query("INSERT INTO packs_kept SELECT * FROM packs")
	h.query("TRUNCATE TABLE packs")
	if a, problems := h.audit("--rejudge", "--topic", stack.LedgerTopic); len(problems) != 2 || !strings.HasPrefix(problems[0], "no rules ") || len(a.NotJudged) != 1 || a.NotJudged[0].Rows != 1102 {
		t.Errorf("without packs: %v, %+v", problems, a.NotJudged)
	}
	h.query("INSERT INTO packs SELECT * REPLACE (replace(archive, 'S1', 'S2') AS archive) FROM packs_kept")
	if a, problems := h.audit("--rejudge", "--topic", stack.LedgerTopic); len(problems) != 2 || !strings.HasPrefix(problems[0], "no rules ") || len(a.NotJudged) != 1 || a.NotJudged[0].Rows != 1102 {
		t.Errorf("with a pack that was altered: %v, %+v", problems, a.NotJudged)
	}
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	h := stored(t, 500, 0)
	before := h.messages()
	if len(before) != 10 {
		t.Fatalf("%d alerts, want 10", len(before))
	}
	if out, _ := h.exec(nil, "reconcile"); !strings.HasSuffix(out, "10 candidates, 0 missing from the stream, 0 published, 0 failed\n") {
		t.Errorf("nothing is missing, yet:\n%s", out)
	}
	conn, err := nats.Connect(h.NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "DISCLOSURE"); err != nil {
		t.Fatal(err)
	}
	h.tocsin("migrate", "--config", h.config)
	if _, problems := h.audit(); len(problems) != 10 || !strings.HasPrefix(problems[0], "not alerted ") {
		t.Errorf("the audit finds %v, want 10 that are not alerted", problems)
	}
	if out, _ := h.exec(nil, "reconcile", "--dry-run"); !strings.HasSuffix(out, "10 candidates, 10 missing from the stream, 0 published, 0 failed\n") || len(h.messages()) > 0 {
		t.Errorf("a dry run:\n%s", out)
	}
	for _, want := range []string{"10 candidates, 10 missing from the stream, 10 published, 0 failed\n", "10 candidates, 0 missing from the stream, 0 published, 0 failed\n"} {
		out, _ := h.exec(nil, "reconcile")
		if !strings.HasSuffix(out, want) {
			t.Errorf("want %s, not:\n%s", want, out)
		}
		if diff := cmp.Diff(before, h.messages()); diff != "" {
			t.Errorf("the alerts are not those that were published first:\n%s", diff)
		}
		t.Logf("\n%s", out)
	}
	h.audits("after it", nil)

	// A worker does it too, for what was stored lately and is not its own work.
	// The clock is not waited for: the rows are made older.
	if err := js.DeleteStream(t.Context(), "DISCLOSURE"); err != nil {
		t.Fatal(err)
	}
	h.mutate("ALTER TABLE events UPDATE stored_at = if(partition = 0, now() - INTERVAL 10 MINUTE, now() - INTERVAL 3 DAY) WHERE 1")
	recent, err := strconv.Atoi(h.query("SELECT count() FROM candidates WHERE partition = 0"))
	if err != nil || recent == 0 || recent == len(before) {
		t.Fatalf("%d candidates of %d are recent, %v", recent, len(before), err)
	}
	w := h.workerOf(program, configured(t, h.config, "reconcile_every: 0s", "reconcile_every: 10m"))
	reconciled := fmt.Sprintf("\ntocsin_reconciled_alerts_total %d\n", recent)
	h.eventually(time.Minute, "the worker counts"+reconciled, func() bool { return strings.Contains(h.metrics(w, "/metrics"), reconciled) })
	for _, m := range h.messages() { // the older ones would come first
		if !slices.Contains(before, m) || !strings.Contains(m, `"partition":0,`) {
			t.Errorf("the worker published what it should leave, or another alert than the first:\n%s", m)
		}
	}
	if n := len(h.messages()); n != recent {
		t.Errorf("the worker published %d alerts, want the %d recent ones", n, recent)
	}
	h.end(w)

	// What the stream has been allowed to forget is neither missed nor published.
	if err := js.DeleteStream(t.Context(), "DISCLOSURE"); err != nil {
		t.Fatal(err)
	}
	h.tocsin("migrate", "--config", h.config)
	h.mutate("ALTER TABLE events UPDATE stored_at = now() - INTERVAL 8 YEAR WHERE 1")
	h.audits("beyond max_age", nil)
	if out, _ := h.exec(nil, "reconcile"); !strings.HasSuffix(out, "0 candidates, 0 missing from the stream, 0 published, 0 failed\n") {
		t.Errorf("beyond max_age:\n%s", out)
	}
	// A candidate that cannot be published as before is not published.
	h.mutate("ALTER TABLE events UPDATE stored_at = now(), raw = replace(raw, '900000000.00', '950000000.00') WHERE notEmpty(findings.rule)")
	if out, code := h.exec([]int{problems}, "reconcile"); code != problems || !strings.HasSuffix(out, "10 candidates, 10 missing from the stream, 0 published, 10 failed\n") || len(h.messages()) > 0 {
		t.Errorf("altered records: exit code %d\n%s", code, out)
	}
}

// messages returns subject and body of every alert in the stream, sorted.
func (h *harness) messages() (all []string) {
	h.t.Helper()
	conn, err := nats.Connect(h.NATS)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		h.t.Fatal(err)
	}
	stream, err := js.Stream(h.t.Context(), "DISCLOSURE")
	if err != nil {
		h.t.Fatal(err)
	}
	info, err := stream.Info(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq && info.State.Msgs > 0; seq++ {
		msg, err := stream.GetMsg(h.t.Context(), seq)
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, msg.Subject+" "+string(msg.Data))
	}
	slices.Sort(all)
	return all
}
