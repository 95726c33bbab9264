package event_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

func TestDecodeJournal(t *testing.T) {
	d := event.NewDecoder(event.Limits{})
	var e event.Event
	for range 3 { // again into the same event, with predictions learnt
		if f := d.Decode(&e, []byte(journal), nil); f != nil {
			t.Fatal(f)
		}
	}
	field := func(name string) *event.Field { return event.Ledger.Lookup(name) }
	lines := e.Records(field("lines"))
	amount := event.Ledger.Lookup("lines").Schema().Lookup("amount_group")
	got := []any{
		e.Type().Name, e.Text(field("event_id")), e.Text(field("event_source")), e.Text(field("event_type")), e.Text(field("event_subject")),
		e.Instant(field("event_time")).Format(time.RFC3339Nano), e.Text(field("header_text")), e.Date(field("posting_date")).String(),
		e.Int(field("fiscal_year")), e.Bool(field("is_manual")), e.Amount(field("gross_amount_group")).String(), len(lines), lines[1].Amount(amount).String(),
		e.Has(field("is_top_side")), d.Unknown(),
	}
	want := []any{
		posted, "mfrggzdfmztwq2lknnwg23tpob", "/sap/s4/prd100", posted, "100/1000/0100000123/2026",
		"2026-11-23T18:30:00.123456-05:00", "Accrual of November freight, carrier invoices outstanding", "2026-11-23",
		int64(2026), true, "1250000", 3, "250000", false, 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDecodeValues reads one field each and compares it as the encoder writes it.
func TestDecodeValues(t *testing.T) {
	f := func(inner, want string, unknown int) {
		t.Helper()
		e, failure, n := decode(t, head+inner+"}", nil)
		if failure != nil {
			t.Errorf("%s: %v", inner, failure)
			return
		}
		_, got, _ := strings.Cut(string(e.AppendJSON(nil)), `"data":`)
		if got != want+"}" || n != unknown {
			t.Errorf("%s: got %s with %d unknown, want %s} with %d", inner, got, n, want, unknown)
		}
	}
	f(` { } `, `{}`, 0)
	f(`{"is_manual":null,"lines":null,"contract":null,"header_text":null,"posting_date":null,"fx_rate":null}`, `{}`, 0)
	f(`{"contract":{"parties":null,"notice_at":null}}`, `{}`, 0)
	f(`{"is_manual" :	false}`, `{"is_manual":false}`, 0)
	f("{\r\n\t\"fiscal_year\"\n:\r-7\t}", `{"fiscal_year":-7}`, 0)
	f(`{"fiscal_year":-9223372036854775808}`, `{"fiscal_year":-9223372036854775808}`, 0)
	f(`{"lines":[]}`, `{"lines":[]}`, 0)
	f(`{"lines":[{},{"line_number":2}]}`, `{"lines":[{},{"line_number":2}]}`, 0)
	f(`{"contract":{"parties":[]}}`, `{"contract":{"parties":[]}}`, 0)
	f(`{"contract":{"parties":["a","b\n"]}}`, `{"contract":{"parties":["a","b\u000a"]}}`, 0)
	f(`{"header_text":""}`, `{"header_text":""}`, 0)
	f(`{"header_text":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000é😀"}`, "{\"header_text\":\"\\\"\\\\/\\u0008\\u000c\\u000a\\u000d\\u0009é😀\\u0000é😀\"}", 0)
	f(`{"header\u005ftext":"x"}`, `{"header_text":"x"}`, 0)
	f(`{"gross_amount_group":1E+3,"debt_effect_group":-0,"equity_effect_group":"-0.10"}`, `{"gross_amount_group":"1000","debt_effect_group":"0","equity_effect_group":"-0.1"}`, 0)
	f(`{"gross_amount_group":99999999999999999999999999999.999999999}`, `{"gross_amount_group":"99999999999999999999999999999.999999999"}`, 0)
	f(`{"debt":{"rate":"0.0525"},"fx_rate":1.1e0}`, `{"fx_rate":"1.1","debt":{"rate":"0.0525"}}`, 0)
	f(`{"posting_date":"2024-02-29","document_date":"0001-01-01","fx_rate_date":"9999-12-31"}`, `{"document_date":"0001-01-01","posting_date":"2024-02-29","fx_rate_date":"9999-12-31"}`, 0)
	f(`{"entered_at":"2026-11-23t18:30:00.1234560z","posted_at":"1969-12-31T23:59:59.999999+05:30"}`, `{"entered_at":"2026-11-23T18:30:00.123456Z","posted_at":"1969-12-31T23:59:59.999999+05:30"}`, 0)
	// Decimals beyond the sixth are cut off, before 1970 too: the instant becomes earlier.
	f(`{"entered_at":"2026-11-23T18:30:00.123456789Z","posted_at":"1969-12-31T23:59:59.999999999Z"}`, `{"entered_at":"2026-11-23T18:30:00.123456Z","posted_at":"1969-12-31T23:59:59.999999Z"}`, 0)
	f(`{"entered_at":"2026-11-23T18:30:00.0000001000Z"}`, `{"entered_at":"2026-11-23T18:30:00Z"}`, 0)
	// A date where an instant is expected stays one, and so does one without a time in event_time.
	f(`{"entered_at":"2026-11-23","posted_at":"9999-12-31"}`, `{"entered_at":"2026-11-23","posted_at":"9999-12-31"}`, 0)
	f(`{"event_time":"2026-11-23"}`, `{"event_time":"2026-11-23"}`, 0)
	f(`{"schema_version":"v1"}`, `{"schema_version":"v1"}`, 0)
	f(`{"Fiscal_Year":1,"x":{"y":{"z":1}},"contract":{"w":[1,{"v":2}]},"event_id":"other"}`, `{}`, 4)
}

func TestDecodeTimeFillsEventTime(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		e, failure, _ := decode(t, value, nil)
		if failure != nil {
			t.Errorf("%s: %v", value, failure)
			return
		}
		if got := e.Instant(event.Ledger.Lookup("event_time")).Format(time.RFC3339); got != want {
			t.Errorf("%s: event_time is %s, want %s", value, got, want)
		}
	}
	timed := strings.Replace(head, `"id"`, `"time":"2026-01-01T00:00:00Z","id"`, 1)
	f(timed+`{}}`, "2026-01-01T00:00:00Z")
	f(timed+`{"event_time":null}}`, "2026-01-01T00:00:00Z")
	f(timed+`{"event_time":"2025-05-05T05:05:05+02:00"}}`, "2025-05-05T05:05:05+02:00")
	f(strings.Replace(head, `"id"`, `"time":null,"id"`, 1)+`{"event_time":"2025-05-05T05:05:05Z"}}`, "2025-05-05T05:05:05Z")
}

func TestDecodeDataBeforeType(t *testing.T) {
	e, f, unknown := decode(t, `{"data":{"fiscal_year":2026,"u":{"a":1,"b":2}},"traceparent":"x","id":"1","type":"`+posted+`","source":"s","specversion":"1.0"}`, nil)
	if f != nil {
		t.Fatal(f)
	}
	if e.Int(event.Ledger.Lookup("fiscal_year")) != 2026 || unknown != 2 {
		t.Errorf("fiscal_year %d, %d unknown; want 2026 and 2", e.Int(event.Ledger.Lookup("fiscal_year")), unknown)
	}
}

func TestDecodeModes(t *testing.T) {
	attributes := map[string]string{"ce_specversion": "1.0", "ce_id": "1", "ce_source": "s", "ce_type": "system.outage", "ce_time": "2026-01-01T00:00:00Z", "ce_subject": "erp"}
	with := func(changes ...string) map[string]string {
		all := map[string]string{}
		for k, v := range attributes {
			all[k] = v
		}
		for i := 0; i < len(changes); i += 2 {
			if all[changes[i]] = changes[i+1]; changes[i+1] == "-" {
				delete(all, changes[i])
			}
		}
		return all
	}
	// want is a failure's code and field, or the event's type and how many names were unknown.
	f := func(headers map[string]string, value, want string) {
		t.Helper()
		e, failure, unknown := decode(t, value, headers)
		got := ""
		if failure != nil {
			got = failure.Code + " " + failure.Field
		} else {
			got = e.Type().Name + strings.Repeat("+", unknown)
		}
		if got != want {
			t.Errorf("%v %s: got %s (%v), want %s", headers, value, got, failure, want)
		}
	}
	structured := head + "{}}"
	f(with(), "{}", "system.outage")
	f(with("content-type", "application/json; charset=utf-8"), " {} ", "system.outage")
	f(with("content-type", "application/vnd.acme+JSON"), "{}", "system.outage")
	f(with("content-type", "application/cloudevents+json; charset=UTF-8"), structured, posted)
	f(with("content-type", "Application/CloudEvents+JSON"), structured, posted)
	f(map[string]string{"content-type": "application/cloudevents"}, structured, posted)
	f(map[string]string{"content-type": "application/json"}, structured, posted)
	f(map[string]string{"other": "x"}, structured, posted)
	f(with("content-type", "application/cloudevents+json", "ce_id", "\xff", "ce_unknown", "x"), structured, posted)
	f(with("ce_traceparent", "x", "other", "y"), `{"z":1}`, "system.outage++")
	f(map[string]string{"content-type": "application/cloudevents+avro"}, structured, "not_cloudevents content-type")
	f(map[string]string{"content-type": "application/cloudevents-batch+json"}, "[]", "not_cloudevents content-type")
	f(with("content-type", "application/avro"), "{}", "unsupported_data content-type")
	f(with("ce_id", "-"), "{}", "missing_attribute id")
	f(with("ce_specversion", "-"), "{}", "missing_attribute specversion")
	f(with("ce_specversion", "0.3"), "{}", "unknown_version specversion")
	f(with("ce_type", "x"), "{}", "unknown_type type")
	f(with("ce_id", "\xff"), "{}", "invalid_utf8 id")
	f(with("ce_time", "x"), "{}", "bad_instant time")
	f(with("CE_ID", "2"), "{}", "system.outage")
	f(with(), "[]", "wrong_kind data")
	f(with(), "", "syntax ")
	f(with(), "{} {}", "trailing_data ")
	f(with(), `{"severity_id":"5"}`, "wrong_kind severity_id")

	twice := func(yield func(string, []byte) bool) {
		for range 2 {
			if !yield("ce_id", []byte("1")) {
				return
			}
		}
	}
	if f := event.NewDecoder(event.Limits{}).Decode(&event.Event{}, []byte("{}"), twice); f == nil || f.Code != "duplicate_key" {
		t.Errorf("two ce_id headers: got %v, want duplicate_key", f)
	}
}

// TestDecodeForgets decodes into an event that held something else.
func TestDecodeForgets(t *testing.T) {
	d := event.NewDecoder(event.Limits{})
	var e event.Event
	for _, value := range []string{head + `{"contract":{"parties":["a"]},"lines":[{"account":"a"}],"header_text":"a","fiscal_year":1}}`, head + `{"lines":[{}]}}`} {
		if f := d.Decode(&e, []byte(value), nil); f != nil {
			t.Fatal(f)
		}
	}
	field := event.Ledger.Lookup
	line := &e.Records(field("lines"))[0]
	if len(e.Texts(field("contract.parties"))) != 0 || e.Text(field("header_text")) != "" || e.Int(field("fiscal_year")) != 0 || line.Present().Count() != 0 || e.Present().Count() != 4 {
		t.Errorf("something is left of the event before: %s", e.AppendJSON(nil))
	}
}

func TestEqualSeesEveryKind(t *testing.T) {
	line := event.Ledger.Lookup("lines")
	changes := map[string]func(*event.Event){
		"header_text":        func(e *event.Event) { e.SetText(event.Ledger.Lookup("header_text"), "x") },
		"contract.parties":   func(e *event.Event) { e.SetTexts(event.Ledger.Lookup("contract.parties"), []string{"x"}) },
		"is_manual":          func(e *event.Event) { e.SetBool(event.Ledger.Lookup("is_manual"), false) },
		"gross_amount_group": func(e *event.Event) { e.SetAmount(event.Ledger.Lookup("gross_amount_group"), money.FromInt(1)) },
		"posting_date":       func(e *event.Event) { e.SetDate(event.Ledger.Lookup("posting_date"), calendar.NewDate(2026, 1, 1)) },
		"offset":             func(e *event.Event) { e.SetInstant(event.Ledger.Lookup("posted_at"), 1, 3600) },
		"lines":              func(e *event.Event) { e.AddRecord(line) },
		"lines.account":      func(e *event.Event) { e.Records(line)[0].SetText(line.Schema().Lookup("account"), "x") },
	}
	build := func() *event.Event {
		e := event.New(event.LookupType(posted))
		e.SetInstant(event.Ledger.Lookup("posted_at"), 1, 0)
		e.AddRecord(line)
		return e
	}
	if !event.Equal(build(), build()) {
		t.Error("equal events differ")
	}
	for name, change := range changes {
		e := build()
		change(e)
		if event.Equal(e, build()) || event.Equal(build(), e) {
			t.Errorf("a change of %s is not seen", name)
		}
	}
}
