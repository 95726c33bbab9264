package adsgl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Encoding is how a file writes text as bytes.
type Encoding string

// The encodings. The zero value is UTF-8, and UTF-16 where the file begins with
// its byte order mark.
const (
	UTF8        Encoding = "utf-8"
	Windows1252 Encoding = "windows-1252"
	UTF16       Encoding = "utf-16" // a byte order mark decides the order
	UTF16LE     Encoding = "utf-16le"
	UTF16BE     Encoding = "utf-16be"
)

// Encodings are the encodings that can be named.
var Encodings = []Encoding{UTF8, Windows1252, UTF16, UTF16LE, UTF16BE}

var (
	errNotUTF8   = errors.New("is not UTF-8; name the encoding of the file, for instance --encoding windows-1252")
	errNoMark    = errors.New("the file has no byte order mark; name the order with --encoding utf-16le or --encoding utf-16be")
	errMarkUTF8  = errors.New("the file begins with the byte order mark of UTF-8; leave --encoding out")
	errMarkUTF16 = errors.New("the file begins with the byte order mark of UTF-16; leave --encoding out")
	errLooksUTF8 = errors.New("every text of the file that is not ASCII is UTF-8; leave --encoding out")
	errWorkbook  = errors.New("the file is a spreadsheet's workbook; save the sheet as CSV")
	errUTF32     = errors.New("the file is UTF-32; convert it with iconv -f UTF-32 -t UTF-8")
)

const (
	markUTF8    = "\xef\xbb\xbf"
	markUTF16LE = "\xff\xfe"
	markUTF16BE = "\xfe\xff"
	markUTF32LE = "\xff\xfe\x00\x00"
	markUTF32BE = "\x00\x00\xfe\xff"
	markXLSX    = "PK\x03\x04"
	markXLS     = "\xd0\xcf\x11\xe0"
)

// decode returns the file's text as UTF-8 without a byte order mark, and the
// encoding that it has.
func decode(in io.Reader, named Encoding) (*bufio.Reader, Encoding, error) {
	raw := bufio.NewReaderSize(in, maxRow)
	start, err := raw.Peek(64)
	if err != nil && err != io.EOF {
		return nil, "", fmt.Errorf("read the file: %w", err)
	}
	marked := bytes.HasPrefix(start, []byte(markUTF16LE)) || bytes.HasPrefix(start, []byte(markUTF16BE))
	wide := named == UTF16 || named == UTF16LE || named == UTF16BE
	switch {
	case bytes.HasPrefix(start, []byte(markXLSX)), bytes.HasPrefix(start, []byte(markXLS)):
		return nil, "", errWorkbook
	case bytes.HasPrefix(start, []byte(markUTF32LE)), bytes.HasPrefix(start, []byte(markUTF32BE)):
		return nil, "", errUTF32
	case bytes.HasPrefix(start, []byte(markUTF8)) && named != "" && named != UTF8:
		return nil, "", errMarkUTF8
	case bytes.HasPrefix(start, []byte(markUTF8)):
		_, err := raw.Discard(len(markUTF8))
		return raw, UTF8, err
	case marked && named != "" && !wide:
		return nil, "", errMarkUTF16
	case marked:
		return through(raw, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)), UTF16, nil
	case named == UTF16:
		return nil, "", errNoMark
	case named == UTF16LE:
		return through(raw, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)), named, nil
	case named == UTF16BE:
		return through(raw, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)), named, nil
	case named == Windows1252:
		return through(raw, charmap.Windows1252), named, nil
	}
	if guess := zeros(start); guess != "" {
		return nil, "", fmt.Errorf("the file looks like UTF-16 without a byte order mark; read it with --encoding %s", guess)
	}
	return raw, UTF8, nil
}

func through(in io.Reader, e encoding.Encoding) *bufio.Reader {
	return bufio.NewReaderSize(e.NewDecoder().Reader(in), maxRow)
}

// zeros returns the UTF-16 that a file's beginning looks like: every second
// byte of ASCII text is zero.
func zeros(start []byte) Encoding {
	var at [2]int
	for i, b := range start {
		if b == 0 {
			at[i%2]++
		}
	}
	switch half := len(start) / 2; {
	case at[1] > half/2 && at[0] == 0:
		return UTF16LE
	case at[0] > half/2 && at[1] == 0:
		return UTF16BE
	}
	return ""
}

// disguised reports whether a text that was read as Windows-1252 is UTF-8, and
// whether it is neither ASCII nor UTF-8.
func disguised(text string) (isUTF8, isNot bool) {
	ascii := true
	for i := range len(text) {
		ascii = ascii && text[i] < utf8.RuneSelf
	}
	if ascii {
		return false, false
	}
	raw, err := charmap.Windows1252.NewEncoder().String(text)
	valid := err == nil && utf8.ValidString(raw)
	return valid, !valid
}
