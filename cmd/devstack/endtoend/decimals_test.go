package endtoend

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// amountFields are amounts of an event: their objects and names in JSON. Their
// columns have an underscore for the dot.
var amountFields = []string{
	"contract.total_value_group", "contract.annual_value_group", "debt.principal_group",
	"gross_amount_group", "contingency.accrued_group", "approval_limit_group",
}

// lineAmounts are the amounts of a line.
var lineAmounts = []string{"amount_transaction", "amount_functional", "amount_group"}

// misfits are values that are no amount, or none that fits Decimal(38,9), as
// they stand in JSON, with the stage and code of their dead letter. A value
// that is not even JSON belongs to no field.
var misfits = []struct{ text, stage, code string }{
	{"100000000000000000000000000000", "schema", "bad_amount"}, // 10^29: 30 digits before the point
	{`"-100000000000000000000000000000.5"`, "schema", "bad_amount"},
	{"123456789012345678901234567890123456789012345678901234567890", "schema", "bad_amount"},
	{"0.0000000001", "schema", "bad_amount"}, // 10 digits after the point
	{`"99999999999999999999999999999.9999999991"`, "schema", "bad_amount"},
	{"1E29", "schema", "bad_amount"},
	{`"1e-10"`, "schema", "bad_amount"},
	{`"NaN"`, "schema", "bad_amount"},
	{`"-Infinity"`, "schema", "bad_amount"},
	{`"1,000.00"`, "schema", "bad_amount"},
	{`"12 USD"`, "schema", "bad_amount"},
	{`"+5"`, "schema", "bad_amount"},
	{`""`, "schema", "bad_amount"},
	{"true", "schema", "wrong_kind"},
	{`{"value":1}`, "schema", "wrong_kind"},
	{"NaN", "decode", "syntax"},
	{"Infinity", "decode", "syntax"},
	{"+1", "decode", "syntax"},
	{"01", "decode", "syntax"},
	{".5", "decode", "syntax"},
}

// amounts are what an event is sent with: the text of each, empty where it is not sent.
type amounts struct {
	fields [6]string
	lines  [][3]string
}

// draw draws an event's decimals.
func draw(r *rand.Rand) (d amounts) {
	for i := range d.fields {
		if r.IntN(4) > 0 {
			d.fields[i] = decimal(r)
		}
	}
	d.lines = make([][3]string, r.IntN(4))
	for i := range d.lines {
		for j := range d.lines[i] {
			if r.IntN(8) > 0 {
				d.lines[i][j] = decimal(r)
			}
		}
	}
	return d
}

// decimal draws a decimal of up to 29 digits before and 9 after the point, each
// count as likely as the next, as a JSON number or as text.
func decimal(r *rand.Rand) string {
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + r.IntN(10))
		}
		return string(b)
	}
	var text string
	switch r.IntN(50) {
	case 0:
		text = strings.Repeat("9", 29) + "." + strings.Repeat("9", 9)
	case 1:
		text = "0.000000001"
	case 2:
		text = fmt.Sprintf("%d.%sE+%d", 1+r.IntN(9), digits(9), r.IntN(29))
	default:
		text = "0"
		if n := r.IntN(30); n > 0 {
			text = string(byte('1'+r.IntN(9))) + digits(n-1)
		}
		if n := r.IntN(10); n > 0 {
			text += "." + digits(n)
		}
	}
	if r.IntN(2) == 0 {
		text = "-" + text
	}
	if r.IntN(2) == 0 {
		text = `"` + text + `"`
	}
	return text
}

// spoil puts a misfit somewhere and returns the reason that its dead letter
// must give.
func (d *amounts) spoil(r *rand.Rand) string {
	bad := misfits[r.IntN(len(misfits))]
	i := r.IntN(len(amountFields) + len(lineAmounts))
	field := ""
	if i < len(amountFields) {
		d.fields[i], field = bad.text, amountFields[i]
	} else {
		i -= len(amountFields)
		line := [3]string{}
		line[i], field = bad.text, "lines."+lineAmounts[i]
		d.lines = append(d.lines, line)
	}
	if bad.stage == "decode" {
		field = ""
	}
	return bad.stage + " " + bad.code + " " + field
}

// value writes the event, of a type that no rule of the shipped pack judges.
func (d *amounts) value(id string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"specversion":"1.0","id":%q,"source":"endtoend","type":"ledger.equity.converted","data":{"group_currency":"USD"`, id)
	for i, text := range d.fields {
		if text == "" {
			continue
		}
		object, name, nested := strings.Cut(amountFields[i], ".")
		switch {
		case !nested:
			fmt.Fprintf(&b, ",%q:%s", object, text)
		case i == 0 && d.fields[1] != "":
			fmt.Fprintf(&b, `,"contract":{%q:%s,"annual_value_group":%s}`, name, text, d.fields[1])
		case i == 1 && d.fields[0] != "":
		default:
			fmt.Fprintf(&b, ",%q:{%q:%s}", object, name, text)
		}
	}
	for i, line := range d.lines {
		b.WriteString([]string{`,"lines":[{`, "},{"}[min(i, 1)])
		fmt.Fprintf(&b, `"line_number":%d`, i+1)
		for j, text := range line {
			if text != "" {
				fmt.Fprintf(&b, ",%q:%s", lineAmounts[j], text)
			}
		}
	}
	if len(d.lines) > 0 {
		b.WriteString("}]")
	}
	b.WriteString("}}")
	return []byte(b.String())
}

// same reports whether what is stored is exactly what was sent; nil is what was
// not sent.
func same(sent string, stored *string) bool {
	if sent == "" || stored == nil {
		return sent == "" && stored == nil
	}
	want, ok := new(big.Rat).SetString(strings.Trim(sent, `"`))
	got, read := new(big.Rat).SetString(*stored)
	return ok && read && want.Cmp(got) == 0
}

func TestDecimalsSurviveToTheBit(t *testing.T) {
	t.Parallel()
	const events = 10_000
	h, r := start(t, stack.Addresses{}), rand.New(rand.NewPCG(4, 2026))
	sent, reasons, sums := make(map[string]amounts), make(map[string]string), make(map[string]string)
	var records []*kgo.Record
	for i := range events {
		id, d := fmt.Sprintf("d-%05d", i), draw(r)
		if i%20 == 7 {
			reasons[id] = d.spoil(r)
		} else {
			sent[id] = d
		}
		value := d.value(id)
		sum := sha256.Sum256(value)
		sums[id] = hex.EncodeToString(sum[:])
		records = append(records, &kgo.Record{Topic: stack.LedgerTopic, Key: []byte(id), Value: value})
	}
	h.produce(records...)
	h.drain()

	stored := make(map[string]string)
	for line := range strings.Lines(h.query("SELECT key, lower(hex(SHA256(raw))) FROM events")) {
		id, sum, _ := strings.Cut(strings.TrimSpace(line), "\t")
		stored[id] = sum
	}
	if diff := cmp.Diff(sums, stored); diff != "" {
		t.Errorf("the records' bytes (-sent +stored):\n%s", diff)
	}
	dead := make(map[string]string)
	for line := range strings.Lines(h.query("SELECT key, failure_stage || ' ' || failure_code || ' ' || failure_field FROM dead_letters WHERE failure_detail != ''")) {
		id, reason, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		dead[id] = reason
	}
	if diff := cmp.Diff(reasons, dead); diff != "" {
		t.Errorf("dead letters (-want +stored):\n%s", diff)
	}
	h.decimals(sent)
}

// decimals compares every amount of the events with what is stored.
func (h *harness) decimals(sent map[string]amounts) {
	h.t.Helper()
	var columns []string
	for _, name := range amountFields {
		columns = append(columns, fmt.Sprintf("toString(%s)", strings.ReplaceAll(name, ".", "_")))
	}
	for _, name := range lineAmounts {
		columns = append(columns, fmt.Sprintf("arrayMap(x -> toString(x), `lines.%s`)", name))
	}
	answer := h.query("SELECT event_id, [" + strings.Join(columns[:6], ",") + "], [" + strings.Join(columns[6:], ",") + "] FROM ledger_events FORMAT JSONCompactEachRow")
	rows, compared := 0, 0
	for line := range strings.Lines(answer) {
		var id string
		var fields []*string
		var lines [][]*string
		if err := json.Unmarshal([]byte(line), &[]any{&id, &fields, &lines}); err != nil {
			h.t.Fatal(err)
		}
		d := sent[id]
		rows++
		for i, name := range amountFields {
			if d.fields[i] != "" {
				compared++
			}
			if !same(d.fields[i], fields[i]) {
				h.t.Errorf("%s of %s: %s became %s", name, id, d.fields[i], text(fields[i]))
			}
		}
		for j, name := range lineAmounts {
			if len(lines[j]) != len(d.lines) {
				h.t.Fatalf("%s has %d lines, want %d", id, len(lines[j]), len(d.lines))
			}
			for i := range d.lines {
				if d.lines[i][j] != "" {
					compared++
				}
				if !same(d.lines[i][j], lines[j][i]) {
					h.t.Errorf("%s of line %d of %s: %s became %s", name, i+1, id, d.lines[i][j], text(lines[j][i]))
				}
			}
		}
	}
	if rows != len(sent) {
		h.t.Errorf("%d events are stored, want %d", rows, len(sent))
	}
	h.t.Logf("%d events, %d amounts compared", rows, compared)
}

func text(s *string) string {
	if s == nil {
		return "NULL"
	}
	return *s
}
