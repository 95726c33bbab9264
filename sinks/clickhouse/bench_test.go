package clickhouse

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/shopspring/decimal"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// plausible is a batch like those of a general ledger: some forty fields an
// event, two lines, ten verdicts, a candidate in a thousand.
func plausible(first int64, n int) *pipeline.Batch {
	r := newRandom(uint64(first))
	b := r.batch("ledger.events", first, n, 0)
	var judges []*rules.Rule
	for i := range 10 {
		judges = append(judges, &rules.Rule{ID: fmt.Sprintf("RUL-%02d", i), Revision: 1, Item: "1.01"})
	}
	posted := event.LookupType("ledger.journal_entry.posted")
	finding := &rules.Finding{CandidateID: "c", Severity: rules.S1, TriggerField: "event_time", Key: "k"}
	for i := range b.Rows {
		row, e := &b.Rows[i], event.New(posted)
		row.Failure, row.Tombstone, row.Headers, row.Verdicts, row.Event = nil, false, nil, nil, e
		row.Raw = []byte(fmt.Sprintf("%0900d", r.Uint64()))
		sent := 0
		for j := range event.Ledger.Fields {
			f := &event.Ledger.Fields[j]
			if f.Kind == event.Records {
				for range 2 {
					line := e.AddRecord(f)
					for k := range 10 {
						sample(r, line, &f.Fields[k])
					}
				}
			} else if sent < 40 && j%2 == 0 {
				sent++
				sample(r, &e.Record, f)
			}
		}
		for k, judge := range judges {
			v := rules.Verdict{Rule: judge}
			if i%1000 == 0 && k == 0 {
				v.Outcome, v.Finding = rules.Match, finding
			}
			row.Verdicts = append(row.Verdicts, v)
		}
	}
	return b
}

func BenchmarkStore(b *testing.B) {
	s := opened(b, migrated(b))
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			source := plausible(0, n)
			before, batches := cpu(b), int64(0)
			for b.Loop() {
				copied := *source
				batches++
				copied.First = batches // another token
				if err := s.Store(b.Context(), &copied); err != nil {
					b.Fatal(err)
				}
			}
			rows := float64(batches) * float64(n)
			b.ReportMetric(float64(cpu(b)-before)/rows, "client-cpu-us/row")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/rows, "us/row")
		})
	}
}

// BenchmarkFill is the part of Store that is ours: from events to columns.
func BenchmarkFill(b *testing.B) {
	const n = 10_000
	source, full := plausible(0, n), newBlock()
	for b.Loop() {
		full.fill(source)
		full.reset()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}

// BenchmarkDecimals compares the ways of a column of amounts into the driver.
func BenchmarkDecimals(b *testing.B) {
	const n = 10_000
	r := newRandom(1)
	amounts := make([]money.Amount, n)
	for i := range amounts {
		amounts[i] = money.FromInt(r.Int64N(1e12))
	}
	column := func(b *testing.B) column.Interface {
		c, err := column.Type("Nullable(Decimal(38, 9))").Column("c", &column.ServerContext{})
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	report := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
		b.ReportAllocs()
	}
	b.Run("bytes", func(b *testing.B) {
		c, to, from := column(b), buffer{layout: layoutOf("Nullable(Decimal(38, 9))")}, newSource()
		for b.Loop() {
			c.Reset()
			to.reset()
			for _, a := range amounts {
				to.int128(a.Bits())
			}
			if err := to.into(c, from); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
	b.Run("append", func(b *testing.B) {
		c, values := column(b), make([]*decimal.Decimal, n)
		for b.Loop() {
			c.Reset()
			for i, a := range amounts {
				d := decimal.NewFromBigInt(a.Big(), -money.Scale)
				values[i] = &d
			}
			if _, err := c.Append(values); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
}

// sample gives a field a value of the size that is usual.
func sample(r random, to *event.Record, f *event.Field) {
	switch f.Kind {
	case event.Text:
		to.SetText(f, fmt.Sprintf("%s-%d", f.Name[:2], r.IntN(50)))
	case event.Amount:
		to.SetAmount(f, money.FromInt(r.Int64N(1e7)))
	case event.Int:
		to.SetInt(f, r.Int64N(1000))
	case event.Instant:
		to.SetInstant(f, 1_764_000_000_000_000+r.Int64N(1e10), 0)
	case event.Date:
		to.SetDate(f, unixEpoch+20_000)
	case event.Bool:
		to.SetBool(f, true)
	}
}

// cpu is the time this process has computed, in microseconds.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return (u.Utime.Nano() + u.Stime.Nano()) / 1000
}
