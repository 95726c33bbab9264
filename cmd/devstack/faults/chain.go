package faults

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kgo"
)

// link is what the chain of a partition must be after a record, told here once
// more: SHA-256 over the value before, offset, timestamp in milliseconds, key,
// headers, whether there is no value, and the SHA-256 of the value. Integers
// have eight bytes, the greatest first; texts follow their length.
func link(head [sha256.Size]byte, r *kgo.Record, hash [sha256.Size]byte) [sha256.Size]byte {
	h := sha256.New()
	number := func(n int64) { _ = binary.Write(h, binary.BigEndian, n) } // a hash takes everything
	text := func(t string) {
		number(int64(len(t)))
		h.Write([]byte(t))
	}
	h.Write(head[:])
	number(r.Offset)
	number(r.Timestamp.UnixMilli())
	text(string(r.Key))
	number(int64(len(r.Headers)))
	for _, header := range r.Headers {
		text(header.Key)
		text(string(header.Value))
	}
	if r.Value == nil {
		number(1)
	} else {
		number(0)
	}
	h.Write(hash[:])
	return [sha256.Size]byte(h.Sum(nil))
}
