package event_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/event"
)

const (
	posted = "ledger.journal_entry.posted"
	head   = `{"specversion":"1.0","id":"1","source":"s","type":"` + posted + `","data":`
)

func decode(t *testing.T, value string, headers map[string]string) (*event.Event, *event.Failure, int) {
	t.Helper()
	d := event.NewDecoder(event.Limits{MaxDepth: 6, MaxBytes: 4096, MaxLines: 2})
	var e event.Event
	f := d.Decode(&e, []byte(value), func(yield func(string, []byte) bool) {
		for k, v := range maps.All(headers) {
			if !yield(k, []byte(v)) {
				return
			}
		}
	})
	return &e, f, d.Unknown()
}

// TestDecodeFailures marks with ◆ in the value where the failure must point; a
// value without it must fail without an offset.
func TestDecodeFailures(t *testing.T) {
	f := func(code, field, value string) {
		t.Helper()
		at := strings.Index(value, "◆")
		value = strings.Replace(value, "◆", "", 1)
		_, failure, _ := decode(t, value, nil)
		want := &event.Failure{Code: code, Offset: at, Field: field}
		if failure == nil {
			t.Errorf("%q: decoded, want %s", value, code)
			return
		}
		if failure.Stage == "" || failure.Detail == "" {
			t.Errorf("%q: failure without stage or detail: %v", value, failure)
		}
		got := &event.Failure{Code: failure.Code, Offset: failure.Offset, Field: failure.Field}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %v\n%s", value, failure, diff)
		}
	}
	data := func(code, field, inner string) {
		t.Helper()
		f(code, field, head+inner+"}")
	}

	// Syntax.
	f("syntax", "", "◆")
	f("syntax", "", "  ◆")
	f("syntax", "", "◆\xef\xbb\xbf"+head+"{}}")
	f("syntax", "", "◆\x00")
	f("syntax", "", "◆hello")
	f("syntax", "", "{◆")
	f("syntax", "", "{◆,}")
	f("syntax", "", "{◆a:1}")
	f("syntax", "", `{"a"◆}`)
	f("syntax", "", `{"a":◆}`)
	f("syntax", "", `{"a":1 ◆"b":2}`)
	f("syntax", "", `{"a":1,◆}`)
	f("syntax", "", `{"a":[1,◆]}`)
	f("syntax", "", `{"a":[1◆`)
	f("syntax", "", `{"a":[1◆}`)
	f("syntax", "", `{"a":0◆1}`)
	f("syntax", "", `{"a":-◆}`)
	f("syntax", "", `{"a":1.◆}`)
	f("syntax", "", `{"a":1e+◆}`)
	f("syntax", "", `{"a":◆+1}`)
	f("syntax", "", `{"a":◆.5}`)
	f("syntax", "", `{"a":◆NaN}`)
	f("syntax", "", `{"a":◆nul}`)
	f("syntax", "", `{"a":◆'b'}`)
	f("syntax", "", `{"a":"b◆`)
	f("syntax", "", "{\"a\":\"b◆\nc\"}")
	f("syntax", "", "{\"a\":\"b◆\x00c\"}")
	f("syntax", "", `{"a":"◆\x"}`)
	f("syntax", "", `{"a":"◆\u12G4"}`)
	f("syntax", "", `{"a":"◆\u12`)
	data("syntax", "", `{"fiscal_year":2026◆x}`)
	data("syntax", "", `{"is_manual":◆tru}`)
	f("syntax", "", head+`{"document_date":"2026-01-01"◆`)
	f("trailing_data", "", head+"{}} ◆x")
	f("trailing_data", "", head+"{}}◆\x00")
	f("trailing_data", "", head+"{}}◆"+head+"{}}")

	// Duplicates, at every depth.
	f("duplicate_key", "id", `{"id":"1",◆"id":"1"}`)
	f("duplicate_key", "id", `{"id":null,◆"\u0069d":"1"}`)
	f("duplicate_key", "data", head+`{},◆"data":{}}`)
	f("duplicate_key", "", head+`{},"x":1,◆"x":1}`)
	f("duplicate_key", "", head+`{},"data_base64":null,◆"data_base64":null}`)
	data("duplicate_key", "fiscal_year", `{"fiscal_year":1,◆"fiscal_year":1}`)
	data("duplicate_key", "fiscal_year", `{"fiscal_year":null,◆"fiscal_year":1}`)
	data("duplicate_key", "contract", `{"contract":{},"fiscal_year":1,◆"contract":{}}`)
	data("duplicate_key", "contract.deal_group", `{"contract":{"deal_group":"a",◆"deal_group":"a"}}`)
	data("duplicate_key", "lines.account", `{"lines":[{"account":"a"},{"account":"a",◆"account":"a"}]}`)
	data("duplicate_key", "", `{"zz":1,"y":2,◆"zz":1}`)
	data("duplicate_key", "", `{"zz":1,"y":2,◆"\u007az":1}`)
	data("duplicate_key", "", `{"z":1,"a":1,◆"z":1,"a":1}`) // the first in the text
	data("duplicate_key", "", `{"x":[{"y":{"z":1,◆"z":1}}]}`)

	// Encoding.
	f("invalid_utf8", "", "{\"a\":\"b◆\xff\"}")
	f("invalid_utf8", "", "{\"◆\xc0\xaf\":1}")
	f("invalid_utf8", "", "{\"a\":\"◆\xed\xa0\x80\"}")
	f("invalid_utf8", "", `{"a":"◆\ud800"}`)
	f("invalid_utf8", "", `{"a":"◆\udc00\ud800"}`)
	f("invalid_utf8", "", `{"a":"◆\ud800\ud800"}`)
	f("invalid_utf8", "", `{"a":"◆\ud800x"}`)
	data("invalid_utf8", "", "{\"company_code\":\"long enough for eight ◆\x80\"}")
	data("invalid_utf8", "", "{\"unknown\":{\"b\":[\"◆\xf8\"]}}")

	// Limits: an object, data, and four more are six levels.
	data("too_deep", "", `{"x":[[[[◆[]]]]]}`)
	data("too_deep", "", `{"x":{"x":{"x":{"x":{"x":◆{}}}}}`)
	f("too_large", "", head+`{"header_text":"`+strings.Repeat("a", 4096)+`"}}`)
	data("wrong_kind", "contract.parties", `{"contract":{"parties":[◆[[]]]}}`)
	data("too_deep", "", `{"contract":{"parties":[[[◆[]]]]}}`)
	data("too_many_lines", "lines", `{"lines":[{},{},◆{}]}`)

	// Envelope.
	f("not_cloudevents", "", "◆[]")
	f("not_cloudevents", "", "◆5")
	f("not_cloudevents", "", `{"payload":{"op":"c"}}`)
	f("not_cloudevents", "", `{"id":5}`)
	f("not_cloudevents", "", `{"time":1790000000,"type":"login","user":{"id":"u"}}`)
	f("not_cloudevents", "", `{"id":"1","type":"invoice.paid","data":{"object":{}}}`)
	f("not_cloudevents", "", `{"type":"`+posted+`","data":{"fiscal_year":"2026"}}`)
	f("not_cloudevents", "", `{"id":"1","source":"s","type":"`+posted+`","data":{}}`)
	f("not_cloudevents", "", `{"id":"1","source":"s","type":"`+posted+`","data":{"fiscal_year":"2026"}}`)
	f("not_cloudevents", "", `{"data_base64":"AA=="}`)
	f("not_cloudevents", "", `{"data":{"specversion":"1.0"},"time":5}`)
	f("syntax", "", `{"id":5,"x":◆}`)
	f("trailing_data", "", `{"id":5} ◆{"id":6}`)
	f("duplicate_key", "", `{"id":5,"x":1,◆"x":1}`)
	f("wrong_kind", "id", `{"id":◆5,"specversion":"1.0"}`)
	f("unknown_type", "type", `{"type":◆"x","data":{},"spec\u0076ersion":"1.0","id":"1","source":"s"}`)
	f("unknown_version", "specversion", `{"specversion":◆null,"id":"1","source":"s","type":"`+posted+`","data":{}}`)
	f("missing_attribute", "id", `{"specversion":"1.0","source":"s","type":"`+posted+`","data":{}}`)
	f("missing_attribute", "id", `{"specversion":"1.0","id":"","source":"s","type":"`+posted+`","data":{}}`)
	f("missing_attribute", "source", `{"specversion":"1.0","id":"1","source":null,"type":"`+posted+`","data":{}}`)
	f("missing_attribute", "type", `{"specversion":"1.0","id":"1","source":"s","data":{}}`)
	f("missing_attribute", "data", `{"specversion":"1.0","id":"1","source":"s","type":"`+posted+`"}`)
	f("missing_attribute", "data", head+"null}")
	f("unknown_version", "specversion", `{"specversion":◆"0.3","type":"`+posted+`","data":{}}`)
	f("unknown_version", "schema_version", head+`{"schema_version":◆"system_event.v1"}}`)
	f("unknown_version", "schema_version", head+`{"schema_version":◆"ledger_event.v2"}}`)
	f("unknown_type", "type", `{"specversion":"1.0","type":◆"Ledger.contract.executed","data":{}}`)
	f("unknown_type", "type", `{"data":{},"specversion":"1.0","id":"1","source":"s","type":◆"x"}`)
	f("unsupported_data", "data_base64", `{"specversion":"1.0","data_base64":◆"AA=="}`)
	f("wrong_kind", "id", `{"specversion":"1.0","id":◆5}`)
	f("wrong_kind", "data", head+`◆"text"}`)
	f("bad_instant", "time", `{"time":◆"yesterday","specversion":"1.0","id":"1","source":"s","type":"`+posted+`","data":{}}`)

	// Fields.
	data("wrong_kind", "company_code", `{"company_code":◆1000}`)
	data("wrong_kind", "fiscal_year", `{"fiscal_year":◆"2026"}`)
	data("wrong_kind", "is_manual", `{"is_manual":◆1}`)
	data("wrong_kind", "gross_amount_group", `{"gross_amount_group":◆[1]}`)
	data("wrong_kind", "posting_date", `{"posting_date":◆20260101}`)
	data("wrong_kind", "entered_at", `{"entered_at":◆{}}`)
	data("wrong_kind", "contract", `{"contract":◆[]}`)
	data("wrong_kind", "contract.parties", `{"contract":{"parties":◆"a"}}`)
	data("wrong_kind", "contract.parties", `{"contract":{"parties":["a",◆null]}}`)
	data("wrong_kind", "lines", `{"lines":◆{}}`)
	data("wrong_kind", "lines", `{"lines":[{},◆null]}`)
	data("bad_amount", "gross_amount_group", `{"gross_amount_group":◆`+strings.Repeat("9", 30)+`}`)
	data("bad_amount", "gross_amount_group", `{"gross_amount_group":◆1.0000000001}`)
	data("bad_amount", "gross_amount_group", `{"gross_amount_group":◆"1,000.00"}`)
	data("bad_amount", "gross_amount_group", `{"gross_amount_group":◆""}`)
	data("bad_amount", "lines.amount_group", `{"lines":[{"amount_group":◆1e29}]}`)
	data("bad_rate", "debt.rate", `{"debt":{"rate":◆"5%"}}`)
	data("bad_rate", "fx_rate", `{"fx_rate":◆1e-19}`)
	data("bad_int", "fiscal_year", `{"fiscal_year":◆2026.0}`)
	data("bad_int", "fiscal_year", `{"fiscal_year":◆2e3}`)
	data("bad_int", "fiscal_year", `{"fiscal_year":◆9223372036854775808}`)
	for _, bad := range []string{"2026-02-30", "2025-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-01-00", "0000-01-01",
		"2026-1-1", "20260101", "2026/01/01", "2026-01-01T00:00:00Z", " 2026-01-01", "", "２０２６-01-01"} {
		data("bad_date", "posting_date", `{"posting_date":◆"`+bad+`"}`)
	}
	for _, bad := range []string{"2026-11-23T18:30:00", "2026-11-23 18:30:00Z", "2026-11-23T18:30Z", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z",
		"2026-11-23T23:59:60Z", "2026-11-23T18:30:00.Z", "2026-11-23T18:30:00.0000000001Z", "2026-11-23T18:30:00+0500", "2026-11-23T18:30:00+24:00",
		"2026-11-23T18:30:00+05:60", "2026-11-23T18:30:00,5Z", "2026-11-31", "2026-1-1", "2026-11-23Z", "2026-11-23T", "2026-11-23-05:00", "", "2026-11-23T18:30:00Zjunk", "2026-11-23T-1:30:00Z"} {
		data("bad_instant", "entered_at", `{"entered_at":◆"`+bad+`"}`)
	}
}

func TestFailuresNameNoValue(t *testing.T) {
	const secret = "4711815"
	for _, inner := range []string{
		`{"gross_amount_group":"` + secret + `x"}`, `{"gross_amount_group":` + secret + `.12345678901}`, `{"fiscal_year":` + secret + `.5}`,
		`{"posting_date":"` + secret + `"}`, `{"entered_at":"` + secret + `"}`, `{"company_code":` + secret + `}`, `{"fiscal_year":"` + secret + `"}`,
		`{"schema_version":"` + secret + `"}`, `{"` + secret + `":1,"` + secret + `":1}`, `{"fiscal_year":` + secret + secret + secret + `}`, `{"a":` + secret + `x}`,
	} {
		_, f, _ := decode(t, head+inner+"}", nil)
		if f == nil {
			t.Errorf("%s: decoded", inner)
		} else if strings.Contains(f.Error(), secret) || strings.Contains(f.Field+f.Detail, secret) {
			t.Errorf("%s: the failure shows the value: %v", inner, f)
		}
	}
}

func TestReasonsAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range event.Reasons() {
		if seen[r.Code] || r.Doc == "" || r.Stage == "" {
			t.Errorf("reason %q stands twice or is incomplete", r.Code)
		}
		seen[r.Code] = true
	}
}

// TestDepthOfKnownMembers counts the levels of members that the canonical form
// knows: the outermost object, data, contract; and lines with its records.
func TestDepthOfKnownMembers(t *testing.T) {
	f := func(inner string, levels int) {
		t.Helper()
		value := []byte(head + inner + "}")
		for depth := 1; depth <= levels+1; depth++ {
			var e event.Event
			got := event.NewDecoder(event.Limits{MaxDepth: depth}).Decode(&e, value, nil)
			if deep := got != nil && got.Code == "too_deep"; deep != (depth < levels) {
				t.Errorf("%s with a limit of %d: %v", inner, depth, got)
			}
		}
	}
	f(`{}`, 2)
	f(`{"contract":{}}`, 3)
	f(`{"contract":{"parties":[]}}`, 4)
	f(`{"lines":[]}`, 3)
	f(`{"lines":[{}]}`, 4)
}
