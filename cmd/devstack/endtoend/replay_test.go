package endtoend

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/cmd/devstack/stack"
	"tocsin/pipeline"
)

// result is what a command came to.
type result struct {
	code           int
	stdout, stderr string
}

// letters runs tocsin deadletters, with this standard input.
func (h *harness) letters(stdin string, args ...string) (r result) {
	h.t.Helper()
	cmd := h.command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

func (h *harness) command(args ...string) *exec.Cmd {
	args = append([]string{"deadletters", args[0], "--config", h.config}, args[1:]...)
	cmd := exec.CommandContext(h.t.Context(), program, args...)
	cmd.Env = append(os.Environ(), h.Environ()...)
	return cmd
}

// wants runs tocsin deadletters and compares: lines of standard output, or,
// with an exit code other than 0, what standard error must say.
func (h *harness) wants(code int, args []string, says ...string) {
	h.t.Helper()
	r := h.letters("", args...)
	if r.code != code {
		h.t.Errorf("%v: exit code %d, want %d\n%s%s", args, r.code, code, r.stdout, r.stderr)
	}
	if code == 0 {
		if diff := cmp.Diff(says, lines(r.stdout)); diff != "" {
			h.t.Errorf("%v (-want +printed):\n%s%s", args, diff, r.stderr)
		}
		return
	}
	if r.stdout != "" {
		h.t.Errorf("%v: standard output %q of a command that is refused", args, r.stdout)
	}
	for _, s := range says {
		if !strings.Contains(r.stderr, s) {
			h.t.Errorf("%v: standard error lacks %q:\n%s", args, s, r.stderr)
		}
	}
}

func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		all = append(all, strings.TrimRight(line, "\n"))
	}
	return all
}

// listed are the places and statuses that list shows.
func (h *harness) listed(args ...string) (all []string) {
	h.t.Helper()
	r := h.letters("", append([]string{"list", "--json"}, args...)...)
	if r.code != 0 {
		h.t.Fatalf("list: %s", r.stderr)
	}
	for _, line := range lines(r.stdout) {
		var l struct{ Place, Status string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, l.Place+" "+l.Status)
	}
	return all
}

// place is a place as an operator types it.
func place(offset int) string {
	return fmt.Sprintf("%s/%d/%d", stack.LedgerTopic, badPartition, offset)
}

// whole is that place as the commands print it, with the topic's id.
func (h *harness) whole(offset int) string {
	h.t.Helper()
	return fmt.Sprintf("%s/%s/%d/%d", stack.LedgerTopic, h.topicID(), badPartition, offset)
}

// topicID is the id that the topic has now.
func (h *harness) topicID() pipeline.TopicID {
	h.t.Helper()
	id, err := h.askTopicID()
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// askTopicID is topicID of a topic that may be away. kadm's answer may be five seconds
// old.
func (h *harness) askTopicID() (pipeline.TopicID, error) {
	request, topic := kmsg.NewPtrMetadataRequest(), kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(stack.LedgerTopic)
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(h.t.Context(), h.kafka)
	if err == nil {
		err = kerr.ErrorForCode(answer.Topics[0].ErrorCode)
	}
	if err != nil {
		return pipeline.TopicID{}, err
	}
	return answer.Topics[0].TopicID, nil
}

const badPartition = 1

// letterbox produces records to one partition under a small max_record_bytes,
// and has them stored.
func (h *harness) letterbox(records ...*kgo.Record) {
	h.t.Helper()
	lenient := h.config
	h.configure("# max_record_bytes: 1MiB", fmt.Sprintf("max_record_bytes: %dKiB", largest>>10))
	for _, r := range records {
		r.Topic, r.Partition = stack.LedgerTopic, badPartition
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(h.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		h.t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(h.t.Context(), records...).FirstErr(); err != nil {
		h.t.Fatal(err)
	}
	h.drain()
	h.config = lenient
}

// oversized is a candidate whose record is larger than the letterbox takes.
func oversized(i int) *kgo.Record {
	r := contract(i * candidatesIn)
	r.Value = append(r.Value, strings.Repeat(" ", largest)...)
	return r
}

// TestDeadLettersAreReplayedAndDiscarded takes each kind of dead letter by each
// way out, and compares rows, verdicts, alerts and what the commands print.
func TestDeadLettersAreReplayedAndDiscarded(t *testing.T) {
	t.Parallel()
	inHeaders := oversized(2)
	_, data, _ := strings.Cut(string(inHeaders.Value), `"data":`)
	inHeaders.Value = []byte(strings.TrimSuffix(strings.TrimRight(data, " "), "}") + strings.Repeat(" ", largest))
	inHeaders.Headers = append(binary(), kgo.RecordHeader{Key: "trace", Value: []byte("\x00\xff")}, kgo.RecordHeader{Key: "trace", Value: []byte{}})
	h := start(t, stack.Addresses{})
	h.letterbox(
		oversized(1), // 0: replayed as it is
		inHeaders,    // 1: replayed as it is, in binary mode
		&kgo.Record{Key: []byte("\xff"), Value: []byte("SECRET")}, // 2: replayed with edited bytes
		&kgo.Record{Value: []byte("{\x00SECRET")},                 // 3: fails again
		&kgo.Record{Key: []byte("K")},                             // 4: a tombstone
		contract(3*candidatesIn),                                  // 5: an event
		&kgo.Record{Value: []byte("{")},                           // 6: discarded
		&kgo.Record{Value: []byte{}},                              // 7: a value of no bytes, which is no tombstone
	)
	if got, want := h.listed(), []string{h.whole(0) + " open", h.whole(1) + " open", h.whole(2) + " open", h.whole(3) + " open", h.whole(6) + " open", h.whole(7) + " open"}; !slices.Equal(got, want) {
		t.Fatalf("listed %v, want %v", got, want)
	}
	if got := h.listed("--code", "too_large", "--topic", stack.LedgerTopic, "--partition", "1", "--stage", "decode", "--from", "2026-01-01", "--limit", "1"); !slices.Equal(got, []string{h.whole(0) + " open"}) {
		t.Errorf("filtered: %v", got)
	}
	for _, args := range [][]string{{"list"}, {"list", "--json"}, {"list", "--all"}} {
		if r := h.letters("", args...); r.code != 0 || strings.Contains(r.stdout, "SECRET") || strings.Contains(r.stdout, "K-50") || !strings.Contains(r.stdout, "too_large") {
			t.Errorf("%v shows values, or no reason:\n%s", args, r.stdout)
		}
	}
	h.wants(0, []string{"show", place(3), "--raw"}, "{\x00SECRET")
	if r := h.letters("", "show", place(1), "--raw"); r.stdout != string(inHeaders.Value) {
		t.Errorf("show --raw writes %d bytes, want the %d of the record", len(r.stdout), len(inHeaders.Value))
	}

	// What is refused does nothing, to any of the places.
	h.wants(1, []string{"replay", place(0), place(4), place(5), place(99)}, "nothing is done",
		place(4)+": it is no dead letter: the row is an event, or a tombstone", place(5)+": it is no dead letter", place(99)+": it is no dead letter: cluster main has no row")
	h.wants(1, []string{"discard", place(5), "--reason", "r"}, "nothing is done")
	h.wants(1, []string{"show", place(4)}, "it is no dead letter")
	h.wants(2, []string{"replay", "--code", "too_large"}, h.whole(0), h.whole(1), "2 dead letters: nothing is done yet; give --yes")
	if n := h.query("SELECT count() FROM dispositions"); n != "0" {
		t.Errorf("%s dispositions after refusals, want none", n)
	}

	h.wants(0, []string{"replay", "--code", "too_large", "--yes", "--reason", "limit raised", "--actor", "alice"},
		h.whole(0)+" is sent again, as "+h.whole(8), h.whole(1)+" is sent again, as "+h.whole(9))
	h.wants(1, []string{"replay", place(0)}, "has a replay already", "2 offsets of its partition are not stored yet")
	edited := filepath.Join(t.TempDir(), "edited.json")
	if err := os.WriteFile(edited, contract(4*candidatesIn).Value, 0o600); err != nil {
		t.Fatal(err)
	}
	h.wants(0, []string{"replay", place(2), "--file", edited, "--actor", "bob"}, h.whole(2)+" is sent again, as "+h.whole(10))
	h.wants(0, []string{"replay", place(3), place(3)}, h.whole(3)+" is sent again, as "+h.whole(11))
	h.wants(0, []string{"discard", place(6), "--reason", "a test of the vendor's", "--actor", "carol"}, h.whole(6)+" is set aside")
	h.drain()

	h.answers("the replays", []string{
		h.whole(0) + "\t1\tCON-01\tK-50\t\t1", h.whole(1) + "\t1\tCON-01\tK-100\t\t1", h.whole(2) + "\t1\tCON-01\t\xff\t\t0", h.whole(3) + "\t1\t\t\tsyntax\t1",
	}, `SELECT substring(a.replay_of, 6), a.partition, if(has(a.findings.rule, 'CON-01'), 'CON-01', ''), a.key, a.failure_code, a.raw = b.raw AND a.key = b.key
		FROM events AS a INNER JOIN events AS b ON a.replay_of = concat(b.cluster, '/', b.topic, '/', b.topic_id, '/', toString(b.partition), '/', toString(b.offset)) ORDER BY b.offset`)
	h.answers("the headers of binary mode", []string{"1\t1"}, `SELECT
		arrayPopBack(a.headers.name) = b.headers.name AND arrayPopBack(a.headers.value) = b.headers.value, a.headers.name[-1] = 'tocsin-replay-of' AND a.headers.value[-1] = 'main/`+h.whole(1)+`'
		FROM events AS a, events AS b WHERE a.offset = 9 AND b.offset = 1`)
	h.answers("the statuses", []string{"0\treplayed\t" + h.whole(8), "1\treplayed\t" + h.whole(9), "2\treplayed\t" + h.whole(10), "3\tfailed_again\t" + h.whole(11), "6\tdiscarded\t", "7\topen\t", "11\topen\t"},
		"SELECT offset, status, replayed_as FROM dead_letters ORDER BY offset")
	h.answers("completeness", []string{"12\t0\t11\t0\t0\t0\t0"}, "SELECT rows, first_offset, last_offset, lost, doubled, skipped, overlapping FROM completeness")
	if alerts := h.alerts(); len(alerts) != 4 {
		t.Errorf("%d candidates are alerted, want that of the event and those of three replays", len(alerts))
	}
	if got, want := h.listed(), []string{h.whole(7) + " open", h.whole(11) + " open"}; !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	if got := h.listed("--all"); len(got) != 7 {
		t.Errorf("--all lists %v, want all seven", got)
	}
	h.wants(0, []string{"list", "--from", "2099-01-01"})

	h.wants(1, []string{"replay", place(0)}, "was replayed as "+h.whole(8)+", which is an event")
	h.wants(1, []string{"replay", place(3)}, "was replayed as "+h.whole(11)+", which is a dead letter too")
	h.wants(1, []string{"replay", place(6)}, "is discarded")
	h.wants(1, []string{"discard", place(0), place(3), place(6), "--reason", "r"}, h.whole(0)+" was replayed", h.whole(3)+" was replayed", h.whole(6)+" is discarded already")
	h.stories(len(inHeaders.Value))

	// A replay that failed again is replayed by its own place: edited, from standard
	// input.
	if r := h.letters(string(contract(5*candidatesIn).Value), "replay", place(11), "--file", "-", "--json"); r.code != 0 ||
		!strings.HasPrefix(r.stdout, `{"place":"`+h.whole(11)+`","action":"replay","replayed_as":"`+h.whole(12)+`","attempt":1,"sha256":"`) {
		t.Errorf("replay of a replay: %+v", r)
	}
	h.wants(0, []string{"replay", place(0), place(7), "--again"}, h.whole(0)+" is sent again, as "+h.whole(13), h.whole(7)+" is sent again, as "+h.whole(14))
	h.drain()
	h.answers("the links", []string{"12\tmain/" + h.whole(11) + "\t1\tfalse", "13\tmain/" + h.whole(0) + "\t1\tfalse", "14\tmain/" + h.whole(7) + "\t1\tfalse"},
		"SELECT offset, replay_of, countEqual(headers.name, 'tocsin-replay-of'), tombstone FROM events WHERE offset > 11 ORDER BY offset")
	if alerts := h.alerts(); len(alerts) != 5 {
		t.Errorf("%d candidates are alerted, want one more: sending again what is an event raises nothing new", len(alerts))
	}
}

// stories checks the actions and replays that show prints of five dead letters.
func (h *harness) stories(bytes int) {
	h.t.Helper()
	shows := func(offset int, wanted ...string) {
		h.t.Helper()
		r := h.letters("", "show", place(offset))
		for _, s := range wanted {
			if !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), s) {
				h.t.Errorf("show %d lacks %q:\n%s%s", offset, s, r.stdout, r.stderr)
			}
		}
	}
	shows(1, "status replayed", "failure decode too_large", `key "K-100"`, `header "ce_type": "ledger.contract.executed"`, `header "trace": "\x00\xff"`,
		fmt.Sprintf("value %d bytes, SHA-256 ", bytes), "replay 1 by alice: limit raised", "as "+h.whole(9)+", an event")
	shows(2, "replay 1 by bob, with edited bytes, SHA-256 ", `key "\xff"`)
	shows(3, "status failed_again", "as "+h.whole(11)+", a dead letter: decode syntax, at byte 1: ")
	shows(6, "discard by carol: a test of the vendor's")
	shows(11, "replay of "+h.whole(3))

	var story struct {
		Status, SHA256 string
		Key            struct{ Base64 []byte }
		Dispositions   []struct {
			Actor, SHA256 string
			Edited        bool
		}
		Replays []struct{ Place string }
	}
	if err := json.Unmarshal([]byte(h.letters("", "show", place(2), "--json").stdout), &story); err != nil {
		h.t.Fatal(err)
	}
	if d := story.Dispositions; story.Status != "replayed" || string(story.Key.Base64) != "\xff" || len(d) != 1 || d[0].Actor != "bob" || !d[0].Edited || d[0].SHA256 == story.SHA256 ||
		len(story.Replays) != 1 || story.Replays[0].Place != h.whole(10) {
		h.t.Errorf("the story in JSON: %+v", story)
	}
}

func TestReplayInDoubt(t *testing.T) {
	t.Parallel()
	start(t, stack.Addresses{}).replaysInDoubt()
}

// replaysInDoubt tries notes without a record, which a crash leaves, and a
// broker that refuses.
func (h *harness) replaysInDoubt() {
	t := h.t
	h.letterbox(oversized(1), oversized(2))
	// As a command that died after its note.
	h.query("INSERT INTO dispositions (cluster, topic, topic_id, partition, offset, action, attempt, id, actor) VALUES ('main', '" + stack.LedgerTopic + "', '" + h.topicID().String() + "', 1, 0, 'replay', 1, 'x', 'dead')")
	if got, want := h.listed(), []string{h.whole(0) + " pending", h.whole(1) + " open"}; !slices.Equal(got, want) {
		t.Fatalf("listed %v, want %v: what is in doubt must stay in sight", got, want)
	}
	h.wants(1, []string{"replay", place(0)}, "nothing is done", "every record of its partition is stored, so the replay was never produced", "--again sends it")
	if r := h.letters("", "show", place(0)); !strings.Contains(r.stdout, "so the replay was never produced") {
		t.Errorf("show does not report the pending replay: %s", r.stdout)
	}
	h.wants(0, []string{"replay", place(0), "--again"}, h.whole(0)+" is sent again, as "+h.whole(2))

	adm := kadm.NewClient(h.kafka)
	limit := func(bytes string) {
		t.Helper()
		altered, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &bytes}}, stack.LedgerTopic)
		if err == nil {
			_, err = altered.On(stack.LedgerTopic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	limit("100")
	h.wants(1, []string{"replay", place(1)}, h.whole(1), "the broker rejects the record", "raise that setting", "0 of 1 were sent again")
	if got := h.listed(); !slices.Contains(got, h.whole(1)+" open") {
		t.Errorf("listed %v: what a broker refused is open, as before", got)
	}
	limit("1048576")
	h.wants(0, []string{"replay", place(1)}, h.whole(1)+" is sent again, as "+h.whole(3))
	h.drain()
	h.answers("what was noted", []string{"0\treplay\t1", "0\treplay\t2", "1\treplay\t1", "1\trefused\t1", "1\treplay\t2"}, "SELECT offset, action, attempt FROM dispositions ORDER BY offset, at")
	h.answers("replays", []string{"main/" + h.whole(0), "main/" + h.whole(1)}, "SELECT replay_of FROM events WHERE replay_of != '' ORDER BY ALL")

	narrow := h.config
	h.configure("topics: [ledger.events, system.events]", "topics: [system.events]")
	h.wants(1, []string{"replay", place(0), "--again"}, "no worker of this configuration reads topic ledger.events")
	h.config = narrow
}

// TestReplayOnce: operators who replay the same dead letters at once, and a
// command that is killed in the middle, make one record of each.
func TestReplayOnce(t *testing.T) {
	t.Parallel()
	const letters = 60
	var records []*kgo.Record
	for i := range letters {
		records = append(records, oversized(i))
	}
	h := start(t, stack.Addresses{})
	h.letterbox(records...)
	same := []string{"replay"}
	for i := range 10 {
		same = append(same, place(i))
	}
	var together sync.WaitGroup
	for range 4 {
		together.Go(func() {
			if r := h.letters("", same...); r.code != 0 && !strings.Contains(r.stderr, "another operator replays it at this moment") && !strings.Contains(r.stderr, "has a replay already") {
				t.Error(r.stderr)
			}
		})
	}
	together.Wait()

	killed := h.command("replay", "--code", "too_large", "--yes")
	out, err := killed.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	for said, n := bufio.NewScanner(out), 0; n < letters/2 && said.Scan(); n++ {
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // it was killed

	if r := h.letters("", "replay", "--code", "too_large", "--yes"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	h.drain()
	// What the killed command noted and did not produce, if any, is in sight.
	for _, l := range h.listed() {
		at, _, _ := strings.Cut(l, " ")
		h.wants(1, []string{"replay", at}, "so the replay was never produced")
		if r := h.letters("", "replay", at, "--again"); r.code != 0 {
			t.Error(r.stderr)
		}
	}
	h.drain()
	h.answers("records of each dead letter", []string{fmt.Sprintf("%d\t1\t1", letters)},
		"SELECT count(), min(n), max(n) FROM (SELECT replay_of, count() AS n FROM events WHERE replay_of != '' GROUP BY replay_of)")
	if left := h.listed(); len(left) > 0 {
		t.Errorf("still listed: %v", left)
	}
}
