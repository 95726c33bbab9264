//go:build integration

package endtoend

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/netfault"
	"tocsin/cmd/devstack/stack"
	"tocsin/pipeline"
)

// logs are the logs that a topic's name has meant, each with the number of its records.
type logs struct {
	*harness
	sent     int
	expected map[pipeline.TopicID]int
}

// sends produces contracts to partition 0 of the log that there is now. The times of
// the records of two logs are the same.
func (l *logs) sends(n int) {
	l.t.Helper()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = contract(l.sent)
		records[i].Timestamp = at.Add(time.Duration(i) * time.Second)
		l.sent++
	}
	l.harness.sends(records...)
	l.expected[l.topicID()] += n
}

// stored waits for the rows of the log that there is now.
func (l *logs) stored() {
	l.t.Helper()
	id, want := l.topicID(), fmt.Sprint(l.expected[l.topicID()])
	l.eventually(2*time.Minute, "the rows of the new log", func() bool {
		return l.query(fmt.Sprintf("SELECT count() FROM events WHERE topic_id = '%s'", id)) == want
	})
}

// intact wants the rows of every log, each from its first offset on, and one alert for
// each candidate.
func (l *logs) intact() {
	l.t.Helper()
	for id, n := range l.expected {
		got := l.query(fmt.Sprintf("SELECT count(), uniqExact(offset), min(offset), max(offset) FROM events WHERE topic_id = '%s'", id))
		if want := fmt.Sprintf("%d\t%[1]d\t0\t%d", n, n-1); got != want {
			l.t.Errorf("rows, distinct offsets, first and last of log %s: %s, want %s", id, got, want)
		}
	}
	candidates := l.query("SELECT uniqExact(candidate_id) FROM candidates")
	once := 0
	for id, n := range l.alerts() {
		if once++; n != 1 {
			l.t.Errorf("candidate %s has %d alerts", id, n)
		}
	}
	if fmt.Sprint(once) != candidates {
		l.t.Errorf("%d candidates are alerted of %s", once, candidates)
	}
	l.tocsin("check", "--config", l.config)
}

// TestIntegrationATopicMadeAgain deletes topics on Apache Kafka and makes them again. Each
// is a new log beside the old one, whose rows stay.
func TestIntegrationATopicMadeAgain(t *testing.T) {
	h, _ := onApacheKafka(t)
	proxy, err := netfault.Listen(h.ClickHouse)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	h.ClickHouse = proxy.Addr()
	away := func(on bool) {
		if proxy.Refuse(on); on {
			proxy.Cut()
		}
	}
	l := &logs{harness: h, expected: make(map[pipeline.TopicID]int)}
	h.drain()
	l.sends(5)
	h.drain()
	h.config = configured(t, h.config, "first_start: earliest", "first_start: refuse")
	for _, c := range []struct {
		name     string
		running  bool
		promised bool // a batch is declared and not stored, because ClickHouse is away
		away     bool // ClickHouse comes back only after the topic is made again
		records  int  // of the new log; the old one has fewer, as many or more
	}{
		{"stopped, as many", false, false, false, 5},
		{"stopped, longer", false, false, false, 12},
		{"stopped, shorter", false, false, false, 3},
		{"running, longer", true, false, false, 9},
		{"running, shorter", true, false, false, 4},
		{"stopped, with a promise", false, true, false, 7},
		{"running, with a promise, while ClickHouse is away", true, true, true, 6},
		{"running, while ClickHouse is away", true, false, true, 8},
	} {
		var w *stack.Worker
		var unfinished pipeline.TopicID
		if c.running || c.promised {
			w = h.worker()
			l.stored()
		}
		if c.promised {
			away(true)
			unfinished = l.topicID()
			l.sends(4)
			h.eventually(time.Minute, "a promise", func() bool { return h.promised() > 0 })
			// Its rows are stored only if the insert begins before the topic is gone.
			l.expected[unfinished] -= 4
		}
		if w != nil && !c.running {
			w.Kill()
			w = nil
		}
		if c.away {
			away(true)
		}
		l.remake()
		l.sends(c.records)
		away(false)
		if w == nil {
			h.tocsin("run", "--drain", "--config", h.config)
		}
		l.stored()
		if c.promised {
			n := h.query(fmt.Sprintf("SELECT count() FROM events WHERE topic_id = '%s'", unfinished))
			if n != fmt.Sprint(l.expected[unfinished]) {
				l.expected[unfinished] += 4 // the whole batch
			}
		}
		if w != nil {
			h.end(w)
		}
		if l.intact(); t.Failed() {
			t.Fatal(c.name)
		}
	}
	if out := h.tocsin("audit", "--rejudge", "--kafka", "all", "--config", h.config); !strings.Contains(out, "nothing is wrong") {
		t.Errorf("the audit of %d logs:\n%s", len(l.expected), out)
	}
}

// TestIntegrationAnAddedPartition adds a partition on Apache Kafka while a worker runs
// under first_start: refuse. It begins at its first record.
func TestIntegrationAnAddedPartition(t *testing.T) {
	h, _ := onApacheKafka(t)
	h.drain()
	h.sends(contract(1))
	h.drain()
	h.config = configured(t, h.config, "first_start: earliest", "first_start: refuse")
	w := h.worker()
	topics, err := kadm.NewClient(h.kafka).ListTopics(t.Context(), stack.LedgerTopic)
	if err != nil {
		t.Fatal(err)
	}
	added := int32(len(topics[stack.LedgerTopic].Partitions))
	h.widened(int(added) + 1)
	var records []*kgo.Record
	for i := range 7 {
		r := contract(i + 2)
		r.Partition = added
		records = append(records, r)
	}
	h.eventually(time.Minute, "the broker has the partition", func() bool { return h.sending(records[0]) == nil })
	h.sends(records[1:]...)
	h.eventually(90*time.Second, "the rows of the added partition", func() bool {
		return h.query(fmt.Sprintf("SELECT count(), min(offset), max(offset) FROM events WHERE partition = %d", added)) == "7\t0\t6"
	})
	h.end(w)
	h.audits("with an added partition", nil, "--rejudge", "--kafka", "all")
}

// TestIntegrationAForgedMark sets the group's mark forward on Apache Kafka. The worker
// stops with the records that it would hide, check and audit name them, and the way out
// of the runbook stores them.
func TestIntegrationAForgedMark(t *testing.T) {
	h, _ := onApacheKafka(t)
	h.drain()
	h.sends(contract(0), contract(1), contract(2))
	h.drain()
	h.sends(contract(3), contract(4), contract(5))
	h.forward(5)
	const hides = "it would hide the records 3 to 4"
	if out := h.refused(program, h.config); !strings.Contains(out, hides) {
		t.Errorf("the worker:\n%s", out)
	}
	if out, err := h.said("check", "--config", h.config); err == nil || !strings.Contains(out, hides) {
		t.Errorf("the check: %v\n%s", err, out)
	}
	h.audits("a mark set forward", []string{"not stored ledger.events/0 3", "not stored ledger.events/0 4"})
	gone := make(kadm.TopicsSet)
	gone.Add(stack.LedgerTopic, 0)
	if _, err := kadm.NewClient(h.kafka).DeleteOffsets(t.Context(), "tocsin", gone); err != nil {
		t.Fatal(err)
	}
	h.drain()
	h.answers("the rows", []string{"6\t6\t0\t5"}, "SELECT count(), uniqExact(offset), min(offset), max(offset) FROM events")
	h.audits("after the way out", nil, "--rejudge", "--kafka", "all")
}
