package faults

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A garbled batch has the header and a right checksum, other bytes, and its neighbours
// are as they were.
func TestGarble(t *testing.T) {
	payload, err := kgo.DefaultCompressor(kgo.ZstdCompression())
	if err != nil {
		t.Fatal(err)
	}
	packed, codec := payload.Compress(new(bytes.Buffer), make([]byte, 1000))
	batch := func(offset int64) []byte {
		b := kmsg.RecordBatch{FirstOffset: offset, Magic: 2, Attributes: int16(codec), LastOffsetDelta: 4, NumRecords: 5, Records: packed}
		b.Length = int32(len(b.AppendTo(nil)) - 12)
		text := b.AppendTo(nil)
		binary.BigEndian.PutUint32(text[17:], crc32.Checksum(text[21:], crc32.MakeTable(crc32.Castagnoli)))
		return text
	}
	name := filepath.Join(t.TempDir(), "0.log")
	if err := os.WriteFile(name, bytes.Join([][]byte{batch(0), batch(5), batch(10)}, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for offset, want := range map[int64]bool{5: true, 7: false, 15: false} {
		if found, err := garbleIn(f, offset); found != want || err != nil {
			t.Errorf("the batch at offset %d: found %v, %v", offset, found, err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	size := len(batch(0))
	if !bytes.Equal(got[:size], batch(0)) || !bytes.Equal(got[2*size:], batch(10)) {
		t.Error("a neighbour is altered")
	}
	var b kmsg.RecordBatch
	if err := b.ReadFrom(got[size : 2*size]); err != nil {
		t.Fatal(err)
	}
	if sum := crc32.Checksum(got[size+21:2*size], crc32.MakeTable(crc32.Castagnoli)); b.FirstOffset != 5 || b.NumRecords != 5 || uint32(b.CRC) != sum {
		t.Errorf("the batch is at offset %d, of %d records, with the checksum %x of %x", b.FirstOffset, b.NumRecords, uint32(b.CRC), sum)
	}
	unpack := bounded{kgo.DefaultDecompressor()}
	if _, err := unpack.Decompress(packed, codec); err != nil {
		t.Errorf("the sound batch: %v", err)
	}
	if _, err := unpack.Decompress(b.Records, codec); err != unreadable {
		t.Errorf("the garbled batch: %v", err)
	}
}
