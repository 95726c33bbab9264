package adsgl

import (
	"cmp"
	"slices"
	"strconv"

	"tocsin/rules/money"
)

// journal is the lines that belong together, ordered by compare.
type journal struct {
	id    identity
	unit  string // of its first line that names one
	split bool   // the number stands for several journals, told apart by unit
	lines []*line
	lost  int // lines that could not be read
}

func (j *journal) year() string {
	if j.id.year == 0 {
		return ""
	}
	return strconv.FormatInt(j.id.year, 10)
}

// first returns the first line of the file that belongs to the journal.
func (j *journal) first() int {
	at := j.lines[0].at
	for _, l := range j.lines {
		at = min(at, l.at)
	}
	return at
}

// refusedLine is a line that cannot be given to a journal.
type refusedLine struct {
	at int
	fault
}

// divide makes journals out of the lines that have one number in one year.
//
// They are one journal, whatever business units they name: postings between
// units are one journal in the ledger, and extracts leave the unit blank on
// later lines. Only when a line number stands under two units are there several
// journals, one a unit, because units number their journals apart. A line
// without a unit then belongs to the one in which its number is free; when
// several have it free, the order of the file decides if it is unbroken (each
// journal's lines in ascending order, one unit each), and else the line is
// refused. That is the only place where the order of lines matters.
func divide(lines []*line) ([]journal, []refusedLine) {
	whole := journal{id: lines[0].id, lines: lines}
	units := unitsOf(lines)
	var refused []refusedLine
	if !overlap(lines) {
		whole.dedupe(&refused)
		if len(units) > 0 {
			whole.unit = firstText(whole.lines, func(l *line) string { return l.unit })
		}
		return []journal{whole}, refused
	}
	taken := make(map[string]map[int64]bool, len(units))
	journals := make([]journal, len(units))
	for i, unit := range units {
		taken[unit] = make(map[int64]bool)
		journals[i] = journal{id: whole.id, unit: unit, split: true}
	}
	var blank []*line
	for _, l := range lines {
		if l.unit == "" {
			blank = append(blank, l)
			continue
		}
		taken[l.unit][l.number] = true
		at, _ := slices.BinarySearch(units, l.unit)
		journals[at].lines = append(journals[at].lines, l)
	}
	order := unbroken(lines)
	for _, l := range blank {
		home, free := 0, 0
		for i, unit := range units {
			if l.number >= 0 && !taken[unit][l.number] {
				home, free = i, free+1
			}
		}
		if unit, known := order[l]; known && free != 1 {
			home, _ = slices.BinarySearch(units, unit)
			free = 1
		}
		if free != 1 {
			refused = append(refused, refusedLine{l.at, fault{businessUnit.String(), "is empty, and several journals of this number lack such a line"}})
			continue
		}
		journals[home].lines = append(journals[home].lines, l)
	}
	for i := range journals {
		slices.SortFunc(journals[i].lines, compare)
		journals[i].dedupe(&refused)
	}
	return journals, refused
}

// overlap reports whether a line number stands under two units.
func overlap(lines []*line) bool {
	last := ""
	for i, l := range lines {
		if i == 0 || l.number != lines[i-1].number {
			last = ""
		}
		if l.number < 0 || l.unit == "" {
			continue
		}
		if last != "" && last != l.unit {
			return true
		}
		last = l.unit
	}
	return false
}

func unitsOf(lines []*line) []string {
	var units []string
	for _, l := range lines {
		if l.unit != "" {
			units = append(units, l.unit)
		}
	}
	slices.Sort(units)
	return slices.Compact(units)
}

// unbroken returns the unit of each line when the lines, in the order of the
// file, are runs of ascending numbers of one unit each; else nothing.
func unbroken(lines []*line) map[*line]string {
	inFile := slices.SortedFunc(slices.Values(lines), func(a, b *line) int { return cmp.Compare(a.at, b.at) })
	unit := make(map[*line]string)
	seen := make(map[string]bool)
	for start := 0; start < len(inFile); {
		end := start + 1
		for end < len(inFile) && inFile[end].number > inFile[end-1].number {
			end++
		}
		run := unitsOf(inFile[start:end])
		if len(run) != 1 || seen[run[0]] {
			return nil
		}
		seen[run[0]] = true
		for _, l := range inFile[start:end] {
			unit[l] = run[0]
		}
		start = end
	}
	return unit
}

// dedupe refuses lines whose number the journal already has. Which one stays is
// decided by what they say, not by where they stand.
func (j *journal) dedupe(refused *[]refusedLine) {
	kept := j.lines[:0:0]
	for _, l := range j.lines {
		if n := len(kept); n > 0 && l.number >= 0 && kept[n-1].number == l.number {
			*refused = append(*refused, refusedLine{l.at, fault{lineNumber.String(), "stands twice in its journal; the other is line " + strconv.Itoa(kept[n-1].at)}})
			continue
		}
		kept = append(kept, l)
	}
	j.lines = kept
}

// sum is the total of a journal in one currency.
type sum struct {
	currency      string
	debit, credit money.Amount
}

func (s sum) balanced() bool { return s.debit.Cmp(s.credit) == 0 }

// totals are the sums of a journal: by currency of the lines, and in the
// functional and group currency where every line has an amount in it.
type totals struct {
	byCurrency      []sum // by currency, ascending
	local, group    sum
	allLocal, allGr bool
}

// single reports whether all lines are in one currency.
func (t *totals) single() bool { return len(t.byCurrency) == 1 }

// balanced reports whether debits equal credits in each currency. A journal
// across currencies also balances when it does so in the functional currency.
func (t *totals) balanced() bool {
	if t.allLocal && !t.single() {
		return t.local.balanced()
	}
	return !slices.ContainsFunc(t.byCurrency, func(s sum) bool { return !s.balanced() })
}

func (j *journal) sums() (*totals, error) {
	t := &totals{allLocal: true, allGr: true}
	for _, l := range j.lines {
		at, found := slices.BinarySearchFunc(t.byCurrency, l.currency, func(s sum, c string) int { return cmp.Compare(s.currency, c) })
		if !found {
			t.byCurrency = slices.Insert(t.byCurrency, at, sum{currency: l.currency})
		}
		if err := t.byCurrency[at].add(l.side, l.amount); err != nil {
			return nil, err
		}
		for _, o := range []struct {
			value optional
			sum   *sum
			all   *bool
		}{{l.local, &t.local, &t.allLocal}, {l.group, &t.group, &t.allGr}} {
			if o.sum.currency == "" {
				o.sum.currency = o.value.currency
			}
			if !o.value.known || o.value.currency != o.sum.currency {
				*o.all = false
				continue
			}
			if err := o.sum.add(l.side, o.value.amount); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

func (s *sum) add(side side, a money.Amount) (err error) {
	if side == credit {
		s.credit, err = s.credit.Add(a)
	} else {
		s.debit, err = s.debit.Add(a)
	}
	return err
}
