package pipeline

import (
	"crypto/sha256"
	"iter"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/rules"
	"tocsin/rules/event"
)

// slab is the storage of a partition's batches, reused from cycle to cycle:
// nothing in it outlives the cycle that filled it.
type slab struct {
	decoder  *event.Decoder
	limits   event.Limits   // of decoder
	events   []*event.Event // lent by spare
	used     int
	rows     []Row
	verdicts []rules.Verdict
	framed   []byte // what link hashes
}

// reset empties the slab. Rows for more than keep records are not kept.
func (s *slab) reset(keep int) {
	s.events, s.used = s.events[:0], 0
	clear(s.rows) // lets go of the fetched bytes
	clear(s.verdicts)
	s.rows, s.verdicts = s.rows[:0], s.verdicts[:0]
	if cap(s.rows) > keep {
		s.rows, s.verdicts = nil, nil
	}
}

func (s *slab) event() *event.Event {
	s.used++
	return s.events[s.used-1]
}

// findingSize is about how many bytes a finding takes, with its explanation and
// its alert (measured: TestMemoryIsAsThePageSays).
const findingSize = 8 << 10

// judge turns records of one partition into rows of its open batch, in offset
// order, until the cycle has no room left. It is called for different partitions
// at once and touches nothing but p and room. It reports whether a row is a
// candidate.
func (p *partition) judge(records []*kgo.Record, c *Config, room *atomic.Int64) (candidate bool) {
	b := p.open
	if p.slab.decoder == nil || p.slab.limits != b.limits {
		p.slab.decoder, p.slab.limits = event.NewDecoder(b.limits), b.limits
	}
	for _, rec := range records {
		if p.pending != nil && rec.Offset > p.pending.Last {
			// A replay is exactly the range that was promised. What follows is
			// fetched again, for a batch of its own.
			// Its last record may be gone by now (compaction); its name, and so
			// its token, stays what it was.
			b.complete, b.Last = true, p.pending.Last
			if b.overrun < 0 { // a later poll must not move it past what was fetched first
				b.overrun = rec.Offset
			}
			break
		}
		if p.pending == nil && len(p.slab.rows) > 0 && (b.overrun >= 0 || room.Load() <= 0) {
			// It is fetched again, for the next cycle. A first record is taken
			// in any case, so that every partition goes on.
			if b.overrun < 0 {
				b.overrun = rec.Offset
			}
			break
		}
		if len(p.slab.rows) == 0 {
			b.First, b.At = rec.Offset, timestamp(rec)
		}
		row := Row{Offset: rec.Offset, Timestamp: timestamp(rec), Key: rec.Key, Raw: rec.Value, Tombstone: rec.Value == nil,
			RawHash: sha256.Sum256(rec.Value)}
		size := int(unsafe.Sizeof(row)) + len(rec.Key) + len(rec.Value)
		for _, h := range rec.Headers {
			row.Headers = append(row.Headers, Header{h.Key, h.Value})
			size += int(unsafe.Sizeof(h)) + len(h.Key) + len(h.Value)
		}
		if !row.Tombstone {
			e := p.slab.event()
			if row.Failure = p.slab.decoder.Decode(e, rec.Value, headers(rec)); row.Failure == nil && c.Fits != nil {
				row.Failure = c.Fits(e)
			}
			size += e.Size()
			if row.Failure == nil {
				row.Event = e
				first := len(p.slab.verdicts)
				p.slab.verdicts = b.rules.Judge(p.slab.verdicts, e, row.Timestamp)
				row.Verdicts = p.slab.verdicts[first:len(p.slab.verdicts):len(p.slab.verdicts)]
			}
		}
		for i := range row.Verdicts {
			if row.Verdicts[i].Candidate() {
				candidate = true
				size += findingSize
			}
		}
		room.Add(-int64(size))
		b.head, p.slab.framed = link(b.head, &row, p.slab.framed)
		row.Chain = b.head
		b.Last, b.epoch = rec.Offset, rec.LeaderEpoch
		p.slab.rows = append(p.slab.rows, row)
		if p.pending != nil && rec.Offset == p.pending.Last {
			b.complete = true
		}
	}
	b.Rows = p.slab.rows
	b.urgent = b.urgent || candidate
	return candidate
}

// timestamp is the record's timestamp as Kafka stores it: whole milliseconds.
func timestamp(rec *kgo.Record) time.Time { return rec.Timestamp.UTC().Truncate(time.Millisecond) }

// headers iterates over a record's headers, for CloudEvents in binary mode.
func headers(rec *kgo.Record) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := range rec.Headers {
			if !yield(rec.Headers[i].Key, rec.Headers[i].Value) {
				return
			}
		}
	}
}
