package adsgl

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// newRange is the step between two journal numbers from which on the second
// one begins another number range: ledgers number document types in ranges far
// apart (1000000000, 4900000000), and what lies between was never given out.
const newRange = 10_000

// Range is a range of journal numbers, with the gaps in it.
type Range struct {
	BusinessUnit string `json:"business_unit,omitempty"` // where units number their journals apart
	FiscalYear   int64  `json:"fiscal_year,omitempty"`
	First        string `json:"first"`
	Last         string `json:"last"`
	Journals     int    `json:"journals"`
	Missing      int64  `json:"missing"`
	Gaps         []Gap  `json:"gaps"`
}

// Gap is a run of numbers that no journal has.
type Gap struct {
	First string `json:"first"`
	Last  string `json:"last"`
	Count int64  `json:"count"`
}

func (g Gap) String() string {
	if g.Count == 1 {
		return g.First
	}
	return fmt.Sprintf("%s to %s (%d)", g.First, g.Last, g.Count)
}

func (r Range) scope() string {
	var words []string
	if r.FiscalYear != 0 {
		words = append(words, fmt.Sprintf("of %d", r.FiscalYear))
	}
	if r.BusinessUnit != "" {
		words = append(words, "in "+r.BusinessUnit)
	}
	return strings.Join(words, " ")
}

// numbering collects journal numbers.
type numbering struct{ series map[series][]numbered }

// series is the scope within which a number counts: the fiscal year, the text in
// front of the digits, and the number of digits when zeros lead.
type series struct {
	year   int64
	prefix string
	width  int
}

type numbered struct {
	n    int64
	unit string
}

func newNumbering() *numbering { return &numbering{series: make(map[series][]numbered)} }

// add takes a journal's number. Numbers that do not end in digits, or in more
// than a 64-bit integer holds, are not numbered.
func (n *numbering) add(id identity, unit string) {
	prefix := strings.TrimRight(id.number, "0123456789")
	tail := id.number[len(prefix):]
	value, err := strconv.ParseInt(tail, 10, 64)
	if err != nil {
		return
	}
	s := series{year: id.year, prefix: strings.Clone(prefix)}
	if tail[0] == '0' {
		s.width = len(tail)
	}
	n.series[s] = append(n.series[s], numbered{value, unit})
}

// ranges returns the ranges. Numbers may run through all business units, or in each
// unit apart. In each year, the reading that leaves fewer numbers missing holds.
func (n *numbering) ranges() []Range {
	n.widen()
	keys := make([]series, 0, len(n.series))
	for s := range n.series {
		keys = append(keys, s)
	}
	slices.SortFunc(keys, func(a, b series) int {
		return cmp.Or(cmp.Compare(a.year, b.year), cmp.Compare(a.prefix, b.prefix), cmp.Compare(a.width, b.width))
	})
	var all []Range
	for _, s := range keys {
		together := rangesOf(s, n.series[s], false)
		apart := rangesOf(s, n.series[s], true)
		if missing(apart) < missing(together) {
			together = apart
		}
		all = append(all, together...)
	}
	return all
}

// widen joins numbers with leading zeros and those that outgrew them: 0999 and
// 1000 are one series.
func (n *numbering) widen() {
	for s, numbers := range n.series {
		if s.width != 0 {
			continue
		}
		for width := 1; width < 19; width++ {
			wide := series{s.year, s.prefix, width}
			if _, ok := n.series[wide]; !ok {
				continue
			}
			rest := numbers[:0:0]
			for _, v := range numbers {
				if len(strconv.FormatInt(v.n, 10)) == width {
					n.series[wide] = append(n.series[wide], v)
				} else {
					rest = append(rest, v)
				}
			}
			numbers = rest
		}
		if n.series[s] = numbers; len(numbers) == 0 {
			delete(n.series, s)
		}
	}
}

func missing(ranges []Range) int64 {
	total := int64(0)
	for _, r := range ranges {
		total += r.Missing
	}
	return total
}

func rangesOf(s series, numbers []numbered, apart bool) []Range {
	slices.SortFunc(numbers, func(a, b numbered) int {
		if apart {
			if c := cmp.Compare(a.unit, b.unit); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.n, b.n)
	})
	var all []Range
	last := numbered{}
	for i, v := range numbers {
		step := v.n - last.n
		if i == 0 || apart && v.unit != last.unit || step > newRange {
			r := Range{FiscalYear: s.year, First: s.text(v.n), Gaps: []Gap{}}
			if apart {
				r.BusinessUnit = v.unit
			}
			all = append(all, r)
			step = 1
		}
		r := &all[len(all)-1]
		r.Journals++
		if step > 1 {
			r.Gaps = append(r.Gaps, Gap{s.text(last.n + 1), s.text(v.n - 1), step - 1})
			r.Missing += step - 1
		}
		r.Last, last = s.text(v.n), v
	}
	return all
}

func (s series) text(n int64) string { return fmt.Sprintf("%s%0*d", s.prefix, s.width, n) }
