package adsgl

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/rules/event"
)

// posted is the type of every event that this package gives.
var posted = event.LookupType("ledger.journal_entry.posted")

// MappingVersion names the mapping from the layout to the canonical event. It
// changes when the same file would give other events.
const MappingVersion = "ads-gl.v3"

// entry builds events, in one event's storage.
type entry struct{ event *event.Event }

// ledger and lineField find fields. An unknown name is a mistake of this file,
// which any test finds.
func ledger(name string) *event.Field { return field(event.Ledger, name) }

func lineField(name string) *event.Field { return field(linesField.Schema(), name) }

var (
	linesField       = ledger("lines")
	lineNumberField  = lineField("line_number")
	sideField        = lineField("debit_credit")
	currencyField    = lineField("currency")
	transactionField = lineField("amount_transaction")
	functionalField  = lineField("amount_functional")
	groupField       = lineField("amount_group")
)

// lineTexts are the texts of a line. A line's business unit is its segment:
// the event's company_code is that of the journal, and units within a journal
// differ.
var lineTexts = []struct {
	field *event.Field
	get   func(*line) string
}{
	{lineField("account"), func(l *line) string { return l.account }},
	{lineField("account_name"), func(l *line) string { return l.name }},
	{lineField("segment"), func(l *line) string { return l.unit }},
	{lineField("cost_center"), func(l *line) string { return l.cost }},
	{lineField("profit_center"), func(l *line) string { return l.profit }},
	{lineField("line_text"), func(l *line) string { return l.text }},
}

func field(s *event.Schema, name string) *event.Field {
	f := s.Lookup(name)
	if f == nil {
		panic("adsgl: no field " + s.Name + "." + name)
	}
	return f
}

// build makes the event of a journal.
//
// posting_date is Effective_Date where the lines that have one agree: the
// document date is not an accounting date and does not stand in for it.
// event_time is the moment of entry, else the posting date, else the document date.
// Where the file has no time of entry, both entered_at and event_time are a day
// without a time of day.
//
// The functional and the group amounts are the file's. Where the file has none
// and all lines are in the group currency, they are the same amounts. Where the
// file has no group amounts and the functional currency is the group's, they are the
// functional amounts.
func (e *entry) build(j *journal, t *totals, o *Options) {
	if e.event == nil {
		e.event = event.New(posted)
	}
	e.event.Reset(posted)
	r := &e.event.Record
	text := func(name, value string) {
		if value != "" {
			r.SetText(ledger(name), value)
		}
	}
	key := j.sourceKey(o.Source)
	text("event_id", j.eventID(key))
	text("event_source", o.Source)
	text("event_type", posted.Name)
	text("event_subject", key)
	text("source_system", "ads_gl")
	text("source_record_key", key)
	text("source_timezone", o.Zone.String())
	text("schema_version", "ledger_event.v1")
	text("mapping_version", MappingVersion)
	text("registrant_cik", o.Registrant)
	r.SetBool(ledger("is_snapshot"), true)

	text("company_code", j.unit)
	text("document_number", j.id.number)
	text("document_type", firstText(j.lines, func(l *line) string { return l.kind }))
	source := firstText(j.lines, func(l *line) string { return l.source })
	text("journal_source", source)
	text("header_text", firstText(j.lines, func(l *line) string { return l.header }))
	text("created_by", firstText(j.lines, func(l *line) string { return l.people.entered }))
	text("approved_by", firstText(j.lines, func(l *line) string { return l.people.approved }))
	text("last_changed_by", firstText(j.lines, func(l *line) string { return l.people.modified }))
	text("posted_by", firstText(j.lines, func(l *line) string { return l.people.posted }))
	text("reverses_document", firstText(j.lines, func(l *line) string { return l.reverses }))
	if o.ManualSources != nil && source != "" {
		r.SetBool(ledger("is_manual"), slices.Contains(o.ManualSources, source))
	}
	if said := j.reversal(); said != unsaid {
		r.SetBool(ledger("is_reversal"), said == yes)
	}
	e.times(j, o.Zone)
	e.fiscal(j)
	e.amounts(j, t, o)
	r.SetInt(ledger("lines_received"), int64(len(j.lines)))
	r.SetInt(ledger("lines_expected"), int64(len(j.lines)+j.lost))
	if j.lost > 0 {
		r.SetBool(ledger("incomplete"), true)
	}
}

func (e *entry) times(j *journal, zone *time.Location) {
	posting, agreed := j.postingDate()
	document := firstDay(j.lines, func(l *line) day { return l.document })
	entered, at := day{}, clock{}
	for _, l := range j.lines {
		if l.entered.known {
			entered, at = l.entered, l.time
			break
		}
	}
	happened := day{}
	if document.known {
		e.event.SetDate(ledger("document_date"), document.date)
		happened = document
	}
	if posting.known && agreed {
		e.event.SetDate(ledger("posting_date"), posting.date)
		happened = posting
	}
	if entered.known {
		e.instant("entered_at", instant(entered, at, zone))
		e.instant("event_time", instant(entered, at, zone))
	} else if happened.known {
		e.instant("event_time", instant(happened, clock{}, zone))
	}
}

func (e *entry) instant(name string, t time.Time) {
	if day, only := event.DayOf(t); only {
		e.event.SetDay(ledger(name), day)
		return
	}
	_, offset := t.Zone()
	e.event.SetInstant(ledger(name), t.UnixMicro(), offset/60*60)
}

func (e *entry) fiscal(j *journal) {
	if j.id.year != 0 {
		e.event.SetInt(ledger("fiscal_year"), j.id.year)
	}
	for _, l := range j.lines {
		if l.period != 0 {
			e.event.SetInt(ledger("fiscal_period"), l.period)
			e.event.SetBool(ledger("is_adjustment_period"), l.period > 12)
			return
		}
	}
}

func (e *entry) amounts(j *journal, t *totals, o *Options) {
	r := &e.event.Record
	local, group := t.local, t.group
	hasLocal, hasGroup := t.allLocal, t.allGr && t.group.currency == o.GroupCurrency
	copyLocal, copyGroup, groupIsLocal := false, false, false
	if t.single() {
		r.SetText(ledger("transaction_currency"), t.byCurrency[0].currency)
		same := t.byCurrency[0].currency == o.GroupCurrency
		if copyLocal = same && local.currency == ""; copyLocal {
			local, hasLocal = t.byCurrency[0], true
		}
		if copyGroup = same && group.currency == ""; copyGroup {
			group, hasGroup = t.byCurrency[0], true
		}
	}
	if groupIsLocal = hasLocal && group.currency == "" && local.currency == o.GroupCurrency; groupIsLocal {
		group, hasGroup = local, true
	}
	if hasLocal {
		r.SetText(ledger("functional_currency"), local.currency)
		r.SetAmount(ledger("total_debit_functional"), local.debit)
		r.SetAmount(ledger("total_credit_functional"), local.credit)
	}
	if hasGroup {
		r.SetText(ledger("group_currency"), group.currency)
		r.SetAmount(ledger("gross_amount_group"), group.debit)
	}
	r.SetBool(ledger("balanced"), t.balanced())
	for i, l := range j.lines {
		row := r.AddRecord(linesField)
		number := l.number
		if number < 0 {
			number = int64(i + 1)
		}
		row.SetInt(lineNumberField, number)
		row.SetText(sideField, l.side.String())
		row.SetText(currencyField, l.currency)
		row.SetAmount(transactionField, l.amount)
		switch {
		case copyLocal:
			row.SetAmount(functionalField, l.amount)
		case hasLocal:
			row.SetAmount(functionalField, l.local.amount)
		}
		switch {
		case copyGroup:
			row.SetAmount(groupField, l.amount)
		case groupIsLocal:
			row.SetAmount(groupField, l.local.amount)
		case hasGroup:
			row.SetAmount(groupField, l.group.amount)
		}
		for _, t := range lineTexts {
			if value := t.get(l); value != "" {
				row.SetText(t.field, value)
			}
		}
	}
}

// sourceKey names the journal among all journals of all ledgers: source,
// business unit, year and number, always all four, so that a journal has one
// key in any extract. A slash or a per cent sign within a part is escaped.
func (j *journal) sourceKey(source string) string {
	return escape.Replace(source) + "/" + escape.Replace(j.unit) + "/" + j.year() + "/" + escape.Replace(j.id.number)
}

var escape = strings.NewReplacer("%", "%25", "/", "%2F")

// eventID is a digest of the journal's key and of the content of its lines. A
// journal has the same id in every load, in any order of its rows, and beside any
// other lines of the file. A later extract in which the journal has other lines
// gives another id: it is another observation, and must not vanish as a duplicate.
func (j *journal) eventID(key string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%d\x00", MappingVersion, key, j.lost)
	for _, l := range j.lines {
		fmt.Fprintf(h, "%s\x00", l.content())
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)))[:26]
}

// postingDate returns the date of the first line that has one, and whether the
// other lines agree.
func (j *journal) postingDate() (d day, agreed bool) {
	for _, l := range j.lines {
		switch {
		case !l.effective.known:
		case !d.known:
			d = l.effective
		case d != l.effective:
			return d, false
		}
	}
	return d, true
}

func (j *journal) reversal() tristate {
	said := unsaid
	for _, l := range j.lines {
		said = max(said, l.reversal)
	}
	return said
}

func firstText(lines []*line, get func(*line) string) string {
	for _, l := range lines {
		if s := get(l); s != "" {
			return s
		}
	}
	return ""
}

func firstDay(lines []*line, get func(*line) day) day {
	for _, l := range lines {
		if d := get(l); d.known {
			return d
		}
	}
	return day{}
}
