package adsgl

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Lines is a set of line numbers of a file, as ranges in ascending order.
type Lines []span

type span struct{ first, last int }

var errLines = errors.New("is not a list of lines such as 1-3,118")

// ParseLines reads a list of lines such as 1-3,118. Lines count from 1.
func ParseLines(text string) (Lines, error) {
	var lines Lines
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil || first < 1 || last < first {
			return nil, errLines
		}
		lines = append(lines, span{first, last})
	}
	slices.SortFunc(lines, func(a, b span) int { return a.first - b.first })
	return lines, nil
}

// First returns the lines 1 to n.
func First(n int) Lines {
	if n <= 0 {
		return nil
	}
	return Lines{{1, n}}
}

func (l Lines) has(n int) bool {
	return slices.ContainsFunc(l, func(s span) bool { return s.first <= n && n <= s.last })
}
