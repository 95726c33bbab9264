package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/rules/event"
)

// A batch of a producer may unpack to more than a worker may hold, or its bytes may
// not be what its codec writes. Such a batch stops no worker. Each of its offsets
// becomes a dead letter, with the hash of the whole batch as Kafka keeps it:
//
//	fetch: unpackable ──▶ fetch the batch raw ──▶ one row for each offset ──▶ declare ──▶ store ──▶ go on behind them
//
// The client has no more than an error of the batch, so its header and bytes are
// fetched once more, and not unpacked (raw.go). These rows are a batch of their own,
// and the intent names the code of their failure. A replay therefore makes the same
// rows, whatever Config.MaxUnpacked is by then.

// StageUnpack is the stage of the failure of a record whose batch was never
// unpacked. The hash of such a row is that of the producer's batch.
const StageUnpack = "unpack"

// packed reports whether the row stands for a record whose batch was never unpacked.
func (r *Row) packed() bool { return r.Failure != nil && r.Failure.Stage == StageUnpack }

// refusals takes the batches that the client could not unpack, and replays those that
// were promised. It returns how many rows it made.
func (s *session) refusals(ctx context.Context, fetches kgo.Fetches) (rows int, err error) {
	for _, p := range s.partitions {
		// The client may be able to unpack the batch by now, so no error is waited for.
		if promise := p.promise(); promise != nil && promise.Refused != "" && len(p.hand) == 0 && (p.lost.IsZero() || time.Since(p.lost) >= s.quiet()) {
			more, err := s.refuse(ctx, p)
			if rows += more; err != nil {
				return rows, err
			}
		}
	}
	for _, f := range fetches.Errors() {
		tp := topicPartition{f.Topic, f.Partition}
		if !unpacking(f.Err) || s.aside[tp] {
			continue
		}
		switch p := s.partitions[tp]; {
		case p == nil: // it has not begun
			s.setAside(tp)
		case errors.Is(f.Err, errNoRoom):
			s.crowd(p)
		default:
			more, err := s.refuse(ctx, p)
			if rows += more; err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

// unpacking reports whether a fetch failed in the unpacker.
func unpacking(err error) bool {
	var u unpackable
	return errors.Is(err, errNoRoom) || errors.As(err, &u)
}

// refuse makes rows of the batch at the next record of p, if it cannot be unpacked.
// It returns how many.
func (s *session) refuse(ctx context.Context, p *partition) (int, error) {
	s.setAside(p.topicPartition)
	replay := p.open() // which lacks records
	if len(p.hand) > 0 && (replay == nil || replay.complete) {
		return 0, nil // The rows before the batch come first. It is met again behind them.
	}
	promise := p.promise()
	if replay != nil {
		promise = p.promiseOf(replay)
	}
	b, next, err := s.batchAt(ctx, p.topicPartition, p.wanted())
	if err != nil {
		return 0, err
	}
	var code unpackable
	switch {
	case promise != nil && promise.Refused != "":
		code = promise.Refused
	case b != nil:
		if code, err = s.unpacker.refusal(b); err != nil {
			s.crowd(p)
			return 0, nil
		}
	}
	if p.tail != nil && replay == nil && b != nil && b.first() > p.next {
		s.forgo(p)
		return s.refuse(ctx, p)
	}
	switch {
	case code == "":
		// The client failed at a batch of an aborted transaction, or before the
		// partition's next record.
		s.client.SetOffsets(p.rewind(next))
		s.takeBack(p.topicPartition)
		return 0, nil
	case promise != nil && promise.Refused != "":
		if b == nil || b.first() > p.next || b.last() < promise.Last {
			return 0, stop(fmt.Errorf("%s: dead letters for offset %d to %d were promised and may be stored, because their batch could not be unpacked, and Kafka no longer has that batch. "+
				"First compare with the rows stored for that range", p.topicPartition, p.next, promise.Last))
		}
	case promise != nil && b.first() > promise.Last && replay != nil:
		replay.complete, replay.Last = true, promise.Last // its last records are gone
		return 0, nil
	case promise != nil && b.first() <= promise.Last:
		return 0, stop(fmt.Errorf("%s: the records %d to %d were promised and may be stored, and their batch cannot be unpacked any more [%s]: it begins at offset %d. "+
			"Raise worker.max_unpacked_bytes to what it was, until the partition is past it", p.topicPartition, p.next, promise.Last, code, b.first()))
	}
	made, err := s.open(ctx, p, max(p.wanted(), b.first()))
	if err != nil {
		return 0, err
	}
	s.dead(p, made, b, code)
	return len(made.Rows), nil
}

// dead fills the open batch of p with dead letters for the offsets of b. The bounds of
// a batch hold for them, and the rest of b is left to the next turn.
func (s *session) dead(p *partition, made *batch, b *rawBatch, code unpackable) {
	made.refused, made.complete, p.refused = code, true, 0
	first, last := max(p.wanted(), b.first()), b.last()
	if promise := p.promiseOf(made); promise != nil {
		first, last = promise.First, promise.Last
	}
	made.begins = first == b.first()
	if made.begins {
		s.log.Warn("a batch of a producer cannot be unpacked: its records are stored as dead letters", "code", "batch_not_unpacked", "failure", string(code), "partition", p.String(),
			"first", b.first(), "last", b.last(), "producer", b.ProducerID, "bytes", len(b.bytes), "sha256", fmt.Sprintf("%x", b.hash))
	}
	failure := &event.Failure{Stage: StageUnpack, Code: string(code), Offset: -1, Detail: b.detail(code)}
	size := int64(unsafe.Sizeof(Row{})) + int64(len(failure.Detail))
	for offset := first; offset <= last; offset++ {
		if len(made.Rows) > 0 && !made.replay && (made.full(&s.Config) || s.room.Load() <= 0) {
			break
		}
		s.room.Add(-size)
		made.size += size
		made.add(Row{Offset: offset, Timestamp: b.timestamp(), RawHash: b.hash, Failure: failure}, b.PartitionLeaderEpoch)
	}
	s.client.SetOffsets(p.rewind(made.Last + 1)) // the client is at the batch or beyond it
	p.waits(made, made.At)
}

// detail describes the batch. It depends on the header alone, and so is the same in
// every replay.
func (b *rawBatch) detail(code unpackable) string {
	flaw := "its bytes cannot be unpacked"
	if code == batchTooLarge {
		flaw = "it unpacks to more than worker.max_unpacked_bytes"
	}
	return fmt.Sprintf("offsets %d to %d are one batch of producer %d, %d records in %d bytes, and %s; raw_sha256 is of the batch",
		b.first(), b.last(), b.ProducerID, b.NumRecords, len(b.bytes), flaw)
}

// refusal returns why a batch cannot be unpacked; empty when it can. The error is
// errNoRoom.
func (u *unpacker) refusal(b *rawBatch) (code unpackable, err error) {
	for range 2 {
		_, err = u.Decompress(b.Records, kgo.CompressionCodecType(b.Attributes&codecBits))
		if errors.As(err, &code) {
			return code, nil
		}
		if err == nil {
			break
		}
		runtime.GC() // the client's own try may take the room
	}
	return "", err
}
