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

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// audited is what the test reads of an audit.
type audited struct {
	OK         bool
	Partitions []struct {
		Rows, Candidates, Rejudged int64
		ChainOK                    bool `json:"chain_ok"`
		Anchored                   bool
	}
	Problems []struct {
		Kind, Topic, Rule string
		Partition         int32
		First, Last       int64
		Candidate         string `json:"candidate_id"`
	}
	NotJudged []struct {
		Rows int64
	} `json:"not_rejudged"`
}

// exec runs a command of the program and returns its standard output and
// whether it ended with exit code 0; another code than 0 and 1 fails the test.
func (h *harness) exec(args ...string) (out string, ok bool) {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), program, append(args, "--config", h.config)...)
	cmd.Env = append(os.Environ(), h.Environ()...)
	var log strings.Builder
	cmd.Stderr = &log
	text, err := cmd.Output()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() > 1 || (err != nil && len(text) == 0) {
		h.t.Fatalf("tocsin %s: %v\n%s", strings.Join(args, " "), err, log.String())
	}
	return string(text), err == nil
}

// audit runs an audit, and says its problems in a line each.
func (h *harness) audit(args ...string) (a audited, problems []string) {
	h.t.Helper()
	out, ok := h.exec(append([]string{"audit", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		h.t.Fatalf("the report is no JSON: %v\n%s", err, out)
	}
	for _, p := range a.Problems {
		problems = append(problems, strings.TrimSpace(fmt.Sprintf("%s %s/%d %d-%d %s", p.Kind, p.Topic, p.Partition, p.First, p.Last, p.Rule)))
	}
	if ok != a.OK || ok != (len(problems) == 0) {
		h.t.Errorf("exit code 0 is %v, ok is %v, problems are %v", ok, a.OK, problems)
	}
	return a, problems
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

// stored drains contracts and bad records into a new stack.
func stored(t *testing.T, contracts int) *harness {
	h := start(t, stack.Addresses{})
	records := []*kgo.Record{{Topic: stack.LedgerTopic, Partition: 0, Value: []byte("{")}, {Topic: stack.LedgerTopic, Partition: 0, Value: nil}}
	for i := range contracts {
		records = append(records, contract(i))
	}
	h.produce(records...)
	h.drain()
	return h
}

func TestAudit(t *testing.T) {
	t.Parallel()
	h := stored(t, 1000)
	a, problems := h.audit("--rejudge")
	var rows, candidates, rejudged int64
	for _, p := range a.Partitions {
		rows, candidates, rejudged = rows+p.Rows, candidates+p.Candidates, rejudged+p.Rejudged
		if !p.ChainOK || !p.Anchored {
			t.Errorf("partition: %+v", p)
		}
	}
	if rows != 1002 || candidates != 20 || rejudged != 1002 || len(problems) > 0 || len(a.NotJudged) > 0 {
		t.Fatalf("%d rows, %d candidates, %d rejudged, %v; want 1002, 20, 1002, no problem", rows, candidates, rejudged, problems)
	}
	human, ok := h.exec("audit", "--rejudge", "--from", "2020-01-01T00:00:00Z", "--topic", stack.LedgerTopic)
	if !ok || !strings.Contains(human, "1002 rows, 20 candidates: nothing is wrong") {
		t.Errorf("for people:\n%s", human)
	}
	t.Logf("for people:\n%s", human)

	// Each change is undone by putting the whole table back.
	columns := h.query("SELECT arrayStringConcat(groupArray('`' || name || '`'), ', ') FROM (SELECT name FROM system.columns WHERE database = 'tocsin' AND table = 'events' ORDER BY position)")
	h.query("CREATE TABLE kept AS events")
	h.query("ALTER TABLE kept ATTACH PARTITION ALL FROM events")
	partition := h.query("SELECT partition FROM events GROUP BY partition ORDER BY count() DESC LIMIT 1")
	at := func(offset int) string { return fmt.Sprintf("partition = %s AND offset = %d", partition, offset) }
	last, err := strconv.Atoi(h.query("SELECT max(offset) FROM events WHERE partition = " + partition))
	if err != nil {
		t.Fatal(err)
	}
	one := func(kind string, offset int) []string {
		return []string{fmt.Sprintf("%s %s/%s %d-%d", kind, stack.LedgerTopic, partition, offset, offset)}
	}
	f := func(name string, want []string, change string, args ...string) {
		t.Helper()
		h.mutate(change)
		h.audits(name, want, args...)
		h.query("TRUNCATE TABLE events")
		h.query("ALTER TABLE events ATTACH PARTITION ALL FROM kept")
	}
	copied := func(offset, from int) string {
		return fmt.Sprintf("INSERT INTO events (%[1]s) SELECT * REPLACE (toInt64(%[2]d) AS offset) FROM (SELECT %[1]s FROM kept WHERE %[3]s)", columns, offset, at(from))
	}
	f("raw", one("altered", 7), "ALTER TABLE events UPDATE raw = replace(raw, '1000.00', '1.00') WHERE "+at(7))
	f("raw and its hash", one("altered", 7), "ALTER TABLE events UPDATE raw = 'x', raw_sha256 = SHA256('x') WHERE "+at(7))
	f("chain", one("altered", 7), "ALTER TABLE events UPDATE chain = SHA256('x') WHERE "+at(7))
	f("removed", one("missing", 7), "ALTER TABLE events DELETE WHERE "+at(7))
	f("removed last", one("missing", last), "ALTER TABLE events DELETE WHERE "+at(last))
	f("removed first", one("missing", 0), "ALTER TABLE events DELETE WHERE "+at(0))
	f("doubled", one("doubled", 7), copied(7, 7))
	f("another at the same offset", one("doubled", 7), copied(7, 9))
	f("added at the end", one("added", last+1), copied(last+1, 7))

	candidate := strings.Split(h.query("SELECT partition, offset, rule FROM candidates ORDER BY partition, offset LIMIT 1"), "\t")
	where := "partition = " + candidate[0] + " AND offset = " + candidate[1]
	differs := []string{fmt.Sprintf("verdict differs %s/%s %s-%s %s", stack.LedgerTopic, candidate[0], candidate[1], candidate[1], candidate[2])}
	f("outcome, not judged again", nil, "ALTER TABLE events UPDATE `verdicts.outcome` = arrayMap(o -> 'no_match', `verdicts.outcome`) WHERE "+where)
	f("outcome", differs, "ALTER TABLE events UPDATE `verdicts.outcome` = arrayMap((o, r) -> if(r = '"+candidate[2]+"', 'no_match', o), `verdicts.outcome`, `verdicts.rule`) WHERE "+where, "--rejudge")
	f("severity", differs, "ALTER TABLE events UPDATE `findings.severity` = arrayMap(s -> 'S4', `findings.severity`) WHERE "+where, "--rejudge")
	f("due", differs, "ALTER TABLE events UPDATE `findings.due_at` = arrayMap(d -> d + INTERVAL 1 DAY, `findings.due_at`) WHERE "+where, "--rejudge")

	f("amount", []string{fmt.Sprintf("verdict differs %s/%s 7-7", stack.LedgerTopic, partition)}, "ALTER TABLE events UPDATE contract_total_value_group = 1 WHERE "+at(7), "--rejudge")

	// Rules that nobody kept are no difference.
	h.mutate("ALTER TABLE events UPDATE rules_digest = 'gone' WHERE " + at(7))
	if a, problems := h.audit("--rejudge"); len(problems) > 0 || len(a.NotJudged) != 1 || a.NotJudged[0].Rows != 1 {
		t.Errorf("rules that are gone: %v, %+v", problems, a.NotJudged)
	}
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	h := stored(t, 500)
	before := h.messages()
	if len(before) != 10 {
		t.Fatalf("%d alerts, want 10", len(before))
	}
	if out, ok := h.exec("reconcile"); !ok || !strings.HasSuffix(out, "10 candidates, 0 missing from the stream, 0 published, 0 failed\n") {
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
	if out, ok := h.exec("reconcile", "--dry-run"); !ok || !strings.HasSuffix(out, "10 candidates, 10 missing from the stream, 0 published, 0 failed\n") || len(h.messages()) > 0 {
		t.Errorf("a dry run:\n%s", out)
	}
	for _, want := range []string{"10 candidates, 10 missing from the stream, 10 published, 0 failed\n", "10 candidates, 0 missing from the stream, 0 published, 0 failed\n"} {
		out, ok := h.exec("reconcile")
		if !ok || !strings.HasSuffix(out, want) {
			t.Errorf("want %s, not:\n%s", want, out)
		}
		if diff := cmp.Diff(before, h.messages()); diff != "" {
			t.Errorf("the alerts are not those that were published first:\n%s", diff)
		}
		t.Logf("\n%s", out)
	}
	h.audits("after it", nil)
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
