package clickhouse

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/rules/event"
)

// rest is the column that holds the rare fields of an event. Each of them has a
// column of its own to read, which the server computes from rest when somebody asks.
// So the table is as wide as its columns with values, and nobody sees the
// difference: ClickHouse's work for an insert and for a merge rises with the number
// of columns, filled or not.
const rest = "rest"

var restColumn = col{name: rest, typ: "Map(" + wordType + ", String)", group: rare, layout: layoutOf("Map(" + wordType + ", String)"),
	doc: "Fields that few events have: the name of the field's column, and the value as text. The column of that name shows the value with its type.",
	row: func(to *buffer, _ *batch, r *row) {
		if r.Event != nil {
			for _, f := range rareFields[which(r.Event.Schema())] {
				if r.Event.Has(f.Field) && holds(&r.Event.Record, f.Field) {
					to.key(f.column)
					putText(to, &r.Event.Record, f.Field)
				}
			}
		}
		to.end()
	}}

// restAt is the index of rest in columns.
var restAt = slices.IndexFunc(columns, func(c col) bool { return c.name == rest })

// rareField is a rare field of an event and the column that shows it.
type rareField struct {
	*event.Field
	column string
}

// rareFields are the rare fields of each schema.
var rareFields = func() (all [len(schemas)][]rareField) {
	for w, s := range schemas {
		for i := range s.Fields {
			if f := &s.Fields[i]; f.Rare {
				all[w] = append(all[w], rareField{f, f.Column()})
			}
		}
	}
	return all
}()

// rare returns the rare field that the column shows, or nil.
func (c *col) rare() *event.Field {
	for _, ref := range c.from {
		if ref.field != nil && ref.field.Rare {
			return ref.field
		}
	}
	return nil
}

// putText appends the value of a rare field as text: a list as JSON, any other
// value as the server prints the column.
func putText(to *buffer, r *event.Record, f *event.Field) {
	var room [64]byte
	b := room[:0]
	switch f.Kind {
	case event.Text:
		to.text(r.Text(f))
		return
	case event.Texts:
		b, _ = json.Marshal(append([]string{}, r.Texts(f)...)) // texts always marshal
	case event.Bool:
		b = strconv.AppendBool(b, r.Bool(f))
	case event.Int:
		b = strconv.AppendInt(b, r.Int(f), 10)
	case event.Amount:
		b = r.Amount(f).Append(b)
	case event.Rate:
		b = r.Rate(f).Append(b)
	case event.Date:
		b = append(b, r.Date(f).String()...)
	case event.Instant:
		b = time.UnixMicro(r.Micros(f)).UTC().AppendFormat(b, "2006-01-02 15:04:05.000000")
	}
	to.bytes(b)
}

// inRest is the expression for the text of a rare field, empty where the event has
// none, in a table where rest has the name given.
func inRest(name, column string) string { return "`" + name + "`['" + column + "']" }

// shown is the expression that makes the value of a rare field's column, of type
// typ, from the expression for its text. It undoes putText exactly. A text that
// putText cannot have written is no error, which would keep people, and an audit,
// from reading the other rows: it gives NULL, or what the server takes it for.
func shown(f *event.Field, typ, text string) string {
	switch {
	case f.Kind == event.Text && typ == wordType:
		return "toLowCardinality(" + text + ")"
	case f.Kind == event.Text:
		return text
	case f.Kind == event.Texts:
		return "JSONExtract(" + text + ", " + literal(typ) + ")"
	}
	// nullIf: some functions read an empty text as a value.
	value := strings.TrimSuffix(strings.TrimPrefix(typ, "Nullable("), ")")
	return "accurateCastOrNull(nullIf(" + text + ", ''), " + literal(value) + ")"
}

// literal is a text as SQL writes it.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
