package adsgl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tocsin/rules/diag"
	"tocsin/rules/strictyaml"
)

// columnsSchema is the form of a file of columns.
const columnsSchema = "tocsin.columns/v1"

// codeColumn is the code of mistakes about columns: a name that is not known.
const codeColumn = strictyaml.CodeUnknownKey

// Columns maps the header of another layout to the columns of the standard, and
// declares what else is known of such files.
type Columns struct {
	src     *strictyaml.Source
	columns []declared
	carried []column // blank cells of these take the value of the row above

	Encoding  Encoding
	Separator byte
	Decimal   byte
	DateOrder DateOrder
	Credits   Credits
	Numbers   Numbers
	Currency  string
	SkipRows  int
}

// declared is a column of the standard and its name in the header.
type declared struct {
	column column
	name   strictyaml.Text
	nth    int // of the columns with this name, from 1; 0: it is the only one
}

type columnsFile struct {
	Schema    strictyaml.Text                 `yaml:"schema,required"`
	Title     strictyaml.Text                 `yaml:"title"`
	Encoding  strictyaml.Text                 `yaml:"encoding"`
	Separator strictyaml.Text                 `yaml:"separator"`
	Decimal   strictyaml.Text                 `yaml:"decimal"`
	DateOrder strictyaml.Text                 `yaml:"date_order"`
	Credits   strictyaml.Text                 `yaml:"credits"`
	Numbers   strictyaml.Text                 `yaml:"numbers"`
	Currency  strictyaml.Text                 `yaml:"currency"`
	SkipRows  int                             `yaml:"skip_rows"`
	Columns   strictyaml.Map[strictyaml.Text] `yaml:"columns,required"`
	Carry     []strictyaml.Text               `yaml:"carry"`
}

// ParseColumns reads a file of columns. The error is a diag.List, each mistake
// with its place.
func ParseColumns(name, text string) (*Columns, error) {
	c := &Columns{src: &strictyaml.Source{Name: name, Text: text}}
	var file columnsFile
	if mistakes := strictyaml.Decode(c.src, &file, strictyaml.Options{}); len(mistakes) > 0 {
		return nil, mistakes
	}
	var mistakes diag.List
	wrong := func(at strictyaml.Text, hint, format string, args ...any) {
		mistakes = append(mistakes, c.src.Mistake(strictyaml.CodeScalar, at, hint, format, args...))
	}
	if file.Schema.Value != columnsSchema {
		wrong(file.Schema, "write "+columnsSchema, "unknown schema %q", file.Schema.Value)
	}
	c.Encoding = oneOf(file.Encoding, Encodings, "encoding", wrong)
	c.DateOrder = oneOf(file.DateOrder, DateOrders, "date_order", wrong)
	c.Credits = oneOf(file.Credits, []Credits{Guess, Signed, Unsigned}, "credits", wrong)
	c.Numbers = oneOf(file.Numbers, NumberScopes, "numbers", wrong)
	c.Decimal = oneByte(oneOf(file.Decimal, []string{".", ","}, "decimal", wrong))
	if file.Separator.Given() {
		var err error
		if c.Separator, err = ParseSeparator(file.Separator.Value); err != nil {
			wrong(file.Separator, "", "separator %v", err)
		}
	}
	if c.Currency = file.Currency.Value; file.Currency.Given() && !isCode(c.Currency) {
		wrong(file.Currency, "write a code such as USD", "currency is not an ISO 4217 code")
	}
	if c.SkipRows = file.SkipRows; c.SkipRows < 0 {
		mistakes = append(mistakes, c.src.FileMistake(strictyaml.CodeScalar, "", "skip_rows is negative"))
	}
	for _, pair := range file.Columns {
		if d, ok := c.declare(pair, &mistakes); ok {
			c.columns = append(c.columns, d)
		}
	}
	c.complete(file.Columns, &mistakes)
	for _, at := range file.Carry {
		col, ok := c.standardColumn(at, &mistakes)
		if ok && !slices.ContainsFunc(c.columns, func(d declared) bool { return d.column == col }) {
			wrong(at, "map it under columns first", "%s is carried and not mapped", at.Value)
		}
		c.carried = append(c.carried, col)
	}
	if len(mistakes) > 0 {
		mistakes.Sort()
		return nil, mistakes
	}
	return c, nil
}

func (c *Columns) declare(pair strictyaml.Pair[strictyaml.Text], mistakes *diag.List) (declared, bool) {
	col, ok := c.standardColumn(pair.Key, mistakes)
	if !ok {
		return declared{}, false
	}
	if i := slices.IndexFunc(c.columns, func(d declared) bool { return d.column == col }); i >= 0 {
		*mistakes = append(*mistakes, c.src.Mistake(strictyaml.CodeDuplicate, pair.Key, "keep one", "%s is mapped twice", col))
		return declared{}, false
	}
	d := declared{column: col, name: pair.Value}
	if name, nth, found := strings.Cut(pair.Value.Value, " #"); found {
		if n, err := strconv.Atoi(nth); err == nil && n > 0 {
			d.name.Value, d.nth = name, n
		}
	}
	if plain(d.name.Value) == "" {
		*mistakes = append(*mistakes, c.src.Mistake(strictyaml.CodeNoValue, pair.Key, "name the column of the header", "%s has no name", col))
		return declared{}, false
	}
	return d, true
}

// complete reports columns without which there is no journal.
func (c *Columns) complete(mapped strictyaml.Map[strictyaml.Text], mistakes *diag.List) {
	has := func(want column) bool {
		return slices.ContainsFunc(mapped, func(p strictyaml.Pair[strictyaml.Text]) bool { return fold(p.Key.Value) == fold(want.String()) })
	}
	for _, col := range required {
		if !has(col) {
			*mistakes = append(*mistakes, c.src.FileMistake(strictyaml.CodeMissingKey, "map it under columns", "the column %s is not mapped", col))
		}
	}
	if one, two := has(amount), has(debitAmount) && has(creditAmount); one == two || has(debitAmount) != has(creditAmount) {
		*mistakes = append(*mistakes, c.src.FileMistake(strictyaml.CodeMissingKey, "map Amount, or both Debit and Credit", "it is not clear which columns hold the amounts"))
	}
}

// standardColumn finds a column by its name in the standard.
func (c *Columns) standardColumn(at strictyaml.Text, mistakes *diag.List) (column, bool) {
	all := make([]string, columns)
	for col := range columns {
		if all[col] = col.String(); fold(at.Value) == fold(col.String()) {
			return col, true
		}
	}
	hint := "rules/ledger-columns.md lists the columns"
	if near := diag.Nearest(at.Value, all); near != "" {
		hint = "did you mean " + near + "?"
	}
	*mistakes = append(*mistakes, c.src.Mistake(codeColumn, at, hint, "the standard has no column %q", at.Value))
	return 0, false
}

// declared finds the columns by the names that were declared.
func (a *attempt) declared(cols *Columns) {
	l := a.layout
	read := make([]bool, len(l.header))
	for _, d := range cols.columns {
		nth := 0
		for at, name := range l.header {
			if !strings.EqualFold(plain(name), plain(d.name.Value)) {
				continue
			}
			if nth++; nth == max(d.nth, 1) {
				l.at[d.column], read[at] = at, true
				a.found++
			}
		}
		switch {
		case nth < max(d.nth, 1):
			a.missing = append(a.missing, d.column.String())
		case nth > 1 && d.nth == 0:
			a.twice = append(a.twice, fmt.Sprintf("%s (as %s #1, or #2)", d.name.Value, d.name.Value))
		}
	}
	for at, name := range l.header {
		if !read[at] && plain(name) != "" {
			l.unknown = append(l.unknown, plain(name))
		}
	}
}

func oneOf[T ~string](at strictyaml.Text, allowed []T, name string, wrong func(strictyaml.Text, string, string, ...any)) T {
	if !at.Given() || slices.Contains(allowed, T(at.Value)) {
		return T(at.Value)
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	wrong(at, "write "+strings.Join(words, ", "), "unknown %s %q", name, at.Value)
	return ""
}

func oneByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}

// ParseSeparator reads a separator: one character that no name, number or quote
// has, or the word tab.
func ParseSeparator(text string) (byte, error) {
	if text == "tab" || text == `\t` {
		text = "\t"
	}
	if len(text) != 1 || text[0] >= 0x7f || strings.ContainsAny(text, "\"\r\n.-'0123456789") || fold(text) != "" {
		return 0, fmt.Errorf("is one character such as , ; | or the word tab")
	}
	return text[0], nil
}

func isCode(s string) bool {
	return len(s) == 3 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
