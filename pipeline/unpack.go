package pipeline

import (
	"encoding/binary"
	"errors"
	"sync"
	"unsafe"
	"weak"

	"github.com/twmb/franz-go/pkg/kgo"
)

// unpacker unpacks the compressed batches of producers, and bounds the memory that
// unpacked batches take, over all partitions. It learns the size of a batch before
// it allocates anything for it. The size includes the records that the client makes
// of the bytes: a record of 7 bytes takes 200 in memory.
//
// A batch takes room until the garbage collector has freed it. The unpacker
// therefore needs no word from the loop, nor from the client, which drops fetched
// batches in several ways.
type unpacker struct {
	most    int64     // Config.MaxUnpacked
	codecs  sync.Pool // of *codecs
	scratch sync.Pool // of *[]byte, scratchSize long

	mu      sync.Mutex
	held    int64 // bytes of loans
	loans   []loan
	sweepAt int // length of loans at which they are swept
}

// loan is the memory of one batch; buffer is nil once the collector has freed it.
type loan struct {
	buffer weak.Pointer[byte]
	bytes  int64
}

// errNoRoom is returned for a batch that does not fit beside those in memory.
var errNoRoom = errors.New("no room to unpack a batch: other batches take it")

// unpackable is the error for a batch that no worker of this configuration can
// unpack. Its text is the code of the dead letters that the batch becomes.
type unpackable string

// The codes of dead letters whose batch was never unpacked.
const (
	batchTooLarge   unpackable = "batch_too_large"  // it unpacks to more than Config.MaxUnpacked
	batchUnreadable unpackable = "batch_unreadable" // its bytes are not what the codec writes
)

func (u unpackable) Error() string { return string(u) }

func newUnpacker(most int) *unpacker {
	return &unpacker{most: int64(most),
		codecs:  sync.Pool{New: func() any { return newCodecs(most) }},
		scratch: sync.Pool{New: func() any { b := make([]byte, 0, scratchSize); return &b }}}
}

// Decompress implements kgo.Decompressor. The error is errNoRoom or an unpackable.
func (u *unpacker) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if codec == kgo.CodecNone || len(src) == 0 {
		return src, nil
	}
	c := u.codecs.Get().(*codecs)
	size, err := c.size(src, codec, u.most)
	defer func() {
		c.src.Reset(nil)
		if codec != kgo.CodecZstd || size <= scratchSize { // it would keep a large buffer
			u.codecs.Put(c)
		}
	}()
	switch {
	case err != nil || size == 0:
		return nil, batchUnreadable
	case size > u.most:
		return nil, batchTooLarge
	}
	var out []byte
	if codec == kgo.CodecZstd && size <= scratchSize { // the size is a bound, and often loose
		scratch := u.scratch.Get().(*[]byte)
		defer u.scratch.Put(scratch)
		unpacked, err := c.zstd.DecodeAll(src, (*scratch)[:0])
		if err != nil || len(unpacked) == 0 {
			return nil, batchUnreadable
		}
		if out, err = u.lend(int64(len(unpacked))); err != nil {
			return nil, err
		}
		copy(out, unpacked)
	} else {
		if out, err = u.lend(size); err != nil {
			return nil, err
		}
		if out, err = c.fill(out, src, codec); err != nil || len(out) == 0 {
			return nil, batchUnreadable
		}
	}
	records, ok := recordsTake(out)
	switch {
	case !ok:
		return nil, batchUnreadable
	case int64(len(out))+records > u.most:
		return nil, batchTooLarge
	}
	return out, u.charge(out, records)
}

// scratchSize is the size of the buffers for small zstd batches.
const scratchSize = 1 << 20

// lend returns a new buffer.
func (u *unpacker) lend(size int64) ([]byte, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.fits(size) {
		return nil, errNoRoom
	}
	buffer := make([]byte, size, max(size, 32)) // smaller ones share memory with others
	u.note(buffer, size)
	return buffer, nil
}

// charge counts more bytes that live as long as a buffer.
func (u *unpacker) charge(buffer []byte, more int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.fits(more) {
		return errNoRoom
	}
	u.note(buffer, more)
	return nil
}

func (u *unpacker) fits(bytes int64) bool {
	if u.held+bytes > u.most || len(u.loans) >= u.sweepAt {
		u.sweep()
	}
	return u.held+bytes <= u.most
}

func (u *unpacker) note(buffer []byte, bytes int64) {
	u.loans = append(u.loans, loan{weak.Make(&buffer[0]), bytes})
	u.held += bytes
}

// sweep forgets the loans whose buffers are freed.
func (u *unpacker) sweep() {
	kept := u.loans[:0]
	u.held = 0
	for _, l := range u.loans {
		if l.buffer.Value() != nil {
			kept = append(kept, l)
			u.held += l.bytes
		}
	}
	clear(u.loans[len(kept):])
	u.loans, u.sweepAt = kept, max(1024, 2*len(kept))
}

// GetDecompressBytes and PutDecompressBytes implement kgo.PoolDecompressBytes. With
// a pool the client keeps a batch's buffer for as long as its records, so a loan
// covers both.
func (u *unpacker) GetDecompressBytes([]byte, kgo.CompressionCodecType) []byte { return nil }
func (u *unpacker) PutDecompressBytes([]byte)                                  {}

// recordsTake returns how much memory the client needs for the records of an
// unpacked batch, besides its bytes; ok is false when the bytes are no records.
func recordsTake(raw []byte) (total int64, ok bool) {
	const record, header = int64(unsafe.Sizeof(kgo.Record{}) + unsafe.Sizeof(&kgo.Record{})), int64(unsafe.Sizeof(kgo.RecordHeader{}))
	f := fields{rest: raw}
	for len(f.rest) > 0 && !f.bad {
		in := fields{rest: f.bytes(f.varint())}
		in.bytes(1)   // attributes
		in.varint()   // timestamp
		in.varint()   // offset
		for range 2 { // key and value
			in.bytes(max(in.varint(), 0))
		}
		headers := in.varint()
		if in.bad || headers < 0 || headers > int64(len(in.rest)) {
			return 0, false
		}
		total += record
		if headers > 0 {
			total += headers*header + int64(len(in.rest)) // the client copies the names
		}
	}
	return total, !f.bad
}

// fields reads the fields of a record. After the first one that is cut off, bad is
// set and the rest is empty.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.rest)
	f.bytes(int64(max(n, 0)))
	f.bad = f.bad || n <= 0
	return v
}

func (f *fields) bytes(n int64) (taken []byte) {
	if n < 0 || n > int64(len(f.rest)) {
		f.bad, f.rest = true, nil
		return nil
	}
	taken, f.rest = f.rest[:n], f.rest[n:]
	return taken
}
