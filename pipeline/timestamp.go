package pipeline

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/rules"
)

// Timestamp is the record's timestamp as Kafka sent it: whole milliseconds. The
// client counts it in nanoseconds of 64 bits, which wrap around before 1677 and
// after 2262: 2300 comes as 1715, and microseconds sent as milliseconds come as a
// date of this century. A million is 2^6 times an odd number, so the lower 58 bits of
// the milliseconds are left and can be computed. They are all of it up to 2^57,
// four million years from 1970. Of a larger number the upper six bits are lost, in
// every replay and every audit alike.
func Timestamp(rec *kgo.Record) time.Time {
	if rec.Timestamp.IsZero() { // a record of Kafka before 0.10
		return time.UnixMilli(-1).UTC()
	}
	nanos := rec.Timestamp.UnixNano()
	if nanos&63 != 0 { // not from Kafka
		return rec.Timestamp.UTC().Truncate(time.Millisecond)
	}
	return time.UnixMilli((nanos >> 6) * inverse << 6 >> 6).UTC()
}

// inverse is the number whose product with 15,625, a million without its factors of
// two, is 1 in 64 bits.
const inverse int64 = 0x790fb65668c26139

// waitingSince is when the record was produced, and now where its timestamp
// counts as absent.
func waitingSince(rec *kgo.Record, now time.Time) time.Time {
	if at := rules.Observed(Timestamp(rec)); !at.IsZero() {
		return at
	}
	return now
}
