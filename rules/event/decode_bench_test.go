package event_test

import (
	"testing"

	"tocsin/rules/event"
)

// journal is a posted journal as a connector sends it: 25 fields and 3 lines.
const journal = `{"specversion":"1.0","id":"mfrggzdfmztwq2lknnwg23tpob","source":"/sap/s4/prd100","type":"ledger.journal_entry.posted","subject":"100/1000/0100000123/2026","time":"2026-11-23T18:30:00.123456-05:00","datacontenttype":"application/json","data":{"source_system":"sap_s4","source_instance":"prd100","source_record_key":"100/1000/0100000123/2026","source_op":"c","source_sequence":"00000000000012345678","source_changed_at":"2026-11-23T23:30:01Z","schema_version":"ledger_event.v1","registrant_cik":"0001234567","company_code":"1000","ledger_role":"leading","document_number":"0100000123","document_type":"SA","journal_source":"Manual","header_text":"Accrual of November freight, carrier invoices outstanding","posting_date":"2026-11-23","entered_at":"2026-11-23T18:29:58-05:00","posted_at":"2026-11-23T18:30:00.123456-05:00","fiscal_year":2026,"fiscal_period":11,"created_by":"p-004711","posted_by":"p-004711","functional_currency":"USD","group_currency":"USD","gross_amount_group":"1250000.00","is_manual":true,"lines":[` +
	`{"line_number":1,"account":"0000615000","account_class":"expense","account_subtype":"opex","debit_credit":"D","amount_functional":"1000000.00","amount_group":"1000000.00","cost_center":"4100","line_text":"Freight November"},` +
	`{"line_number":2,"account":"0000615010","account_class":"expense","account_subtype":"opex","debit_credit":"D","amount_functional":"250000.00","amount_group":"250000.00","cost_center":"4100","line_text":"Customs November"},` +
	`{"line_number":3,"account":"0000290000","account_class":"liability","account_subtype":"accrued_liability","debit_credit":"C","amount_functional":"1250000.00","amount_group":"1250000.00","line_text":"Accrued freight and customs"}]}}`

func TestDecodeDoesNotAllocate(t *testing.T) {
	d, value := event.NewDecoder(event.Limits{}), []byte(journal)
	var e event.Event
	media := []byte("application/cloudevents+json")
	headers := func(yield func(string, []byte) bool) {
		_ = yield("content-type", media) && yield("ce_extra", nil)
	}
	decode := func() {
		if f := d.Decode(&e, value, headers); f != nil {
			t.Fatal(f)
		}
	}
	if n := testing.AllocsPerRun(100, decode); n != 0 {
		t.Errorf("a journal with %d lines costs %v allocations, want 0", len(e.Records(event.Ledger.Lookup("lines"))), n)
	}
	if got := e.Present().Count(); got < 25 {
		t.Errorf("%d fields decoded, want at least 25", got)
	}
	lists := []byte(`{"specversion":"1.0","id":"1","source":"s","type":"system.dlp","data":{"control_ids":["a","b"],"incident":{"data_classes":["pii"]}}}`)
	var system event.Event
	if n := testing.AllocsPerRun(100, func() { d.Decode(&system, lists, nil) }); n != 0 {
		t.Errorf("lists of texts cost %v allocations, want 0", n)
	}
}

func BenchmarkDecodeJournal(b *testing.B) {
	d, value := event.NewDecoder(event.Limits{}), []byte(journal)
	var e event.Event
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if f := d.Decode(&e, value, nil); f != nil {
			b.Fatal(f)
		}
	}
}

// BenchmarkDecodeSkip is the cost of a record whose every member is unknown.
func BenchmarkDecodeSkip(b *testing.B) {
	d := event.NewDecoder(event.Limits{})
	value := []byte(`{"specversion":"1.0","id":"1","source":"s","type":"system.dlp","data":{"unknown":` + journal + `}}`)
	var e event.Event
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if f := d.Decode(&e, value, nil); f != nil {
			b.Fatal(f)
		}
	}
}
