package endtoend

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// sends sends records of one partition as one batch of zstd.
func (h *harness) sends(records ...*kgo.Record) {
	h.t.Helper()
	if err := h.sending(records...); err != nil {
		h.t.Fatal(err)
	}
}

// sending is sends for a batch that the broker may refuse.
func (h *harness) sending(records ...*kgo.Record) error {
	h.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(h.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(time.Second),
		kgo.ProducerBatchMaxBytes(1<<30-1), kgo.BrokerMaxWriteBytes(1<<30), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	if err != nil {
		h.t.Fatal(err)
	}
	defer client.Close()
	return client.ProduceSync(h.t.Context(), records...).FirstErr()
}

// inflated is a contract with a text of so many bytes that pack to nothing.
func inflated(i, bytes int) *kgo.Record {
	r := contract(i)
	r.Value = []byte(strings.Replace(string(r.Value), `"data":{`, `"data":{"header_text":"`+strings.Repeat("x", bytes)+`",`, 1))
	return r
}

// The records of a batch that cannot be unpacked are dead letters to every command.
func TestDeadLettersOfABatchThatWasNeverUnpacked(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.configure("# max_unpacked_bytes: 256MiB", "max_unpacked_bytes: 2MiB")
	h.sends(contract(0), contract(1))
	large := []*kgo.Record{inflated(2, 800<<10), inflated(3, 800<<10), inflated(4, 800<<10)}
	h.sends(large...)
	h.sends(contract(5))
	h.drain()
	h.answers("the rows", []string{"0\t0\t1\t\t", "1\t0\t1\t\t", "2\t1\t0\tunpack\tbatch_too_large", "3\t1\t0\tunpack\tbatch_too_large", "4\t1\t0\tunpack\tbatch_too_large", "5\t0\t1\t\t"},
		"SELECT offset, raw = '', event_type != '', failure_stage, failure_code FROM events ORDER BY offset")
	h.answers("their hash", []string{"1"}, "SELECT uniqExact(raw_sha256) FROM events WHERE failure_stage = 'unpack'")
	h.audits("a sound table", nil, "--rejudge")
	h.audits("a sound table, against Kafka", nil, "--kafka", "all")

	place := func(offset int) string { return fmt.Sprintf("%s/0/%d", stack.LedgerTopic, offset) }
	if got := h.tocsin("deadletters", "show", place(3), "--config", h.config); !strings.Contains(got, "not stored; SHA-256 of its batch ") ||
		!strings.Contains(got, "offsets 2 to 4 are one batch of producer ") {
		t.Error(got)
	}
	const kept = "its batch was never unpacked, so its value is not stored: have the source send the records of the batch again in smaller batches, or give the value with --file"
	for _, args := range [][]string{{"show", place(3), "--raw"}, {"replay", place(3), "--reason", "r"}} {
		if got, err := h.said(append(append([]string{"deadletters"}, args...), "--config", h.config)...); err == nil || !strings.Contains(got, kept) {
			t.Errorf("%v: %v\n%s", args, err, got)
		}
	}

	// A row cannot be passed off as one of such a batch, nor the reverse.
	restore := h.keeping()
	for name, change := range map[string]string{
		"an event":      "failure_stage = 'unpack', failure_code = 'batch_too_large', raw = '' WHERE offset = 1",
		"a dead letter": "failure_stage = '', failure_code = '' WHERE offset = 3",
		"another batch": "raw_sha256 = unhex(repeat('ab', 32)) WHERE offset = 3",
	} {
		h.mutate("ALTER TABLE events UPDATE " + change)
		if _, problems := h.audit(); len(problems) == 0 {
			t.Errorf("%s: the audit finds nothing", name)
		}
		restore()
	}
}
