package clickhouse

import (
	"encoding/binary"
	"math"
)

// Flags of ClickHouse's SerializationLowCardinality: the low byte is the width of
// the keys; the two bits mean that the dictionary follows and is not shared.
const (
	keys8, keys16, keys32 = 0, 1, 2
	hasAdditionalKeys     = 1 << 9
	needUpdateDictionary  = 1 << 10
)

// dictionary holds the values of a LowCardinality(String) column: each different
// text once, and for each value the index of its text.
type dictionary struct {
	texts []string
	index map[string]uint32
	keys  []uint32
	last  uint32
}

func (d *dictionary) reset() {
	clear(d.texts) // releases the fetched bytes
	clear(d.index)
	d.texts, d.keys, d.last = d.texts[:0], d.keys[:0], 0
}

// add appends a value. It first tries the value of the row before, and then the
// text after it in the dictionary, which is likely where rows are similar lists.
func (d *dictionary) add(s string) {
	if len(d.texts) == 0 {
		if d.index == nil {
			d.index = make(map[string]uint32)
		}
		d.texts = append(d.texts, "") // the server expects the default first
		d.index[""] = 0
	}
	i := d.last
	if d.texts[i] != s {
		if i++; int(i) == len(d.texts) || d.texts[i] != s {
			var known bool
			if i, known = d.index[s]; !known {
				i = uint32(len(d.texts))
				d.texts = append(d.texts, s)
				d.index[s] = i
			}
		}
	}
	d.last = i
	d.keys = append(d.keys, i)
}

// encode appends the column's bytes.
func (d *dictionary) encode(dst []byte) []byte {
	width := uint64(keys32)
	switch {
	case len(d.texts) <= math.MaxUint8:
		width = keys8
	case len(d.texts) <= math.MaxUint16:
		width = keys16
	}
	dst = binary.LittleEndian.AppendUint64(dst, width|hasAdditionalKeys|needUpdateDictionary)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(d.texts)))
	for _, s := range d.texts {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(d.keys)))
	for _, k := range d.keys {
		switch width {
		case keys8:
			dst = append(dst, byte(k))
		case keys16:
			dst = binary.LittleEndian.AppendUint16(dst, uint16(k))
		default:
			dst = binary.LittleEndian.AppendUint32(dst, k)
		}
	}
	return dst
}
