package adsgl

import (
	"regexp"
	"slices"
	"strings"
)

// doubt is a question that the file leaves open, words of the refusal that answers
// it, and the option whose absence leaves it open.
type doubt struct {
	what, remedy string
	without      nameless
}

var (
	pointStyle = regexp.MustCompile(`^([1-9]\d{0,2}(,\d{3})+|\d+)(\.\d+)?$`)
	commaStyle = regexp.MustCompile(`^([1-9]\d{0,2}(\.\d{3})+|\d+)(,\d+)?$`)
)

// doubts judges by itself, from what was written, what the file does not decide
// or what has to be named. Where there is none, the reader must read the file.
func (w *writer) doubts(journals []wroteJournal) []doubt {
	var all []doubt
	add := func(is bool, without nameless, what, remedy string) {
		if is {
			all = append(all, doubt{what, remedy, without})
		}
	}
	no := w.nameless
	declared := w.header == "declared"
	foreign := w.beyond || declared // ownNames have letters outside ASCII
	add(no.encoding && w.encoding == "windows-1252" && foreign, nameless{encoding: true}, "text in Windows-1252", "--encoding windows-1252")
	add(no.encoding && strings.HasPrefix(w.encoding, "utf-16"), nameless{encoding: true}, "UTF-16 without a mark", "--encoding "+w.encoding)
	add(no.separator && !w.sepLine && strings.Contains("^~", w.separator), nameless{separator: true}, "a separator of its own", "--separator")
	add(no.currency && w.single != "", nameless{currency: true}, "no currency", "--currency")
	add(no.skip && len(w.skip) > 0, nameless{skip: true}, "a line of no journal", "--skip-lines")
	if no.decimal {
		all = append(all, w.decimalDoubts()...)
	}
	if no.order {
		all = append(all, w.orderDoubts()...)
	}
	numbers := w.numberDoubt(journals)
	add(numbers != "", nameless{numbers: true}, "a number of several units", numbers)
	add(!w.years && w.severalYears(journals), nameless{}, "a number of several years", "add the column")
	add(w.hourTwice(journals), nameless{}, "an hour that comes twice", "export the time with its zone")
	add(no.credits && w.creditsDoubt(journals), nameless{credits: true}, "minus signs beside the side", "--credits")
	return all
}

func (w *writer) decimalDoubts() (all []doubt) {
	if strings.HasPrefix(w.sides, "columns") && !slices.ContainsFunc(w.amounts, func(a string) bool { return strings.ContainsAny(a, "123456789") }) {
		return nil // zero is zero with any mark
	}
	point, comma, onlyPoint, differ, blanks := true, true, false, false, false
	for _, a := range w.amounts {
		if strings.Contains(a, " ") {
			blanks = true
			continue
		}
		a = strings.NewReplacer("'", "", "’", "", "\u00a0", "", "\u202f", "").Replace(a)
		asPoint, asComma := pointStyle.MatchString(a), commaStyle.MatchString(a)
		point, comma, onlyPoint = point && asPoint, comma && asComma, onlyPoint || !asComma
		differ = differ || strings.ContainsAny(a, ".,")
	}
	switch {
	case differ && !point:
		all = append(all, doubt{"a decimal comma", "--decimal ,", nameless{decimal: true}})
	case differ && comma:
		all = append(all, doubt{"two decimal marks", "--decimal . or --decimal ,", nameless{decimal: true}})
	}
	if blanks && !onlyPoint {
		all = append(all, doubt{"blanks between digits", "--decimal", nameless{decimal: true}})
	}
	return all
}

func (w *writer) orderDoubts() []doubt {
	month, day, differ := true, true, false
	for _, d := range w.slashed {
		p := strings.FieldsFunc(d, func(r rune) bool { return r == '/' || r == '-' || r == '.' })
		if len(p[2]) == 2 {
			return []doubt{{"a year of two digits", "the order with --date-order", nameless{order: true}}}
		}
		if strings.Contains(d, ".") {
			continue // with points the day stands first
		}
		first, second := len(p[0]) == 1 || p[0] <= "12", len(p[1]) == 1 || p[1] <= "12"
		month, day = month && first, day && second
		differ = differ || strings.TrimLeft(p[0], "0") != strings.TrimLeft(p[1], "0")
	}
	if differ && month && day {
		return []doubt{{"two orders of dates", "--date-order mdy or --date-order dmy", nameless{order: true}}}
	}
	return nil
}

// numberDoubt returns the remedy where a number's lines under several units may
// be one journal or one of each.
func (w *writer) numberDoubt(journals []wroteJournal) string {
	credit := isCredit
	if w.nameless.credits && w.sides != "signed" { // sides are those of the reading that is guessed
		bySign, byColumn := w.readings()
		if credit = byColumn; w.guess(journals).signed {
			credit = bySign
		}
	}
	for i := range journals {
		j := &journals[i]
		units := map[string]bool{} // of all lines with the number
		for _, o := range journals {
			if o.number == j.number && (o.year == j.year || !w.years) {
				for _, l := range o.lines {
					units[l.unit] = true
				}
			}
		}
		switch {
		case len(units) < 2 || !w.nameless.numbers:
		case w.numbered: // lines are numbered through a journal: they show which it is
		case w.through && w.balanced(j, credit) && !w.balancedByUnit(j, credit):
		default:
			return "--numbers"
		}
	}
	return ""
}

// balancedByUnit reports whether the lines of each unit balance.
func (w *writer) balancedByUnit(j *wroteJournal, credit func(*wroteLine) bool) bool {
	for _, l := range j.lines {
		part := wroteJournal{lines: slices.DeleteFunc(slices.Clone(j.lines), func(o wroteLine) bool { return o.unit != l.unit })}
		if !w.balanced(&part, credit) {
			return false
		}
	}
	return true
}

// severalYears reports whether a number stands in several years.
func (w *writer) severalYears(journals []wroteJournal) bool {
	years := make(map[string]int)
	for _, j := range journals {
		if year, known := years[j.number]; known && year != j.year {
			return true
		}
		years[j.number] = j.year
	}
	return false
}

// hourTwice reports whether a time of entry names no zone, and stands in an hour
// that clocks of the ledger's zone show twice.
func (w *writer) hourTwice(journals []wroteJournal) bool {
	clocked := w.clock == "minute" || w.clock == "second"
	return clocked && w.zone == nil && w.local != nil && slices.ContainsFunc(journals, func(j wroteJournal) bool { return twice(j.entered, w.local) })
}

// bySign and byColumn are the two readings of an amount with a minus sign that
// stands in a column of its side, or beside an indicator.
func (w *writer) readings() (bySign, byColumn func(*wroteLine) bool) {
	minus := func(l *wroteLine) bool {
		if strings.HasSuffix(w.sides, "by sign") {
			return l.credit && l.amount != 0
		}
		return l.negative
	}
	return minus, func(l *wroteLine) bool { return (l.credit != l.negative) != minus(l) }
}

// guessed is the reading that the page promises without --credits.
type guessed struct {
	minus       bool // the file has a minus sign
	signed      bool // the reading: the sign is the side
	differ      bool // the readings give different sides
	here, there int  // journals that do not balance under it, and under the other one
}

func (w *writer) guess(journals []wroteJournal) (g guessed) {
	bySign, byColumn := w.readings()
	negativeCredit, positiveCredit, negativeDebit := false, false, false
	for i := range journals {
		j := &journals[i]
		for n := range j.lines {
			l := &j.lines[n]
			credit, minus := l.credit != l.negative, bySign(l)
			negativeCredit = negativeCredit || credit && minus
			positiveCredit = positiveCredit || credit && !minus && l.amount != 0
			negativeDebit = negativeDebit || !credit && minus
			g.differ = g.differ || l.amount != 0 && bySign(l) != byColumn(l)
		}
	}
	g.minus = negativeCredit || negativeDebit
	g.signed = negativeCredit && !positiveCredit && !negativeDebit
	for i := range journals {
		one, other := w.balanced(&journals[i], bySign), w.balanced(&journals[i], byColumn)
		if !g.signed {
			one, other = other, one
		}
		if !one {
			g.here++
		}
		if !other {
			g.there++
		}
	}
	return g
}

// creditsDoubt reports whether the journals do not show what a minus sign means.
func (w *writer) creditsDoubt(journals []wroteJournal) bool {
	if w.sides == "signed" {
		return false
	}
	g := w.guess(journals)
	return g.minus && g.differ && g.there <= g.here
}

// misleads reports whether all that the file shows speaks for the reading that was
// not meant. The user has to name it.
func (w *writer) misleads() bool {
	if w.sides == "signed" {
		return false
	}
	g := w.guess(w.journals)
	return g.differ && g.signed != strings.HasSuffix(w.sides, "by sign") && !w.creditsDoubt(w.journals)
}
