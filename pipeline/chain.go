package pipeline

import (
	"crypto/sha256"
)

// link returns the chain's next value: the SHA-256 of the value before it, of the
// record as Kafka delivered it, and of its judgement (judgement.go). It depends on
// every earlier record, so an altered, added or removed row changes every later
// value. So does another judgement of a record.
//
// The framing is versioned API. Integers are 8 bytes, big-endian. A text follows
// its length. An absent key or header value counts as empty, because the columns
// do not distinguish the two. Value and judgement enter by their hashes, so that a
// server can compute the long part by itself.
//
//	head ‖ offset ‖ timestamp in ms ‖ key ‖ number of headers ‖ (name ‖ value)... ‖ 1 if there is no value, else 0 ‖ SHA-256 of the value ‖ SHA-256 of the judgement
//
// A record whose batch was never unpacked has 2 instead of 0, and the SHA-256 of the
// batch, so that no other row can pass for one.
//
// buffer holds the framing, and is returned for the next call.
func link(head Hash, r *Row, buffer []byte) (Hash, []byte) {
	b := append(buffer[:0], head[:]...)
	b = appendNumber(b, r.Offset)
	b = appendNumber(b, r.Timestamp.UnixMilli())
	b = appendText(b, r.Key)
	b = appendNumber(b, int64(len(r.Headers)))
	for i := range r.Headers {
		b = appendText(b, r.Headers[i].Key)
		b = appendText(b, r.Headers[i].Value)
	}
	kind := int64(0)
	switch {
	case r.Tombstone:
		kind = 1
	case r.packed():
		kind = 2
	}
	b = appendNumber(b, kind)
	b = append(b, r.RawHash[:]...)
	b = append(b, r.Judged[:]...)
	return sha256.Sum256(b), b
}
