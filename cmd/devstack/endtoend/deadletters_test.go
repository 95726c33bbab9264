package endtoend

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// bad is a record that is no event, and the stage, code and field of its dead
// letter.
type bad struct {
	name, value, reason string
	headers             []kgo.RecordHeader
}

// largest is max_record_bytes in TestBadRecordsAreRowsAndNeighboursAreJudged.
const largest = 64 << 10

// structured is an event in structured mode with these data, and attributes in place of the
// usual ones.
func structured(data string, attributes ...string) string {
	given := map[string]string{"specversion": "1.0", "id": "bad", "source": "endtoend", "type": "ledger.contract.executed"}
	for i := 0; i < len(attributes); i += 2 {
		given[attributes[i]] = attributes[i+1]
	}
	var members []string
	for _, name := range []string{"specversion", "id", "source", "type"} {
		if given[name] != "" {
			members = append(members, fmt.Sprintf("%q:%q", name, given[name]))
		}
	}
	return "{" + strings.Join(append(members, `"data":`+data), ",") + "}"
}

// binary are the headers of an event in binary mode, with others in place of
// the usual ones.
func binary(changed ...string) []kgo.RecordHeader {
	headers := []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/json")}, {Key: "ce_specversion", Value: []byte("1.0")},
		{Key: "ce_id", Value: []byte("in-headers")}, {Key: "ce_source", Value: []byte("endtoend")}, {Key: "ce_type", Value: []byte("ledger.contract.executed")}}
	for i := 0; i < len(changed); i += 2 {
		for j := range headers {
			if headers[j].Key == changed[i] {
				headers[j].Value = []byte(changed[i+1])
			}
		}
	}
	return headers
}

// badRecords are records that are no events, each kind of mistake at least once.
func badRecords() []bad {
	plain := func(name, reason, value string) bad { return bad{name: name, value: value, reason: reason} }
	headed := func(name, reason string, headers []kgo.RecordHeader) bad {
		return bad{name: name, value: `{"contract":{"contract_id":"K"}}`, reason: reason, headers: headers}
	}
	return []bad{
		plain("empty", "decode syntax ", ""),
		plain("text", "decode syntax ", "not json at all"),
		plain("binary", "decode syntax ", "\x00\x05\xff\xfe\x80\x00PAR1\r\n\t"),
		plain("cut short", "decode syntax ", structured(`{"contract":{"contract_id":"K`)),
		plain("byte order mark", "decode syntax ", "\xef\xbb\xbf"+structured("{}")),
		plain("two values", "decode trailing_data ", structured("{}")+structured("{}")),
		plain("oversized", "decode too_large ", structured(`{"note":"`+strings.Repeat("x", largest)+`"}`)),
		plain("deep objects", "decode too_deep ", structured(strings.Repeat(`{"a":`, 40)+"1"+strings.Repeat("}", 40))),
		plain("deep lists", "decode too_deep ", strings.Repeat("[", largest)),
		plain("doubled member", "decode duplicate_key contract.contract_id", structured(`{"contract":{"contract_id":"K","contract_id":"L"}}`)),
		plain("doubled by an escape", "decode duplicate_key contract.contract_id", structured(`{"contract":{"contract_id":"K","contract\u005fid":"L"}}`)),
		plain("doubled unknown member", "decode duplicate_key ", structured(`{"x":1,"y":{"z":1,"z":2}}`)),
		plain("doubled attribute", "decode duplicate_key type", structured(`{},"type":"ledger.debt.agreed"`)),
		plain("not UTF-8", "decode invalid_utf8 ", structured("{\"header_text\":\"\xc3\x28\"}")),
		plain("half a surrogate", "decode invalid_utf8 ", structured(`{"header_text":"\ud800"}`)),
		plain("unknown type", "envelope unknown_type type", structured("{}", "type", "ledger.contract.imagined")),
		plain("type in capitals", "envelope unknown_type type", structured("{}", "type", "LEDGER.CONTRACT.EXECUTED")),
		plain("unknown version", "envelope unknown_version schema_version", structured(`{"schema_version":"ledger_event.v9"}`)),
		plain("unknown CloudEvents", "envelope unknown_version specversion", structured("{}", "specversion", "0.3")),
		plain("no CloudEvent", "envelope not_cloudevents ", `{"user":"u","action":"login"}`),
		plain("no CloudEvent, with an id", "envelope not_cloudevents ", `{"id":5,"action":"login"}`),
		plain("no CloudEvent, with a time", "envelope not_cloudevents ", `{"time":1790000000,"type":{"name":"login"}}`),
		plain("a list", "envelope not_cloudevents ", `[1,2,3]`),
		plain("no id", "envelope missing_attribute id", structured("{}", "id", "")),
		plain("data in base64", "envelope unsupported_data data_base64", strings.Replace(structured(`"e30="`), `"data"`, `"data_base64"`, 1)),
		plain("no such day", "schema bad_date posting_date", structured(`{"posting_date":"2026-02-29"}`)),
		plain("no offset", "schema bad_instant contract.executed_at", structured(`{"contract":{"executed_at":"2026-11-23T18:30:00"}}`)),
		plain("fraction of a year", "schema bad_int fiscal_year", structured(`{"fiscal_year":2026.5}`)),
		headed("binary mode of a type unknown", "envelope unknown_type type", binary("ce_type", "ledger.contract.imagined")),
		headed("binary mode without an id", "envelope missing_attribute id", binary("ce_id", "")),
		headed("binary mode of another version", "envelope unknown_version specversion", binary("ce_specversion", "0.3")),
		headed("binary mode with a doubled header", "decode duplicate_key id", append(binary(), kgo.RecordHeader{Key: "ce_id", Value: []byte("other")})),
		headed("binary mode not in UTF-8", "decode invalid_utf8 id", binary("ce_id", "\xff")),
		headed("binary mode of text", "envelope unsupported_data content-type", binary("content-type", "text/plain")),
		headed("another event format", "envelope not_cloudevents content-type", binary("content-type", "application/cloudevents+avro")),
		{name: "binary mode of a list", value: "[]", reason: "schema wrong_kind data", headers: binary()},
		{name: "binary mode of nothing", value: "", reason: "decode syntax ", headers: binary()},
	}
}

// TestBadRecordsAreRowsAndNeighboursAreJudged puts every kind of bad record
// between two good ones, in one partition. Each good one is a candidate, also
// where the table cannot hold one of its dates.
func TestBadRecordsAreRowsAndNeighboursAreJudged(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.configure("# max_record_bytes: 1MiB", fmt.Sprintf("max_record_bytes: %dKiB", largest>>10))
	const partition = 1
	var records []*kgo.Record
	var dead, all, judged []string
	put := func(r *kgo.Record, failure string) {
		r.Partition = partition
		at := fmt.Sprintf("%s\t%d\t%d\t", stack.LedgerTopic, partition, len(records))
		switch {
		case failure != "":
			dead = append(dead, at+failure+"\t"+hex.EncodeToString(r.Value))
		case r.Value != nil:
			judged = append(judged, fmt.Sprintf("%d\tCON-01\tmatch", len(records)))
		}
		all = append(all, fmt.Sprintf("%s%s\t%s\t%t", at, hex.EncodeToString(r.Key), hex.EncodeToString(r.Value), r.Value == nil))
		records = append(records, r)
	}
	good := func() { put(contract(len(records)*candidatesIn), "") }
	for _, b := range badRecords() {
		good()
		put(&kgo.Record{Topic: stack.LedgerTopic, Key: []byte(b.name), Value: []byte(b.value), Headers: b.headers}, b.reason)
	}
	good()
	for _, far := range []string{`"term_end":"9999-12-31"`, `"notice_at":"9999-12-31T23:59:59Z"`, `"term_end":"0001-01-01"`} {
		r := contract(len(records) * candidatesIn)
		r.Value = []byte(strings.Replace(string(r.Value), `"contract":{`, `"contract":{`+far+`,`, 1))
		put(r, "")
	}
	fine := contract(len(records) * candidatesIn) // nine decimals, as Go and Java write
	fine.Value = []byte(strings.Replace(string(fine.Value), `"time":"2026-11-23T18:30:00-05:00"`, `"time":"2026-11-23T18:30:00.123456789-05:00"`, 1))
	put(fine, "")
	put(&kgo.Record{Topic: stack.LedgerTopic, Key: []byte("tombstone")}, "")
	good()
	_, data, _ := strings.Cut(string(contract(candidatesIn*1001).Value), `"data":`)
	put(&kgo.Record{Topic: stack.LedgerTopic, Headers: binary(), Value: []byte(strings.TrimSuffix(data, "}"))}, "")
	good()

	client, err := kgo.NewClient(kgo.SeedBrokers(h.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	h.drain()

	h.answers("the dead letters", dead, `SELECT topic, partition, offset, failure_stage || ' ' || failure_code || ' ' || failure_field, lower(hex(raw))
		FROM dead_letters WHERE failure_detail != '' ORDER BY offset`)
	h.answers("the records", all, "SELECT topic, partition, offset, lower(hex(key)), lower(hex(raw)), tombstone FROM events ORDER BY offset")
	h.answers("the verdicts", judged, "SELECT offset, rule, outcome FROM verdicts WHERE rule = 'CON-01' ORDER BY offset")
	h.answers("the dates that no column holds", []string{"contract.term_end\t9999-12-31\t1", "contract.notice_at\t9999-12-31T23:59:59Z\t1", "contract.term_end\t0001-01-01\t1"},
		`SELECT field, value, isNull(contract_term_end) AND isNull(contract_notice_at) FROM events
		ARRAY JOIN unstored.field AS field, unstored.value AS value ORDER BY offset`)
	if alerts := h.alerts(); len(alerts) != len(judged) {
		t.Errorf("%d candidates are alerted, want %d", len(alerts), len(judged))
	}
	offsets, err := kadm.NewClient(h.kafka).FetchOffsets(t.Context(), "tocsin")
	if err != nil {
		t.Fatal(err)
	}
	if at, _ := offsets.Lookup(stack.LedgerTopic, partition); at.At != int64(len(records)) {
		t.Errorf("the group stands at offset %d, want the end, %d", at.At, len(records))
	}
}

// answers wants these lines, tab-separated, of a query.
func (h *harness) answers(what string, want []string, sql string) {
	h.t.Helper()
	if diff := cmp.Diff(want, strings.Split(h.query(sql), "\n")); diff != "" {
		h.t.Errorf("%s (-want +stored):\n%s", what, diff)
	}
}

// configure changes a line of the configuration.
func (h *harness) configure(from, to string) {
	h.t.Helper()
	text, err := os.ReadFile(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		h.t.Fatalf("the example configuration does not show %q", from)
	}
	h.config = filepath.Join(h.t.TempDir(), "tocsin.yaml")
	if err := os.WriteFile(h.config, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		h.t.Fatal(err)
	}
}
