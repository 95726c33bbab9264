package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// pack writes a pack of one rule, which finds contracts of at least a limit,
// and returns its directory.
func pack(t *testing.T, limit, severity string) string {
	t.Helper()
	return written(t, map[string]string{
		"pack.yaml": "schema: tocsin.pack/v1\nid: big\ntitle: Contracts by size\ngroup_currency: USD\n",
		"rules/BIG.yaml": `id: BIG
revision: 1
title: A contract of size
owner: counsel
item: "1.01"
severity: ` + severity + `
applies_to: [ledger.contract.executed]
citation: Form 8-K Item 1.01
params: { limit: USD ` + limit + ` }
when: contract.total_value_group >= limit
value: contract.total_value_group
dedup: contract.contract_id
deadline: { clock: O4, from: contract.executed_at }
runbook: Read it.
`})
}

// written writes files into a new directory.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mourning closes a day on which the contracts' clock would run.
const mourning = "date,market,status,reason,source,announced\n2026-11-25,sec,closed,National day of mourning,Executive order,2026-11-20\n"

// judging is the harness's configuration with another pack.
func (h *harness) judging(pack string, oldnew ...string) string {
	h.t.Helper()
	return configured(h.t, h.config, append([]string{"pack: sox409", "pack: " + pack}, oldnew...)...)
}

// withCalendar is what to give to judging for a directory of overrides.
func withCalendar(dir string) []string {
	return []string{"# calendar: /etc/tocsin/calendar", "calendar: " + dir}
}

// together produces records from contract first on, in one Kafka batch of one
// partition, seen the morning after they were signed. They are a batch of the
// worker that waits for them.
func (h *harness) together(first, n int) {
	h.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(h.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(200*time.Millisecond))
	if err != nil {
		h.t.Fatal(err)
	}
	defer client.Close()
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = contract(first + i)
		records[i].Timestamp = time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	}
	if err := client.ProduceSync(h.t.Context(), records...).FirstErr(); err != nil {
		h.t.Fatal(err)
	}
}

// deleteStream leaves alerts nowhere to go: stored batches wait unpublished.
func (h *harness) deleteStream() {
	h.t.Helper()
	js, _ := h.stream("DISCLOSURE")
	if err := js.DeleteStream(h.t.Context(), "DISCLOSURE"); err != nil {
		h.t.Fatal(err)
	}
}

// stored waits until n rows are stored and the last batch is not settled.
func (h *harness) stored(n int) {
	h.t.Helper()
	h.eventually(time.Minute, fmt.Sprint(n, " rows stored and a batch unsettled"), func() bool {
		rows, err := h.ask("SELECT count() FROM events")
		return err == nil && rows == fmt.Sprint(n) && h.promised() == 1
	})
}

// bodies returns the alerts by candidate id.
func (h *harness) bodies() map[string]string {
	h.t.Helper()
	_, stream := h.stream("DISCLOSURE")
	info, err := stream.Info(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	found := make(map[string]string)
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		m, err := stream.GetMsg(h.t.Context(), seq)
		if err != nil {
			h.t.Fatal(err)
		}
		found[m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]] += string(m.Data)
	}
	return found
}

// TestReplayAfterAChangeOfRules breaks a worker off within a batch and has the
// batch finished by one with another pack and other calendars. What is stored
// and alerted is to the byte what an uninterrupted worker stores and alerts
// under the first ones.
func TestReplayAfterAChangeOfRules(t *testing.T) {
	for _, c := range []struct {
		name                string
		hold, held, release func(h *harness)
	}{
		{"stored and not published", (*harness).deleteStream, func(h *harness) { h.stored(40) }, func(*harness) {}},
		{"promised and not stored",
			func(h *harness) { h.query("RENAME TABLE events TO withheld") },
			func(h *harness) {
				h.eventually(time.Minute, "a batch promised", func() bool { return h.promised() == 1 })
			},
			func(h *harness) { h.query("RENAME TABLE withheld TO events") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, stack.Addresses{})
			first, closed := pack(t, "1_000", "S2"), written(t, map[string]string{"closures.csv": mourning})
			config := h.judging(first, withCalendar(closed)...)
			worker := h.workerOf(program, config)
			h.eventually(time.Minute, "the group told where each partition begins", func() bool { return h.committed() == 4 })
			c.hold(h)
			h.together(0, 40)
			c.held(h)
			worker.Kill()
			c.release(h)

			second := h.workerOf(program, h.judging(pack(t, "950_000_000", "S1")))
			h.eventually(time.Minute, "40 candidates alerted", func() bool { return len(h.alerts()) == 40 })

			// The same topics, judged by the first pack without a stop, on a store
			// and a stream of their own.
			control := start(t, stack.Addresses{Kafka: h.Kafka})
			control.config = configured(t, config, "group: tocsin", "group: control")
			control.drain()
			const rows = "SELECT * EXCEPT (stored_at) FROM events ORDER BY topic, partition, offset FORMAT JSONEachRow"
			if diff := cmp.Diff(strings.Split(control.query(rows), "\n"), strings.Split(h.query(rows), "\n")); diff != "" {
				t.Errorf("rows (-uninterrupted +interrupted):\n%s", diff)
			}
			if diff := cmp.Diff(control.bodies(), h.bodies()); diff != "" {
				t.Errorf("alerts (-uninterrupted +interrupted):\n%s", diff)
			}
			h.answers("due", []string{"2026-12-01\t40"}, "SELECT due_date, count() FROM candidates GROUP BY due_date")

			// What comes later is judged by the second pack, which finds none of it.
			h.together(40, 10)
			h.eventually(time.Minute, "what came later stored", func() bool { return h.query("SELECT count() FROM events") == "50" })
			h.answers("digests", []string{"2"}, "SELECT uniqExact(rules_digest) FROM events")
			h.answers("rows under the second pack", []string{"10\t40\t0"}, "SELECT count(), min(offset), sum(length(`findings.rule`)) FROM events WHERE rules_digest != (SELECT rules_digest FROM events WHERE offset = 0)")
			h.end(second)
		})
	}
}
