package adsgl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxRow bounds a row, quoted line breaks included, so that a quote that is
// never closed costs one row and not the rest of the file, nor the memory.
const maxRow = 64 << 10

var (
	errNotUTF8 = errors.New("is not UTF-8; convert the file, for instance with iconv -f WINDOWS-1252 -t UTF-8")
	errUTF16   = errors.New("the file is UTF-16; convert it with iconv -f UTF-16 -t UTF-8")
	errEmpty   = errors.New("the file is empty: it has no header")
)

// state is what split found.
type state int

const (
	whole state = iota
	open        // a quoted field goes on behind the end
	stray       // text between a closing quote and the separator
)

// split cuts a row into fields (RFC 4180): a field that begins with a quote
// ends at the next single quote, two quotes inside it are one. A quote inside a
// field that does not begin with one is text: descriptions have inches in them.
func split(row string, separator byte, fields []string) ([]string, state) {
	fields = fields[:0]
	for {
		if !strings.HasPrefix(row, `"`) {
			end := strings.IndexByte(row, separator)
			if end < 0 {
				return append(fields, row), whole
			}
			fields, row = append(fields, row[:end]), row[end+1:]
			continue
		}
		field, doubled := row[1:], false
		end := 0
		for {
			quote := strings.IndexByte(field[end:], '"')
			if quote < 0 {
				return fields, open
			}
			if end += quote; !strings.HasPrefix(field[end+1:], `"`) {
				break
			}
			doubled, end = true, end+2
		}
		row, field = field[end+1:], field[:end]
		if doubled {
			field = strings.ReplaceAll(field, `""`, `"`)
		}
		fields = append(fields, field)
		if row == "" {
			return fields, whole
		}
		if row[0] != separator {
			return fields, stray
		}
		row = row[1:]
	}
}

// row is a row of the file, or the fault of one that cannot be cut.
type row struct {
	at    int // number of its first line in the file, from 1
	text  string
	fault string
}

// rows reads rows. After a fault it goes on with the line that follows the one
// at which the fault began.
type rows struct {
	in        *bufio.Reader
	separator byte
	line      int   // lines handed out
	ahead     []row // lines read while looking for a closing quote
	scratch   []string
}

func newRows(in io.Reader) (*rows, error) {
	buffered := bufio.NewReaderSize(in, maxRow)
	start, err := buffered.Peek(3)
	switch {
	case bytes.HasPrefix(start, []byte{0xff, 0xfe}), bytes.HasPrefix(start, []byte{0xfe, 0xff}):
		return nil, errUTF16
	case bytes.Equal(start, []byte("\xef\xbb\xbf")):
		_, err = buffered.Discard(3)
	}
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	return &rows{in: buffered}, nil
}

// next returns the next row that is not blank, or io.EOF.
func (r *rows) next() (row, error) {
	for {
		first, err := r.take()
		if err != nil {
			return row{}, err
		}
		if first.fault != "" {
			return first, nil
		}
		if strings.TrimSpace(first.text) == "" {
			continue
		}
		return r.complete(first)
	}
}

// complete appends lines to a row while a quoted field of it is open.
func (r *rows) complete(first row) (row, error) {
	if !strings.Contains(first.text, `"`) {
		return first, nil
	}
	var more []row
	text := first.text
	for size := len(text); ; {
		var s state
		if r.scratch, s = split(text, r.separator, r.scratch); s != open {
			if s == stray {
				r.ahead = append(more, r.ahead...)
				return row{at: first.at, fault: "has text between a closing quote and the separator"}, nil
			}
			return row{at: first.at, text: text}, nil
		}
		// Lines without a quote cannot close the field: splitting again for
		// each of them would be quadratic.
		var tail strings.Builder
		for closed := false; !closed; {
			next, err := r.take()
			if err != nil && err != io.EOF {
				return row{}, err
			}
			if err == nil {
				more = append(more, next)
				size += len(next.text) + 1
			}
			if err == io.EOF || size > maxRow || next.fault != "" {
				r.ahead = append(more, r.ahead...)
				return row{at: first.at, fault: fmt.Sprintf("has a quoted field that is not closed within %d KiB", maxRow>>10)}, nil
			}
			tail.WriteByte('\n')
			tail.WriteString(next.text)
			closed = strings.Contains(next.text, `"`)
		}
		text += tail.String()
	}
}

// take returns the next line without its end.
func (r *rows) take() (row, error) {
	if len(r.ahead) > 0 {
		line := r.ahead[0]
		r.ahead = r.ahead[1:]
		return line, nil
	}
	text, err := r.in.ReadSlice('\n')
	if err == io.EOF && len(text) > 0 {
		err = nil
	}
	if err == bufio.ErrBufferFull {
		for err == bufio.ErrBufferFull {
			_, err = r.in.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return row{}, fmt.Errorf("read line %d: %w", r.line+1, err)
		}
		r.line++
		return row{at: r.line, fault: fmt.Sprintf("is longer than %d KiB", maxRow>>10)}, nil
	}
	if err == io.EOF {
		return row{}, io.EOF
	}
	if err != nil {
		return row{}, fmt.Errorf("read line %d: %w", r.line+1, err)
	}
	r.line++
	return row{at: r.line, text: string(bytes.TrimRight(text, "\r\n"))}, nil
}

// header reads the layout from the first line that is not blank.
func (r *rows) header() (*layout, error) {
	first, err := r.take()
	for err == nil && first.fault == "" && strings.TrimSpace(first.text) == "" {
		first, err = r.take()
	}
	if err == io.EOF {
		return nil, errEmpty
	}
	if err != nil {
		return nil, err
	}
	if first.fault != "" {
		return nil, fmt.Errorf("the header %s", first.fault)
	}
	l, err := newLayout(first.text)
	if err != nil {
		return nil, err
	}
	r.separator = l.separator
	return l, nil
}
