package clickhouse

import (
	"slices"
	"strings"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/event"
)

// col is one column of the table events: its name, its type in the server's
// form, its comment, and how a batch fills it. The table below is the only
// declaration of a column; migrations, views, the check at the start and inserts
// are made from it.
type col struct {
	name  string
	typ   string
	codec string // of storage; empty is the server's default
	alias string // the expression that the server computes it by; empty for a stored column
	doc   string
	group group
	layout

	// One of these fills the column.
	row     func(*buffer, *pipeline.Batch, *pipeline.Row) // one value a row
	verdict func(*buffer, *rules.Verdict)                 // one value a verdict, or a finding
	from    [2]fieldRef                                   // an event's field
}

// fieldRef is the field of one of the two schemas that a column holds. list is set
// for a member of a list of records.
type fieldRef struct{ list, field *event.Field }

// group is the condition under which an insert sends a column. A column without a
// value in any row of the batch is left out: the server fills its default. A column
// that the server computes is never sent.
type group uint8

const (
	always     group = iota
	tombstones       // some record has no value
	repairs          // tocsin repair stores the batch
	headers          // some record has headers
	replays          // some record is a replay of a dead letter
	verdicts         // some row was judged
	findings         // some verdict is not no_match
	failures         // some row is a dead letter
	unheld           // some row has a value that no column holds
	rare             // some event has a rare field
	fields           // some event has the column's field
)

// ledger and system number the two schemas in a col's from.
const (
	ledger = iota
	system
)

var schemas = [...]*event.Schema{ledger: event.Ledger, system: event.System}

// columns are the columns of events, except stored_at, which the server fills.
var columns = slices.Concat(envelopeColumns, judgementColumns, unstoredColumns, []col{restColumn}, fieldColumns())

// columnTypes are the columns of events by name, with their types.
var columnTypes = func() map[string]string {
	types := map[string]string{storedAt: "DateTime64(6, 'UTC')"}
	for i := range columns {
		types[columns[i].name] = columns[i].typ
	}
	return types
}()

// storedAt is the time at which the server stored the row: a fact about this
// copy, not about the event. It is the only column that a replay may change.
const storedAt = "stored_at"

// fieldColumns makes the columns of both schemas' fields. A name in both schemas is
// one column; a test demands that it has one kind.
func fieldColumns() []col {
	var all []col
	at := make(map[string]int)
	add := func(which int, list, f *event.Field) {
		name := f.Column()
		if list != nil {
			name = list.Column() + "." + name
		}
		i, known := at[name]
		if !known {
			i = len(all)
			at[name] = i
			typ := fieldType(f, name)
			if list != nil {
				typ = "Array(" + typ + ")"
			}
			c := col{name: name, typ: typ, doc: fieldDoc(list, f), group: fields, layout: layoutOf(typ)}
			if f.Rare {
				c.alias = shown(f, typ, inRest(rest, name))
			}
			all = append(all, c)
		}
		all[i].from[which] = fieldRef{list, f}
	}
	for which, s := range schemas {
		for i := range s.Fields {
			f := &s.Fields[i]
			if f.Kind != event.Records {
				add(which, nil, f)
				continue
			}
			for j := range f.Fields {
				add(which, f, &f.Fields[j])
			}
		}
	}
	return all
}

// fieldType is the type of a field's column. A text or a list that was not sent is
// empty; any other value that was not sent is NULL.
func fieldType(f *event.Field, column string) string {
	switch f.Kind {
	case event.Text:
		if f.Values != nil || strings.HasSuffix(column, "_currency") || slices.Contains(fewValues, column) {
			return "LowCardinality(String)"
		}
		return "String"
	case event.Texts:
		return "Array(String)"
	case event.Bool:
		return "Nullable(Bool)"
	case event.Int:
		return "Nullable(Int64)"
	case event.Amount:
		return "Nullable(Decimal(38, 9))"
	case event.Rate:
		return "Nullable(Decimal(38, 18))"
	case event.Date:
		return "Nullable(Date32)"
	case event.Instant:
		return "Nullable(DateTime64(6, 'UTC'))"
	}
	panic("clickhouse: no column type for field " + f.Name)
}

// fewValues are the columns of texts with at most some thousand different values.
// A dictionary stores them, which makes GROUP BY fast. Vocabularies and currencies
// need not be named here.
var fewValues = []string{
	"event_type", "event_source", "source_system", "source_instance", "source_timezone", "schema_version", "mapping_version",
	"registrant_cik", "legal_entity_id",
	"company_code", "ledger_id", "business_segment", "country", "document_type", "journal_source", "journal_category", "transaction_code",
	"created_by", "parked_by", "approved_by", "posted_by", "last_changed_by", "created_by_role", "posted_by_role", "fx_rate_type", "reversal_reason",
	"lines.account", "lines.account_name", "lines.currency", "lines.financial_statement_line", "lines.cost_center", "lines.profit_center", "lines.segment", "lines.tax_code",
	"debt_instrument", "debt_covenant_name", "equity_class",
	"system_id", "system_name", "business_service", "region", "owner", "third_party_provider", "src_country", "activity", "job_name", "control_control_id",
}

// fieldDoc is the comment of a field's column. list is the list that it is a member
// of, or nil.
func fieldDoc(list, f *event.Field) string {
	doc := f.Doc
	switch f.Unit {
	case event.Transaction:
		if list != nil {
			doc += " In " + list.Column() + ".currency, or in transaction_currency where that is empty."
			break
		}
		fallthrough
	case event.Group, event.Functional:
		doc += " In " + string(f.Unit) + "_currency."
	case event.Fraction:
		doc += " 0.05 is 5 %."
	case event.Seconds:
		doc += " In seconds."
	}
	if len(f.Values) > 0 {
		doc += " One of " + strings.Join(f.Values, ", ") + "."
	}
	return doc
}
