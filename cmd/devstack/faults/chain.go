package faults

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// seed is the chain of a partition before its first record, written here once
// more: SHA-256 over the words "tocsin log ", the 16 bytes of Kafka's topic id and
// the partition's number in four bytes, the greatest first.
func seed(topicID [16]byte, partition int32) [sha256.Size]byte {
	text := append([]byte("tocsin log "), topicID[:]...)
	return sha256.Sum256(binary.BigEndian.AppendUint32(text, uint32(partition)))
}

// framedPacked is framed for a record whose batch no worker can unpack: it has the
// timestamp of the batch's first record and the hash of the batch, and nothing else.
func framedPacked(offset, millis int64, hash [sha256.Size]byte) []byte {
	var b []byte
	for _, n := range []int64{offset, millis, 0, 0, 2} { // no key, no headers
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return append(b, hash[:]...)
}

// framed is what a record adds to the chain, besides the judgement: offset, timestamp
// in milliseconds, key, headers, whether there is no value, and the SHA-256 of the
// value. Integers have eight bytes, the greatest first; texts follow their length.
func framed(r *kgo.Record, hash [sha256.Size]byte) []byte {
	var b []byte
	number := func(n int64) { b = binary.BigEndian.AppendUint64(b, uint64(n)) }
	text := func(t string) {
		number(int64(len(t)))
		b = append(b, t...)
	}
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
	return append(b, hash[:]...)
}

// link is what the chain of a partition must be after a record, written here once
// more: SHA-256 over the value before, what the record adds, and the hash of its
// judgement. The audit checks that hash.
func link(head [sha256.Size]byte, framed []byte, judged [sha256.Size]byte) [sha256.Size]byte {
	return sha256.Sum256(slices.Concat(head[:], framed, judged[:]))
}
