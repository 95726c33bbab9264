package endtoend

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/company"
	"tocsin/cmd/devstack/stack"
)

// booked is a journal of so many lines, which balances, whose record has so many
// bytes or as many as the lines take. Its text is what no compression makes small.
func booked(i, lines, bytes int) *kgo.Record {
	var value strings.Builder
	fmt.Fprintf(&value, `{"specversion":"1.0","id":"journal-%[1]d","source":"endtoend","type":"ledger.journal_entry.posted","time":"2026-11-23T18:30:00-05:00",`+
		`"data":{"registrant_cik":"0009999999","company_code":"1000","ledger_role":"leading","document_number":"%[1]d","posting_date":"2026-11-23","functional_currency":"USD","group_currency":"USD","lines":[`, i)
	for line := range lines {
		if line > 0 {
			value.WriteByte(',')
		}
		fmt.Fprintf(&value, `{"line_number":%d,"account":"%06d","debit_credit":"%c","amount_functional":"%d.00","amount_group":"%d.00"}`,
			line+1, 400_000+line%1000, "DC"[line%2], 100+line/2, 100+line/2)
	}
	value.WriteString(`],"header_text":"`)
	random := rand.New(rand.NewPCG(uint64(i), 0))
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	for end := bytes - len(`"}}`); value.Len() < end; {
		value.WriteByte(letters[random.IntN(len(letters))])
	}
	value.WriteString(`"}}`)
	return &kgo.Record{Topic: loadTopic, Key: fmt.Appendf(nil, "J-%d", i), Value: []byte(value.String())}
}

// day are the events of the demonstration's company.
func day() func(int) *kgo.Record {
	g := company.New(2, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), company.Options{})
	return func(int) *kgo.Record {
		item := g.Next()
		return &kgo.Record{Topic: item.Topic, Key: []byte(item.Key), Value: item.Event.AppendJSON(nil)}
	}
}

// expected is a worker's peak by deploy/README.md, in MiB: records of
// so many bytes with so many lines and candidates, at most so many MiB in hand, and
// fetches that bring so many MiB when they are unpacked.
func expected(bytes, lines, candidates, maxMiB int, fetchedMiB float64) float64 {
	event := 2700 + 460*lines + 8192*candidates
	n := max(maxMiB<<20/(bytes+event+250), 1)
	const mib = 1 << 20
	return 80 + (20*float64(n)*float64(bytes)+4*float64(n)*float64(event))/mib + 4*fetchedMiB
}

// TestMemoryIsAsThePageSays measures workers' peaks against the formula of
// deploy/README.md.
func TestMemoryIsAsThePageSays(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	const partitions = 10
	h.widened(partitions)
	two := fmt.Sprint(2 << 20)
	if _, err := kadm.NewClient(h.kafka).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &two}}, loadTopic); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(h.Kafka), kgo.ProducerBatchMaxBytes(2<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	h.drain()
	const margin, limit = 1.5, 1 << 20
	total, refused := 0, 0
	events := day()
	for _, c := range []struct {
		name         string
		records      int
		record       func(i int) *kgo.Record
		bytes, lines int // of a record
		candidates   int // of a record
		dead         int // records that are too large
		ratio        int // to which a MiB unpacks, about
		maxBytes     int // in hand; MiB
	}{
		{"contracts", 30_000, contract, 400, 0, 0, 0, 10, 32},
		{"the company's day", 30_000, events, 1965, 4, 0, 0, 6, 32},
		{"the same in little memory", 10_000, events, 1965, 4, 0, 0, 6, 8},
		{"journals, a backlog in each partition", 50_000, func(i int) *kgo.Record { return booked(i, 6, 2000) }, 2000, 6, 0, 0, 2, 32},
		{"texts of just the limit", 150, func(i int) *kgo.Record { return booked(i, 2, limit) }, limit, 2, 0, 0, 1, 32},
		{"texts beyond the limit", 150, func(i int) *kgo.Record { return booked(i, 2, limit+1) }, limit, 2, 0, 150, 1, 32},
		{"texts of just the limit in little memory", 50, func(i int) *kgo.Record { return booked(i, 2, limit) }, limit, 2, 0, 0, 1, 8},
		{"candidates alone", 10_000, func(i int) *kgo.Record { return contract(candidatesIn * i) }, 400, 0, 1, 0, 10, 32},
		{"8,500 lines each", 60, func(i int) *kgo.Record { return booked(i, 8500, limit) }, limit, 8500, 0, 0, 12, 32},
	} {
		bytes := 0
		for range c.records {
			r := c.record(total)
			total++
			bytes += len(r.Value)
			client.Produce(context.WithoutCancel(t.Context()), r, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		refused += c.dead
		config := h.config
		h.config = configured(t, config, "# max_bytes: 32MiB", fmt.Sprintf("max_bytes: %dMiB", c.maxBytes))
		began := time.Now()
		mib, _ := h.peak(0, nil, "run", "--drain")
		h.config = config
		want := expected(c.bytes, c.lines, c.candidates, c.maxBytes, min(float64(2*c.ratio), float64(bytes)/(1<<20)))
		t.Logf("%s: %d records of %d bytes in %s: peak %d MiB, expected %.0f", c.name, c.records, bytes/c.records, time.Since(began).Round(time.Millisecond), mib, want)
		if float64(mib) > margin*want {
			t.Errorf("%s: the worker took %d MiB, want at most %.1f times %.0f", c.name, mib, margin, want)
		}
		if rows, want := h.query("SELECT count(), uniqExact(topic, partition, offset), countIf(failure_code = 'too_large') FROM events"), fmt.Sprintf("%[1]d\t%[1]d\t%d", total, refused); rows != want {
			t.Errorf("%s: rows, distinct offsets and records too large: %s, want %s", c.name, rows, want)
		}
	}
}
