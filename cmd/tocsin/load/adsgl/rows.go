package adsgl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxRow bounds a row, quoted line breaks included, so that a quote that is
// never closed costs one row and not the rest of the file, nor the memory.
const maxRow = 64 << 10

var errEmpty = errors.New("the file is empty: it has no header")

// state is the outcome of split.
type state int

const (
	whole state = iota
	open        // a quoted field continues after the end
	stray       // text between a closing quote and the separator
)

// split cuts a row into fields (RFC 4180): a field that begins with a quote
// ends at the next single quote, two quotes inside it are one. A quote inside a
// field that does not begin with one is text: descriptions have inches in them.
// The fields in front of one that is open or stray are returned too.
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
		if row != "" && row[0] != separator {
			return fields, stray
		}
		fields = append(fields, field)
		if row == "" {
			return fields, whole
		}
		row = row[1:]
	}
}

// row is a row of the file. A row that cannot be cut has a fault, and its text
// is the line at which the fault begins.
type row struct {
	at    int // number of its first line in the file, from 1
	text  string
	fault string
}

// rows reads rows. After a fault it continues with the line after the one at which
// the fault began.
type rows struct {
	in        *bufio.Reader
	encoding  Encoding
	end       byte // of a line
	separator byte
	width     int // of the header; 0: not read yet
	skip      Lines
	line      int   // lines handed out
	ahead     []row // lines read while looking for a header or a closing quote
	scratch   []string
}

func newRows(in io.Reader, opt *Options) (*rows, error) {
	text, encoding, err := decode(in, opt.Encoding)
	if err != nil {
		return nil, err
	}
	start, err := text.Peek(maxRow)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	return &rows{in: text, encoding: encoding, end: lineEnd(start, opt.Separator), skip: opt.SkipLines}, nil
}

// lineEnd returns what ends the file's lines: a line feed, or a carriage return
// where the first line break outside quotes is one alone. A quote within a field,
// as in a title that has inches, opens none.
func lineEnd(start []byte, separator byte) byte {
	quoted := false
	before := separators + string(rune(separator)) + "\r\n"
	for i, b := range start {
		switch {
		case b == '"' && (quoted || i == 0 || strings.IndexByte(before, start[i-1]) >= 0):
			quoted = !quoted
		case b == '\n' && !quoted:
			return '\n'
		case b == '\r' && !quoted:
			if i+1 < len(start) && start[i+1] == '\n' {
				return '\n'
			}
			return '\r'
		}
	}
	return '\n'
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
		if empty(first.text) {
			continue
		}
		return r.complete(first)
	}
}

// empty reports whether a line is blank, or a rule that a list draws.
func empty(text string) bool {
	if text = strings.TrimSpace(text); text == "" {
		return true
	}
	return strings.HasPrefix(strings.TrimLeft(text, "|+"), "---") && strings.Trim(text, "-=+| ") == ""
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
				return row{at: first.at, text: first.text, fault: "has text between a closing quote and the separator; quotes within a field are doubled"}, nil
			}
			if len(more) > 0 && !r.holds() {
				r.ahead = append(more, r.ahead...)
				return row{at: first.at, text: first.text, fault: "has a quoted field over several lines with a row in it: a quote is missing, or the text has to be written in one line"}, nil
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
				return row{at: first.at, text: first.text, fault: fmt.Sprintf("has a quoted field that is not closed within %d KiB", maxRow>>10)}, nil
			}
			tail.WriteByte('\n')
			tail.WriteString(next.text)
			closed = strings.Contains(next.text, `"`)
		}
		text += tail.String()
	}
}

// holds reports whether the lines that were split last as one row are one row.
// Where a quote is missing, a field swallows the end of its row and the beginning
// of another: it holds as many separators as a row, or leaves the row with too few
// fields. Then the lines after the first are rows by themselves.
func (r *rows) holds() bool {
	return len(r.scratch) == r.width && !slices.ContainsFunc(r.scratch, func(field string) bool {
		return strings.Contains(field, "\n") && strings.Count(field, string(rune(r.separator))) >= r.width-1
	})
}

// take returns the next line that is not to be skipped, without its end.
func (r *rows) take() (row, error) {
	if len(r.ahead) > 0 {
		line := r.ahead[0]
		r.ahead = r.ahead[1:]
		return line, nil
	}
	for {
		line, err := r.read()
		if err != nil || !r.skip.has(line.at) {
			return line, err
		}
	}
}

// read reads the next line of the file.
func (r *rows) read() (row, error) {
	text, err := r.in.ReadSlice(r.end)
	if err == io.EOF && len(text) > 0 {
		err = nil
	}
	if err == bufio.ErrBufferFull {
		for err == bufio.ErrBufferFull {
			_, err = r.in.ReadSlice(r.end)
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
