// Package event defines the two canonical events, the ledger event and the
// system event, once: the field tables in ledger.go and system.go are the only
// place where a field is declared. JSON names, the names rules use, ClickHouse
// columns, JSON Schema and the field reference are all read from them.
//
// # Why tables and slots, and not Go structs
//
// The rule language is three-valued: "this field was not sent" differs from
// "false", "0" and "". A struct would need a pointer for each field, which costs an
// allocation for each value, or a second set of flags, kept equal by hand. A Record
// keeps each kind of value in its own array and
// one bit for each field, so a field access is an index, decoding and storing
// are loops over a table, and presence is always recorded.
package event

import "strings"

// Kind is the type of a field.
type Kind uint8

const (
	Text    Kind = iota + 1 // UTF-8 text
	Texts                   // a list of texts
	Bool                    // true, false, or not sent
	Int                     // a 64-bit signed integer, in the field's Unit
	Amount                  // money.Amount, in the currency the field's Unit names
	Rate                    // money.Rate: a fraction (5 % is 0.05) or a plain ratio
	Date                    // a civil date without a zone
	Instant                 // an instant with its original offset
	Records                 // a list of records of the field's own Fields
)

var kindNames = [...]string{Text: "text", Texts: "list of texts", Bool: "boolean", Int: "integer", Amount: "amount",
	Rate: "rate", Date: "date", Instant: "instant", Records: "list of records"}

// String names the kind as diagnostics and the field reference do.
func (k Kind) String() string { return kindNames[k] }

// Unit is what a number counts, or in which of an event's currencies an
// amount is.
type Unit string

const (
	None        Unit = ""
	Group       Unit = "group"       // amount in the event's group_currency
	Functional  Unit = "functional"  // amount in the event's functional_currency
	Transaction Unit = "transaction" // amount in the event's transaction_currency
	Seconds     Unit = "seconds"
	Count       Unit = "count"
	Shares      Unit = "shares"
	Fraction    Unit = "fraction" // 5 % is 0.05
	Ratio       Unit = "ratio"    // a plain quotient, 3.5 is 3.5
	Person      Unit = "person"   // a text that names a person or account, compared with such alone
)

// Field declares one field of an event.
type Field struct {
	// Name is the name in JSON and in rules. A dot descends into an object:
	// "contract.executed_at" is the member executed_at of the object contract.
	Name string
	Kind Kind
	Unit Unit
	// Values, when set, is the vocabulary of a text. An event may carry another
	// word (sources invent them); a rule that compares with one is refused.
	Values []string
	// Fields declares the members of a Records field.
	Fields []Field
	// Rare marks a field that less than half a percent of events have. The store
	// keeps the rare fields of an event together, because each column of a table
	// costs it the same, whether filled or empty. Nobody sees a difference: the field
	// has a column of its own to read. TestRareFields of cmd/devstack/company counts
	// the events of the demo's company, and prints each field's share.
	Rare bool
	// Doc is one sentence for the field reference and the column comment.
	Doc string

	slot   int // index into the arrays of a Record, by Kind
	bit    int // index into the presence bits
	schema *Schema
}

// Column is the name of the ClickHouse column: the name with dots made
// underscores, because a dot in a column name means a Nested member there.
func (f *Field) Column() string { return strings.ReplaceAll(f.Name, ".", "_") }

// Schema returns the schema of the members of a Records field, else nil.
func (f *Field) Schema() *Schema { return f.schema }

// Schema is a table of fields, indexed.
type Schema struct {
	// Name is "ledger_event" or "system_event", or the field's name for the
	// members of a list.
	Name   string
	Fields []Field

	byName                     map[string]*Field
	texts, lists, cells, lines int
}

// NewSchema indexes a table of fields. It panics when a name stands twice or there
// are more fields than presence bits: both are mistakes of the table, found by
// any test that loads the package.
func NewSchema(name string, fields []Field) *Schema {
	s := &Schema{Name: name, Fields: fields, byName: make(map[string]*Field, len(fields))}
	for i := range fields {
		f := &fields[i]
		f.bit = i
		counter := &s.cells
		switch f.Kind {
		case Text:
			counter = &s.texts
		case Texts:
			counter = &s.lists
		case Records:
			counter = &s.lines
			f.schema = NewSchema(f.Name, f.Fields)
		}
		f.slot, *counter = *counter, *counter+1
		if s.byName[f.Name] != nil {
			panic("event: field declared twice: " + name + "." + f.Name)
		}
		s.byName[f.Name] = f
	}
	if len(fields) > 64*len(Bits{}) {
		panic("event: too many fields in " + name)
	}
	return s
}

// Lookup returns the field with that name, or nil.
func (s *Schema) Lookup(name string) *Field { return s.byName[name] }

// must returns a field that the code itself refers to.
func (s *Schema) must(name string) *Field {
	f := s.byName[name]
	if f == nil {
		panic("event: no field " + s.Name + "." + name)
	}
	return f
}
