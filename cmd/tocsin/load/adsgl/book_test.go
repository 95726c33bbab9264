package adsgl

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// wroteLine is a line as its writer knows it. Amounts are thousandths.
type wroteLine struct {
	number   int
	unit     string
	account  string
	credit   bool
	amount   int64
	currency string
	local    int64 // in the functional currency
	text     string
	negative bool // posted as a negative amount of the other side
}

type wroteJournal struct {
	number                      string
	year                        int
	posted, documented, entered time.Time
	undated                     bool // it has no posting date
	lines                       []wroteLine
}

// book is a ledger as it was drawn, whatever form it is written in.
type book struct {
	rand     *rand.Rand
	source   string
	journals []wroteJournal

	through    bool           // numbers run through all units, and a journal has lines of several
	numbered   bool           // lines have numbers
	years      bool           // the file has a fiscal year
	posted     bool           // the file has posting dates
	functional string         // currency of local amounts, or ""
	single     string         // currency of all lines, where no column has it
	negatives  bool           // some lines are negative postings
	places     int            // of amounts
	wide       bool           // texts have letters that Windows-1252 lacks
	clock      string         // of entry: none, midnight, minute, second
	zone       *time.Location // that each time of entry names; nil: none
	local      *time.Location // of times that name no zone; nil: UTC
}

// oneIn draws one of some values.
func oneIn[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

func newBook(seed uint64) *book {
	r := rand.New(rand.NewPCG(seed, 409))
	b := &book{rand: r, source: oneIn(r, "erp", "erp/us 1", "50%"), numbered: r.IntN(5) > 0, years: r.IntN(5) > 0, posted: r.IntN(8) > 0, places: r.IntN(4), wide: r.IntN(6) == 0,
		negatives: r.IntN(3) == 0, functional: oneIn(r, "", "", "CHF", "USD"), single: oneIn(r, "", "", "", "EUR"),
		clock: oneIn(r, "none", "midnight", "minute", "minute", "second", "second", "second")}
	switch r.IntN(3) {
	case 0:
		b.zone = time.FixedZone("", oneIn(r, 0, 3600, -18000, 19800))
	case 1:
		b.local = oneIn(r, newYork, kolkata)
	}
	units := oneIn(r, []string{"US01"}, []string{"US01", "DE01"}, []string{"01", "02", "03"}, []string{""}, []string{"Büro/1"})
	b.through = len(units) > 1 && r.IntN(3) == 0
	years := oneIn(r, []int{2026}, []int{2026}, []int{2025, 2026})
	form := oneIn(r, "%d", "%d", "JE-%06d", "%012d", "2026/04/%d", "A %d")
	draw := drawing{whole: r.IntN(3) == 0, early: r.IntN(3) == 0, large: r.IntN(8) == 0}
	for n := range 1 + r.IntN(4) {
		number := fmt.Sprintf(form, 4900000001+n)
		for _, year := range years {
			if b.through {
				b.journals = append(b.journals, b.journal(number, units, year, draw))
				continue
			}
			for _, unit := range units {
				b.journals = append(b.journals, b.journal(number, []string{unit}, year, draw))
			}
		}
	}
	return b
}

var (
	newYork = mustZone("America/New_York")
	kolkata = mustZone("Asia/Kolkata")
)

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

// drawing is what all journals of a book have in common.
type drawing struct {
	whole bool // amounts are whole thousands
	early bool // no day above 12
	large bool // amounts of up to 13 digits before the point
}

// journal draws a journal whose lines are of these units in turn. Half of the
// journals balance, in each currency and in the functional one.
func (b *book) journal(number string, units []string, year int, draw drawing) wroteJournal {
	r := b.rand
	days := 28
	if draw.early {
		days = 12
	}
	date := func() time.Time {
		return time.Date(year, time.Month(1+r.IntN(12)), 1+r.IntN(days), 0, 0, 0, 0, time.UTC)
	}
	j := wroteJournal{number: number, year: year, posted: date(), documented: date(), entered: date(), undated: !b.posted || b.years && r.IntN(8) == 0}
	if b.clock == "minute" || b.clock == "second" {
		// Never midnight, in any of the zones.
		j.entered = j.entered.Add(time.Duration(r.IntN(24))*time.Hour + time.Duration(1+r.IntN(29))*time.Minute)
	}
	if b.clock == "second" {
		j.entered = j.entered.Add(time.Duration(1+r.IntN(59)) * time.Second)
	}
	if clocked := b.clock == "minute" || b.clock == "second"; clocked && b.local == newYork && r.IntN(40) == 0 {
		j.entered = time.Date(2026, 11, 1, 5+r.IntN(2), 1+r.IntN(29), j.entered.Second(), 0, time.UTC) // clocks are set back
	}
	balanced := r.IntN(2) == 0
	for n := range max(2+r.IntN(4), 2*len(units)) {
		l := wroteLine{number: n + 1, unit: units[n%len(units)], account: oneIn(r, "%06d", "%d", "%d-10")}
		l.account = fmt.Sprintf(l.account, 1000+r.IntN(900000))
		l.text = oneIn(r, "", "plain", "a \"quoted\" word", "Büro; März, Spesen|x^y", "two words", "-", "5\" pipe", "\"whole\"", "two\nlines", "Total", "1.234,56", "cost – €5 ’til May")
		if b.wide && r.IntN(2) == 0 {
			l.text = "漢字 😀"
		}
		l.amount, l.local = b.amount(draw), b.amount(draw)
		l.credit, l.currency = r.IntN(2) == 0, oneIn(r, "USD", "EUR", "KWD")
		if b.single != "" {
			l.currency = b.single
		}
		if last := n - 1; balanced && n%2 == 1 {
			l.amount, l.local, l.currency, l.credit = j.lines[last].amount, j.lines[last].local, j.lines[last].currency, !j.lines[last].credit
		}
		if b.negatives && r.IntN(3) == 0 {
			l.negative = true
		}
		if l.amount == 0 { // its sign cannot be seen
			l.local, l.credit, l.negative = 0, false, false
		}
		j.lines = append(j.lines, l)
	}
	return j
}

// twice reports whether a wall clock in the zone shows the time a second time.
func twice(at time.Time, zone *time.Location) bool {
	wall := at.In(zone).Format("15:04")
	return at.Add(time.Hour).In(zone).Format("15:04") == wall || at.Add(-time.Hour).In(zone).Format("15:04") == wall
}

func (b *book) amount(draw drawing) int64 {
	r := b.rand
	n := 1 + r.Int64N(oneIn(r, int64(999), 999_999, 999_999_999_999))
	if draw.large {
		n = r.Int64N(9_999_999_999_999_999)
	}
	if draw.whole {
		n = 1000 * (1 + r.Int64N(999_999))
	}
	if r.IntN(30) == 0 {
		n = 0
	}
	n -= n % oneIn(r, int64(1), 10, 100, 1000)
	return n - n%[]int64{1000, 100, 10, 1}[b.places]
}

// exact writes thousandths as the canonical form does.
func exact(thousandths int64) string {
	text := big.NewRat(thousandths, 1000).FloatString(3)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// unit of a journal is that of its first line, or where lines have no numbers the
// first of its units.
func (b *book) unit(j *wroteJournal) string {
	unit := j.lines[0].unit
	for _, l := range j.lines {
		if !b.numbered {
			unit = min(unit, l.unit)
		}
	}
	return unit
}

func (b *book) key(j *wroteJournal) string {
	part := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "%", "%25"), "/", "%2F") }
	return fmt.Sprintf("%s/%s/%d/%s", part(b.source), part(b.unit(j)), j.year, part(j.number))
}

// want is the journal as it has to come back.
func (b *book) want(j *wroteJournal) readJournal {
	r := readJournal{posted: j.posted.Format("2006-01-02"), documented: j.documented.Format("2006-01-02"), entered: j.entered.UTC().Format(time.RFC3339)}
	if j.undated {
		r.posted = ""
	}
	if b.clock == "none" || b.clock == "midnight" {
		r.entered = j.entered.Format("2006-01-02")
	}
	for _, l := range j.lines {
		side, number, local := "D", l.number, ""
		if l.credit {
			side = "C"
		}
		if !b.numbered {
			number = 0
		}
		if b.functional != "" {
			local = exact(l.local) + b.functional
		}
		r.lines = append(r.lines, fmt.Sprint(number, " ", l.unit, " ", l.account, " ", side, exact(l.amount), l.currency, " ", local, " ", l.text))
	}
	if !b.numbered {
		slices.Sort(r.lines)
	}
	return r
}

// balanced reports whether debits are credits, with the side of a line as the
// caller reads it: in each currency, or over all in the functional currency where
// there are several.
func (b *book) balanced(j *wroteJournal, credit func(*wroteLine) bool) bool {
	sums, local := make(map[string]int64), int64(0)
	for i := range j.lines {
		l, sign := &j.lines[i], int64(1)
		if credit(l) {
			sign = -1
		}
		sums[l.currency] += sign * l.amount
		local += sign * l.local
	}
	if b.functional != "" && len(sums) > 1 {
		return local == 0
	}
	for _, sum := range sums {
		if sum != 0 {
			return false
		}
	}
	return true
}

func isCredit(l *wroteLine) bool { return l.credit }
