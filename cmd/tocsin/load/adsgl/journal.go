package adsgl

import (
	"cmp"
	"slices"
	"strconv"

	"tocsin/rules/money"
)

// journal holds the lines of one journal, ordered by compare.
type journal struct {
	id    identity
	unit  string // of its first line that names one
	lines []*line
	lost  int // lines that could not be read
}

// year is the year within which the journal's number counts: its fiscal year,
// or where the file has none the year of its posting date, else of its document
// date.
func (j *journal) year() string {
	year := int(j.id.year)
	for _, get := range []func(*line) day{func(l *line) day { return l.effective }, func(l *line) day { return l.document }} {
		if d := firstDay(j.lines, get); year == 0 && d.known {
			year = d.year()
		}
	}
	if year == 0 {
		return ""
	}
	return strconv.Itoa(year)
}

// first returns the first line of the file that belongs to the journal.
func (j *journal) first() int {
	at := j.lines[0].at
	for _, l := range j.lines {
		at = min(at, l.at)
	}
	return at
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
	return t.eachBalanced()
}

// eachBalanced reports whether debits equal credits in each currency.
func (t *totals) eachBalanced() bool {
	return !slices.ContainsFunc(t.byCurrency, func(s sum) bool { return !s.balanced() })
}

// balancedOtherwise reports whether the journal balances when minus signs are
// read the other way.
func (j *journal) balancedOtherwise() bool {
	var lines []*line
	for _, l := range j.lines {
		other := *l
		other.side = l.otherwise
		lines = append(lines, &other)
	}
	return !unbalanced(journal{lines: lines})
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
