package adsgl

import (
	"cmp"
	"time"
)

// Options decide what the file leaves open.
type Options struct {
	Encoding      Encoding       // "": UTF-8, or what a byte order mark states
	Separator     byte           // 0: the one under which the header has most known names
	SkipLines     Lines          // lines of the file that are not read
	Columns       *Columns       // names of columns other than the standard's
	Decimal       byte           // decimal mark, '.' or ','; 0: what the file's amounts decide
	DateOrder     DateOrder      // "": what the file's dates decide
	Credits       Credits        // what a minus sign means
	Numbers       Numbers        // within what journal numbers are unique
	Currency      string         // currency of lines that name none
	GroupCurrency string         // currency of group amounts
	Zone          *time.Location // zone of entry times that name none; nil: UTC
	Registrant    string         // SEC Central Index Key, or ""
	Source        string         // CloudEvents source; "": ads-gl
	ManualSources []string       // journal sources that people key; nil: not known, and is_manual stays absent
}

// complete fills in what is not given: from the file of columns, then defaults.
func (o Options) complete() Options {
	if c := o.Columns; c != nil {
		o.Encoding = cmp.Or(o.Encoding, c.Encoding)
		o.Separator = cmp.Or(o.Separator, c.Separator)
		o.Decimal = cmp.Or(o.Decimal, c.Decimal)
		o.DateOrder = cmp.Or(o.DateOrder, c.DateOrder)
		if o.Credits == "" || o.Credits == Guess {
			o.Credits = c.Credits
		}
		if o.Numbers == "" || o.Numbers == GuessNumbers {
			o.Numbers = c.Numbers
		}
		o.Currency = cmp.Or(o.Currency, c.Currency)
		o.SkipLines = append(First(c.SkipRows), o.SkipLines...)
	}
	o.Credits, o.Numbers = cmp.Or(o.Credits, Guess), cmp.Or(o.Numbers, GuessNumbers)
	o.Source = cmp.Or(o.Source, "ads-gl")
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return o
}

// Credits is the meaning of a minus sign on an amount when the file also has an
// indicator.
type Credits string

const (
	// Guess reads the whole file first: when no credit is positive and no debit
	// negative, it is Signed, else Unsigned. A file whose journals balance better
	// under the other reading is refused.
	Guess Credits = "auto"
	// Signed: the sign is the side, and the indicator repeats it: debits are
	// positive and credits negative. A line on which they differ is a negative
	// posting, and stands in the event on the side of its sign.
	Signed Credits = "signed"
	// Unsigned: the sign is not the indicator's. A negative debit is a negative
	// posting (SAP) and stands in the event as a credit of that size.
	Unsigned Credits = "unsigned"
)

// Numbers is the scope within which a journal's number is unique, next to its year.
type Numbers string

const (
	// GuessNumbers lets each number's lines decide: where the lines of each
	// business unit are a journal of their own, units number apart.
	GuessNumbers Numbers = "auto"
	// ByCompany: each business unit numbers its journals apart.
	ByCompany Numbers = "company"
	// ByLedger: numbers run through all business units, and a journal may have
	// lines of several.
	ByLedger Numbers = "ledger"
)

// NumberScopes are the scopes that can be named.
var NumberScopes = []Numbers{GuessNumbers, ByCompany, ByLedger}
