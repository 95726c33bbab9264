package endtoend

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// load produces contracts at a steady rate from a goroutine of its own. Every
// fiftieth is worth more than the shipped pack's limit and must be a candidate.
type load struct {
	cancel   context.CancelFunc
	done     chan struct{}
	produced atomic.Int64 // acknowledged by every broker that must
	failed   atomic.Int64
}

const (
	loadTopic    = stack.LedgerTopic
	candidatesIn = 50
)

// contract is record i.
func contract(i int) *kgo.Record {
	value, yearly := "1000.00", "100.00" // over ten years: a year alone is large for no rule
	if i%candidatesIn == 0 {
		value, yearly = "900000000.00", "90000000.00"
	}
	return &kgo.Record{Topic: loadTopic, Key: fmt.Appendf(nil, "K-%d", i), Value: fmt.Appendf(nil,
		`{"specversion":"1.0","id":"load-%[1]d","source":"endtoend","type":"ledger.contract.executed","time":"2026-11-23T18:30:00-05:00",`+
			`"data":{"registrant_cik":"0009999999","group_currency":"USD","ledger_role":"leading","contract":{"contract_id":"K-%[1]d","contract_type":"sale","executed_at":"2026-11-23T18:30:00-05:00",`+
			`"ordinary_course":false,"total_value_group":"%[2]s","annual_value_group":"%[3]s"}}}`, i, value, yearly)}
}

// produce starts the load: perSecond records a second until stop.
func produce(t *testing.T, brokers string, perSecond int) *load {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.RecordDeliveryTimeout(2*time.Minute), kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		defer client.Close()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; {
			select {
			case <-ctx.Done():
				// What was handed over is waited for, so that produced is exact.
				if err := client.Flush(context.WithoutCancel(ctx)); err != nil {
					l.failed.Add(1)
				}
				return
			case <-tick.C:
			}
			for range perSecond / 100 {
				client.Produce(context.WithoutCancel(ctx), contract(i), func(_ *kgo.Record, err error) {
					if err != nil {
						l.failed.Add(1)
						return
					}
					l.produced.Add(1)
				})
				i++
			}
		}
	}()
	return l
}

// wait lets the load run until n more records are produced.
func (l *load) wait(h *harness, n int) {
	h.t.Helper()
	until := l.produced.Load() + int64(n)
	h.eventually(2*time.Minute, fmt.Sprint(n, " more records produced"), func() bool { return l.produced.Load() >= until })
}

// stop ends the load and returns how many records were produced.
func (l *load) stop(t *testing.T) int {
	t.Helper()
	l.cancel()
	<-l.done
	if n := l.failed.Load(); n > 0 {
		t.Fatalf("%d records could not be produced", n)
	}
	return int(l.produced.Load())
}

// exact waits until n records of the load are stored and wants each once, with
// nothing between and its candidate alerted once.
func (h *harness) exact(n int) {
	h.t.Helper()
	want := fmt.Sprint(n)
	h.eventually(2*time.Minute, "every record stored", func() bool {
		stored, err := h.ask("SELECT uniqExact(topic, partition, offset) FROM events")
		return err == nil && stored == want
	})
	counts := h.query("SELECT count(), uniqExact(topic, partition, offset), uniqExact(event_id), countIf(event_id = '') FROM events")
	if counts != fmt.Sprintf("%d\t%d\t%d\t0", n, n, n) {
		h.t.Errorf("rows, distinct offsets, distinct events, without event: %s; want %d of each and 0", counts, n)
	}
	gaps := h.query(`SELECT topic, partition, count(), max(offset) + 1 FROM events GROUP BY topic, partition HAVING count() != max(offset) + 1`)
	if gaps != "" {
		h.t.Errorf("partitions with gaps or doubles:\n%s", gaps)
	}
	if ends := h.ends(loadTopic); ends != int64(n) {
		h.t.Errorf("the topic ends at %d, want %d", ends, n)
	}
	planted := (n + candidatesIn - 1) / candidatesIn
	h.eventually(time.Minute, fmt.Sprintf("%d candidates alerted", planted), func() bool { return len(h.alerts()) >= planted })
	alerts := h.alerts()
	if len(alerts) != planted {
		h.t.Errorf("%d candidates alerted, want %d", len(alerts), planted)
	}
	for id, times := range alerts {
		if times != 1 {
			h.t.Errorf("candidate %s is alerted %d times", id, times)
		}
	}
	if stored := h.query("SELECT uniqExact(candidate_id) FROM candidates"); stored != fmt.Sprint(planted) {
		h.t.Errorf("%s candidates stored, want %d", stored, planted)
	}
}
