package adsgl

import (
	"strings"
	"unicode/utf8"
)

// place returns where in a row a fault stands: lines below the row's first, and
// the column from 1 in characters. It is the begin of the cell that cannot be read,
// of the field whose quotes are broken, of the first field that the header does not
// have, or the end of a row that is too short. Column 0 is the whole row.
func (l *layout) place(text string, f *fault) (below, column int) {
	start := -1
	if c, ok := known[fold(f.field)]; ok {
		start = offset(text, l.separator, l.at[c])
	} else if fields, s := split(text, l.separator, nil); s != whole {
		start = offset(text, l.separator, len(fields))
	} else if len(fields) != l.width {
		start = offset(text, l.separator, min(len(fields), l.width))
	} else {
		start = strings.IndexRune(text, utf8.RuneError)
	}
	if start < 0 {
		return 0, 0
	}
	before := text[:start]
	return strings.Count(before, "\n"), utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}

// offset returns where a field begins in a row, the end of the row where it has
// exactly so many fields, or -1.
func offset(row string, separator byte, field int) int {
	if field < 0 {
		return -1
	}
	at := 0
	for n := range field {
		end := at
		if strings.HasPrefix(row[at:], `"`) {
			for end++; ; end++ {
				quote := strings.IndexByte(row[end:], '"')
				if quote < 0 {
					return -1
				}
				if end += quote + 1; !strings.HasPrefix(row[end:], `"`) {
					break
				}
			}
		}
		next := strings.IndexByte(row[end:], separator)
		switch {
		case next >= 0:
			at = end + next + 1
		case n == field-1:
			return len(row)
		default:
			return -1
		}
	}
	return at
}
