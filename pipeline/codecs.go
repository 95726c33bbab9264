package pipeline

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// codecs unpack one batch at a time, into a buffer of its size. The one of zstd keeps
// the last buffers that it read and filled, until it has others.
type codecs struct {
	src  bytes.Reader
	gzip gzip.Reader
	lz4  *lz4.Reader
	zstd *zstd.Decoder
}

func newCodecs(most int) *codecs {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true),
		// A decoder into one buffer keeps no window, so a wide one costs nothing.
		zstd.WithDecoderMaxWindow(max(uint64(most), 1<<31)))
	if err != nil {
		panic(fmt.Sprintf("pipeline: the options of the zstd decoder: %v", err)) // they are constants
	}
	return &codecs{lz4: lz4.NewReader(nil), zstd: decoder}
}

// size returns how many bytes src unpacks to, or more than most if it is more than
// that. For zstd it is at least as many.
func (c *codecs) size(src []byte, codec kgo.CompressionCodecType, most int64) (int64, error) {
	switch codec {
	case kgo.CodecZstd:
		return zstdSize(src)
	case kgo.CodecSnappy:
		var total int64
		err := snappyBlocks(src, func(block []byte) error {
			n, err := s2.DecodedLen(block)
			total += int64(n)
			return err
		})
		return total, err
	}
	r, err := c.open(src, codec)
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, io.LimitReader(r, most+1))
}

// fill unpacks src into dst, whose length is the batch's size, and returns the part
// that src fills.
func (c *codecs) fill(dst, src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	switch codec {
	case kgo.CodecZstd:
		return c.zstd.DecodeAll(src, dst[:0])
	case kgo.CodecSnappy:
		at := 0
		err := snappyBlocks(src, func(block []byte) error {
			n, err := s2.DecodedLen(block)
			if err == nil {
				_, err = s2.Decode(dst[at:at+n:at+n], block)
			}
			at += n
			return err
		})
		return dst, err
	}
	r, err := c.open(src, codec)
	if err == nil {
		_, err = io.ReadFull(r, dst)
	}
	return dst, err
}

// open returns a reader of the codecs whose data does not begin with its size.
func (c *codecs) open(src []byte, codec kgo.CompressionCodecType) (io.Reader, error) {
	c.src.Reset(src)
	switch codec {
	case kgo.CodecGzip:
		return &c.gzip, c.gzip.Reset(&c.src)
	case kgo.CodecLz4:
		c.lz4.Reset(&c.src)
		return c.lz4, nil
	}
	return nil, fmt.Errorf("unknown codec %d", codec)
}

// zstdBlock is the most that one block of zstd unpacks to (RFC 8878).
const zstdBlock = 128 << 10

// zstdSize returns at least the size that the frames of src unpack to. A frame
// either begins with its size or consists of blocks, whose size is known to within
// zstdBlock. The Java client writes the second form, in full blocks.
func zstdSize(src []byte) (total int64, err error) {
	skip := func(n int) {
		if n > len(src) {
			n, err = len(src), io.ErrUnexpectedEOF
		}
		src = src[n:]
	}
	for len(src) > 0 && err == nil {
		var h zstd.Header
		if err := h.Decode(src); err != nil {
			return 0, err
		}
		skip(h.HeaderSize)
		if h.Skippable {
			skip(int(h.SkippableSize))
			continue
		}
		var blocks int64
		for last := false; !last && err == nil; {
			if len(src) < 3 {
				return 0, io.ErrUnexpectedEOF
			}
			head := int(src[0]) | int(src[1])<<8 | int(src[2])<<16
			skip(3)
			length := head >> 3
			last = head&1 == 1
			switch head >> 1 & 3 {
			case 0: // raw
				blocks += int64(length)
				skip(length)
			case 1: // one byte, repeated
				blocks += int64(length)
				skip(1)
			default:
				blocks += zstdBlock
				skip(length)
			}
		}
		if h.HasCheckSum {
			skip(4)
		}
		if h.HasFCS {
			blocks = int64(min(h.FrameContentSize, 1<<40))
		}
		total += blocks
	}
	return total, err
}

var xerial = []byte{130, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

// snappyBlocks calls f with each block of src: the Java client frames blocks, other
// clients write a single one.
func snappyBlocks(src []byte, f func(block []byte) error) error {
	if len(src) <= 16 || !bytes.HasPrefix(src, xerial) {
		return f(src)
	}
	for src = src[16:]; len(src) > 0; {
		if len(src) < 4 {
			return io.ErrUnexpectedEOF
		}
		n := int(binary.BigEndian.Uint32(src))
		if src = src[4:]; n > len(src) {
			return io.ErrUnexpectedEOF
		}
		if err := f(src[:n]); err != nil {
			return err
		}
		src = src[n:]
	}
	return nil
}
