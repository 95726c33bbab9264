package adsgl

import (
	"cmp"
	"math"
	"strconv"

	"tocsin/rules/money"
)

// line is a journal line, as the file has it.
type line struct {
	at        int // line of the file
	id        identity
	number    int64 // -1: not numbered
	unit      string
	account   string
	name      string
	text      string
	header    string
	source    string
	kind      string
	currency  string
	side      side // 0: the file has no indicator, and the sign is the side
	otherwise side // the side under the other reading of minus signs
	amount    money.Amount
	local     optional
	group     optional
	effective day
	document  day
	entered   day
	time      clock
	rawTime   string
	period    int64 // 0: unknown
	people    people
	reversal  tristate
	reverses  string
	cost      string
	profit    string
}

// people are the persons that a line names.
type people struct{ entered, approved, modified, posted string }

// optional is an amount in another currency, or nothing.
type optional struct {
	amount   money.Amount
	currency string
	known    bool
}

type tristate int8

const (
	unsaid tristate = iota
	no
	yes
)

// identity is the file's name of a journal: its number is unique within a fiscal
// year.
type identity struct {
	year   int64 // 0: the file has no fiscal year
	number string
}

// compare orders lines by their content and never by their place in the file.
func compare(a, b *line) int {
	c := cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.unit, b.unit), cmp.Compare(a.account, b.account), cmp.Compare(a.side, b.side), a.amount.Cmp(b.amount))
	if c != 0 {
		return c
	}
	return cmp.Compare(a.content(), b.content())
}

// content is the line in one canonical text: equal lines have equal contents
// however the file spells, orders or separates them.
func (l *line) content() string {
	b := make([]byte, 0, 256)
	add := func(s string) {
		b = append(strconv.AppendInt(b, int64(len(s)), 10), ':')
		b = append(append(b, s...), ',')
	}
	for _, s := range [...]string{l.unit, l.account, l.name, l.text, l.header, l.source, l.kind, l.currency, l.side.String(), l.amount.String(), l.local.String(), l.group.String(),
		l.people.entered, l.people.approved, l.people.modified, l.people.posted, l.reverses, l.cost, l.profit} {
		add(s)
	}
	for _, n := range [...]int64{l.number, l.effective.number(), l.document.number(), l.entered.number(), l.time.micros, l.period, int64(l.reversal)} {
		b = append(strconv.AppendInt(b, n, 10), ',')
	}
	if l.time.zoned {
		b = append(strconv.AppendInt(b, int64(l.time.offset), 10), ',')
	}
	return string(b)
}

func (o optional) String() string {
	if !o.known {
		return ""
	}
	return o.amount.String() + o.currency
}

func (d day) year() int {
	year, _, _ := d.date.Civil()
	return year
}

// number is the date as a number that no other date, and no absence, has.
func (d day) number() int64 {
	if !d.known {
		return math.MinInt64
	}
	return int64(d.date)
}
