package pipeline

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"weak"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// encoded is n records, with values of so many bytes, in the form that they have in
// a batch.
func encoded(n, bytes int) []byte {
	var all []byte
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		value := make([]byte, bytes)
		for j := range value {
			value[j] = byte('a' + random.IntN(4))
		}
		one := []byte{0}
		one = binary.AppendVarint(one, int64(i)) // timestamp
		one = binary.AppendVarint(one, int64(i)) // offset
		one = binary.AppendVarint(one, -1)       // key
		one = binary.AppendVarint(one, int64(bytes))
		one = append(one, value...)
		one = binary.AppendVarint(one, 1) // headers
		one = append(binary.AppendVarint(one, 1), 'h')
		one = binary.AppendVarint(one, -1)
		all = append(binary.AppendVarint(all, int64(len(one))), one...)
	}
	return all
}

// pack is raw in each codec, and for zstd and Snappy in both of the forms in which
// clients write it.
func pack(t *testing.T, raw []byte) map[string]struct {
	codec kgo.CompressionCodecType
	bytes []byte
} {
	type packed = struct {
		codec kgo.CompressionCodecType
		bytes []byte
	}
	all := make(map[string]packed)
	var b bytes.Buffer
	write := func(name string, codec kgo.CompressionCodecType, w interface {
		Write([]byte) (int, error)
		Close() error
	}) {
		t.Helper()
		for at := 0; at < len(raw); at += 16 << 10 { // as the Java client writes
			if _, err := w.Write(raw[at:min(at+16<<10, len(raw))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		all[name] = packed{codec, bytes.Clone(b.Bytes())}
		b.Reset()
	}
	write("gzip", kgo.CodecGzip, gzip.NewWriter(&b))
	write("lz4", kgo.CodecLz4, lz4.NewWriter(&b))
	stream, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	write("zstd in blocks", kgo.CodecZstd, stream)
	all["zstd with its size"] = packed{kgo.CodecZstd, stream.EncodeAll(raw, nil)}
	all["two frames of zstd"] = packed{kgo.CodecZstd, append(stream.EncodeAll(raw[:len(raw)/2], nil), stream.EncodeAll(raw[len(raw)/2:], nil)...)}
	all["snappy"] = packed{kgo.CodecSnappy, s2.EncodeSnappy(nil, raw)}
	framed := append(bytes.Clone(xerial), 0, 0, 0, 1, 0, 0, 0, 1)
	for at := 0; at < len(raw); at += 32 << 10 {
		block := s2.EncodeSnappy(nil, raw[at:min(at+32<<10, len(raw))])
		framed = append(binary.BigEndian.AppendUint32(framed, uint32(len(block))), block...)
	}
	all["snappy in blocks"] = packed{kgo.CodecSnappy, framed}
	return all
}

// What cannot be packed, as encrypted values, stands in raw blocks, and what repeats one
// byte in others.
func TestTheSizeOfZstdIsKnownForEveryKindOfBlock(t *testing.T) {
	noise := make([]byte, 300_000)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for name, raw := range map[string][]byte{"noise": noise, "zeros": make([]byte, 300_000), "text": encoded(300, 1000), "nothing": {}} {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // two frames
			w.Reset(&b)
			if _, err := w.Write(raw); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		size, err := zstdSize(b.Bytes())
		if least := int64(2 * len(raw)); err != nil || size < least || size > least+6*zstdBlock {
			t.Errorf("%s: %d bytes in %d packed ones, %v; want at least %d and little more", name, size, b.Len(), err, least)
		}
	}
}

// Whatever a batch is packed with, it is unpacked whole, or refused for its size
// before memory is taken for it.
func TestEachCodecIsUnpackedOrRefusedForItsSize(t *testing.T) {
	for _, records := range []int{1, 40, 3000} {
		raw := encoded(records, 1000)
		took, ok := recordsTake(raw)
		if !ok || took < int64(records)*200 {
			t.Fatalf("%d records take %d bytes besides their own, %v", records, took, ok)
		}
		room := len(raw) + int(took)
		for name, p := range pack(t, raw) {
			got, err := newUnpacker(room+zstdBlock).Decompress(p.bytes, p.codec)
			if err != nil || !bytes.Equal(got, raw) || cap(got) > len(raw)+zstdBlock {
				t.Errorf("%s, %d records: %d bytes with room for %d, %v; want %d", name, records, len(got), cap(got), err, len(raw))
			}
			u := newUnpacker(room - 1)
			if got, err := u.Decompress(p.bytes, p.codec); got != nil && err == nil || !errors.Is(err, batchTooLarge) {
				t.Errorf("%s, %d records in a byte too little: %v, want %v", name, records, err, batchTooLarge)
			}
			u = newUnpacker(len(raw) / 2)
			if _, err := u.Decompress(p.bytes, p.codec); !errors.Is(err, batchTooLarge) || u.held > zstdBlock {
				t.Errorf("%s, %d records in half the room: %v after taking %d bytes", name, records, err, u.held)
			}
			for _, damaged := range [][]byte{p.bytes[:len(p.bytes)-len(p.bytes)/3], append([]byte{1}, p.bytes...)} {
				if _, err := newUnpacker(1<<30).Decompress(damaged, p.codec); !errors.Is(err, batchUnreadable) {
					t.Errorf("%s, %d records, damaged: %v", name, records, err)
				}
			}
		}
	}
	u := newUnpacker(1 << 30)
	for what, bytes := range map[string][]byte{"no records": []byte("these are no records"), "nothing": {}} {
		if _, err := u.Decompress(s2.EncodeSnappy(nil, bytes), kgo.CodecSnappy); !errors.Is(err, batchUnreadable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := u.Decompress([]byte{1, 2, 3}, 7); !errors.Is(err, batchUnreadable) {
		t.Errorf("an unknown codec: %v", err)
	}
}

// 41 kB of zstd unpack to 300 MiB. They are refused without any of it.
func TestABombTakesNoMemory(t *testing.T) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 300 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	u := newUnpacker(256 << 20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = u.Decompress(b.Bytes(), kgo.CodecZstd)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, batchTooLarge) || took > 4<<20 {
		t.Errorf("%d bytes: %v after an allocation of %d", b.Len(), err, took)
	}
}

// Records of nothing but their envelope take thirty times their bytes in memory.
func TestEmptyRecordsCountAsTheClientKeepsThem(t *testing.T) {
	raw := bytes.Repeat([]byte{12, 0, 0, 0, 1, 1, 0}, 100_000)
	if _, err := newUnpacker(20*len(raw)).Decompress(s2.EncodeSnappy(nil, raw), kgo.CodecSnappy); !errors.Is(err, batchTooLarge) {
		t.Errorf("empty records in 20 times their bytes: %v", err)
	}
	if _, err := newUnpacker(40*len(raw)).Decompress(s2.EncodeSnappy(nil, raw), kgo.CodecSnappy); err != nil {
		t.Errorf("empty records in 40 times their bytes: %v", err)
	}
}

// A batch takes room until the collector has freed it.
func TestRoomIsThatOfWhatIsInMemory(t *testing.T) {
	raw := encoded(100, 10_000)
	packed := s2.EncodeSnappy(nil, raw)
	u := newUnpacker(2*len(raw) + len(raw)/2)
	unpack := func(want error) []byte {
		t.Helper()
		got, err := u.Decompress(packed, kgo.CodecSnappy)
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v, with %d bytes in %d loans", err, want, u.held, len(u.loans))
		}
		return got
	}
	one, two := unpack(nil), unpack(nil)
	unpack(errNoRoom)
	runtime.GC()
	unpack(errNoRoom)
	runtime.KeepAlive(one)
	runtime.GC()
	three := unpack(nil)
	unpack(errNoRoom)
	// A part of a batch keeps all of it.
	part := three[5:6]
	runtime.KeepAlive(two)
	runtime.GC()
	four := unpack(nil)
	unpack(errNoRoom)
	// No room now is no reason to refuse the batch for ever.
	if code, err := u.refusal(&rawBatch{RecordBatch: kmsg.RecordBatch{Attributes: 2, Records: packed}}); code != "" || !errors.Is(err, errNoRoom) {
		t.Errorf("%q, %v, want no code and %v", code, err, errNoRoom)
	}
	runtime.KeepAlive(part)
	runtime.KeepAlive(four)
	runtime.GC()
	u.mu.Lock()
	u.sweep()
	u.mu.Unlock()
	if u.held != 0 || len(u.loans) != 0 {
		t.Errorf("%d bytes in %d loans are left", u.held, len(u.loans))
	}
}

// No codec keeps what it has unpacked, nor what it has read.
func TestNoCodecKeepsABatch(t *testing.T) {
	for name, p := range pack(t, encoded(3000, 1000)) {
		u := newUnpacker(64 << 20)
		packed := bytes.Clone(p.bytes)
		weakly := weak.Make(&packed[0])
		if _, err := u.Decompress(packed, p.codec); err != nil {
			t.Fatal(err)
		}
		packed = nil
		runtime.GC()
		u.sweep()
		if u.held != 0 || weakly.Value() != nil {
			t.Errorf("%s: %d bytes are held, and the packed ones are in memory: %v", name, u.held, weakly.Value() != nil)
		}
		runtime.KeepAlive(u)
	}
}

// The list of loans does not grow with the batches that came and went.
func TestLoansAreForgotten(t *testing.T) {
	packed := s2.EncodeSnappy(nil, []byte(strings.Repeat(string(encoded(1, 100)), 5)))
	u := newUnpacker(64 << 20)
	for i := range 50_000 {
		if _, err := u.Decompress(packed, kgo.CodecSnappy); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 0 {
			runtime.GC()
		}
	}
	if len(u.loans) > 10_000 {
		t.Errorf("%d loans are kept", len(u.loans))
	}
}
