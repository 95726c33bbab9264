package clickhouse

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"time"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// random makes batches with every kind of value, from a seed.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 409))} }

// batch returns a batch of n records from offset first on. Of each event about
// share of the fields are sent.
func (r random) batch(topic string, first int64, n int, share float64) *pipeline.Batch {
	at := time.UnixMilli(1_764_000_000_000 + r.Int64N(10_000_000_000)).UTC()
	b := &pipeline.Batch{Cluster: "main", Topic: topic, Partition: int32(r.IntN(64)), First: first, Last: first + int64(n) - 1, At: at,
		Digest: strings.Repeat("d1", 32), Calendar: "2026a", MaxBytes: 1 << 20}
	for i := range n {
		row := pipeline.Row{Offset: first + int64(i), Timestamp: at.Add(time.Duration(i) * time.Millisecond)}
		row.Key, row.Raw = r.bytes(20), r.bytes(200)
		switch r.IntN(20) {
		case 0:
			row.Failure = &event.Failure{Stage: "decode", Code: "syntax", Offset: r.IntN(10) - 1, Field: r.text(), Detail: "want a value"}
		case 1:
			row.Tombstone, row.Raw = true, nil
		default:
			row.Event = r.event(share)
			row.Verdicts = r.verdicts()
		}
		for range r.IntN(3) {
			row.Headers = append(row.Headers, pipeline.Header{Key: r.text(), Value: r.bytes(8)})
		}
		if r.IntN(10) == 0 {
			row.Headers = append(row.Headers, pipeline.Header{Key: ReplayHeader, Value: fmt.Appendf(nil, "main/%s/0/%d", topic, r.IntN(1000))})
		}
		row.RawHash = sha256.Sum256(row.Raw)
		row.Judged = b.JudgementHash(&row)
		row.Chain = sha256.Sum256(row.RawHash[:])
		b.Rows = append(b.Rows, row)
	}
	return b
}

func (r random) event(share float64) *event.Event {
	types := event.Types()
	e := event.New(types[r.IntN(len(types))])
	r.fill(&e.Record, share)
	e.SetText(e.Schema().Lookup("event_type"), e.Type().Name)
	return e
}

func (r random) fill(to *event.Record, share float64) {
	for i := range to.Schema().Fields {
		f := &to.Schema().Fields[i]
		if r.Float64() >= share {
			continue
		}
		switch f.Kind {
		case event.Text:
			to.SetText(f, r.text())
		case event.Texts:
			to.SetTexts(f, nil)
			for range r.IntN(4) {
				to.AddText(f, r.text())
			}
		case event.Bool:
			to.SetBool(f, r.IntN(2) == 0)
		case event.Int:
			to.SetInt(f, r.int())
		case event.Amount:
			to.SetAmount(f, r.amount())
		case event.Rate:
			to.SetRate(f, money.RateFromBits(r.amount().Bits()))
		case event.Date:
			to.SetDate(f, calendar.Date(r.outside(int64(minDate), int64(maxDate), 300*366)))
		case event.Instant:
			if r.IntN(20) == 0 {
				to.SetDay(f, calendar.Date(r.outside(int64(minDate), int64(maxDate), 300*366)))
				continue
			}
			to.SetInstant(f, r.outside(minMicros, maxMicros, 1e16), 900*r.IntN(8))
		case event.Records:
			to.SetEmpty(f)
			for range r.IntN(4) {
				r.fill(to.AddRecord(f), share)
			}
		}
	}
}

// outside returns a number in [low, high], or, once in twenty times, one that is
// at most far beyond either end, the next one often.
func (r random) outside(low, high, far int64) int64 {
	switch r.IntN(40) {
	case 0:
		return r.between(low-far, low-1)
	case 1:
		return r.between(high+1, high+far)
	}
	return r.between(low, high)
}

// between returns a number in [low, high], the ends often.
func (r random) between(low, high int64) int64 {
	switch r.IntN(10) {
	case 0:
		return low
	case 1:
		return high
	}
	return low + r.Int64N(high-low+1)
}

func (r random) int() int64 {
	switch r.IntN(10) {
	case 0:
		return math.MinInt64
	case 1:
		return math.MaxInt64
	}
	return int64(r.Uint64()) >> r.IntN(64)
}

// amount has up to 29 digits before and 9 after the point.
func (r random) amount() money.Amount {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(1+r.Int64N(money.Digits)), nil)
	v := new(big.Int).SetUint64(r.Uint64())
	v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(r.Uint64())).Mod(v, limit)
	if r.IntN(10) == 0 {
		v.Sub(limit, big.NewInt(1))
	}
	if r.IntN(2) == 0 {
		v.Neg(v)
	}
	a, err := money.FromBig(v)
	if err != nil {
		panic(err)
	}
	return a
}

var words = []string{"", "USD", "prod", "naïve", "日本", "a'b\\c", "tab\there", "line\nfeed", "nul\x00byte", "ALPHA-1"}

func (r random) text() string {
	if r.IntN(3) == 0 {
		return words[r.IntN(len(words))]
	}
	return fmt.Sprintf("%s%d", words[r.IntN(len(words))], r.IntN(100_000))
}

func (r random) bytes(most int) []byte {
	b := make([]byte, r.IntN(most))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func (r random) verdicts() (all []rules.Verdict) {
	for i := range r.IntN(6) {
		v := rules.Verdict{Rule: &rules.Rule{ID: fmt.Sprintf("RUL-%02d", i), Revision: 1 + r.IntN(9), Title: r.text(), Item: "1.01"}}
		if v.Outcome = rules.Outcome(r.IntN(4)); v.Outcome != rules.NoMatch {
			f := &rules.Finding{CandidateID: fmt.Sprintf("%026d", r.Uint64()), Severity: rules.Severity(1 + r.IntN(4)), Key: r.text(),
				Trigger: time.UnixMicro(r.between(minMicros, maxMicros)).UTC(), TriggerField: "event_time", Value: "1200000 USD", Reason: r.text(),
				Explanation: rules.Explanation{{Text: "amount >= limit", Value: r.text(), Limit: r.text()}}}
			if r.IntN(4) > 0 {
				due := time.UnixMicro(r.between(minMicros+1, maxMicros)).UTC()
				f.Deadline = calendar.Deadline{DueDate: calendar.DateOf(due), DueAt: due, DueAtConservative: due.Add(-time.Microsecond)}
			} else {
				f.DeadlineError = "not covered"
			}
			if r.IntN(4) > 0 {
				n := r.amount()
				f.Number, f.Unit = &n, "USD"
			}
			v.Finding = f
		}
		all = append(all, v)
	}
	return all
}
