package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
)

// link is the chain's next value: SHA-256 over the value before and over all
// that Kafka gave of the record. It depends on every record before it, so no
// row can be altered, added or taken away without every later value changing.
// What Tocsin makes of a record is not in it: that can be computed again.
//
// The framing is versioned API, as is everything in it: integers are 8 bytes,
// big-endian; texts follow their length; a key or a header's value that is
// absent counts as empty, because the columns do not tell them apart. Kept
// apart from raw, its hash lets a server compute the long part.
//
//	head ‖ offset ‖ timestamp in ms ‖ key ‖ number of headers ‖ (name ‖ value)... ‖ 1 if there is no value, else 0 ‖ SHA-256 of the value
//
// buffer is for the framing, and is returned for the next call.
func link(head Hash, r *Row, buffer []byte) (Hash, []byte) {
	b := append(buffer[:0], head[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Offset))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Timestamp.UnixMilli()))
	b = appendText(b, r.Key)
	b = binary.BigEndian.AppendUint64(b, uint64(len(r.Headers)))
	for i := range r.Headers {
		b = appendText(b, r.Headers[i].Key)
		b = appendText(b, r.Headers[i].Value)
	}
	tombstone := uint64(0)
	if r.Tombstone {
		tombstone = 1
	}
	b = binary.BigEndian.AppendUint64(b, tombstone)
	b = append(b, r.RawHash[:]...)
	return sha256.Sum256(b), b
}

func appendText[T string | []byte](b []byte, text T) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(text))), text...)
}
