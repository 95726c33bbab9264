package event

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

var wellFormed = []string{
	`{"specversion":"1.0","id":"1","source":"s","type":"ledger.journal_entry.posted","time":"2026-01-01T00:00:00Z","data":{"fiscal_year":2026,"lines":[{"amount_group":"1.5"}],"contract":{"parties":["a"]}}}`,
	`{"data":{"u":[1,{"b":null}]},"specversion":"1.0","id":"1","source":"s","type":"system.dlp"}`,
	`{"a":"\u00e9\ud83d\ude00\n","b":[-0.5e+10,true,false,null,{}]}`, `[[],[[]],{"":""}]`, `"x"`, ` 0 `, `{"a":{"b":{"c":1}}}`,
}

var malformed = []string{
	"", "{", `{"a":1,"a":2}`, `{"a":{"b":1,"b":1}}`, `{"a":01}`, `{"a":"\ud800"}`, "\"\xff\"", "\"\x01\"", `[1,]`, `{"a":1,}`, `{} {}`, "\xef\xbb\xbf{}",
	`{"\u0061":1,"a":2}`, "nul", `-`, `1.`, `1e`, `"\x"`, "\"\xed\xa0\x80\"", "{}\x00",
}

// TestDistinctInLargeObjects has more unknown names than a comparison of all
// pairs could bear.
func TestDistinctInLargeObjects(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"specversion":"1.0","id":"1","source":"s","type":"system.dlp","data":{`)
	for i := range 50_000 {
		b.WriteString(`"k`)
		b.WriteString(strings.Repeat("x", i%7))
		b.Write([]byte{'0' + byte(i/10000), '0' + byte(i/1000%10), '0' + byte(i/100%10), '0' + byte(i/10%10), '0' + byte(i%10), '"', ':', '0', ','})
	}
	d := NewDecoder(Limits{MaxBytes: 10 << 20})
	var e Event
	if f := d.Decode(&e, []byte(b.String()+`"last":0}}`), nil); f != nil || d.Unknown() != 50_001 {
		t.Fatalf("%v, %d unknown", f, d.Unknown())
	}
	f := d.Decode(&e, []byte(b.String()+`"kxxx00003":0}}`), nil)
	if want := strings.Count(b.String(), "") - 1; f == nil || f.Code != duplicateKey.Code || f.Offset != want {
		t.Fatalf("got %v, want duplicate_key at %d", f, want)
	}
}

// oracle reports whether value is one JSON value without equal names and with
// nothing but UTF-8, in the judgement of another implementation.
func oracle(value []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(value))
	if _, err := d.ReadValue(); err != nil {
		return err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

func ofText(f *Failure) bool {
	switch f.Code {
	case badSyntax.Code, trailingData.Code, duplicateKey.Code, invalidUTF8.Code:
		return true
	}
	return false
}

// FuzzDecode holds the scanner against the oracle, and the decoder against the
// scanner and its own encoder, on any bytes.
func FuzzDecode(f *testing.F) {
	for _, s := range append(append([]string{}, wellFormed...), malformed...) {
		f.Add([]byte(s))
		f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"ledger.debt.agreed","data":{"header_text":` + s + `,"x":` + s + `}}`))
		f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"ledger.debt.agreed","data":{"lines":[{"line_number":` + s + `}],"debt":{"rate":` + s + `,"maturity":"2026-01-01"}}}`))
	}
	limits := Limits{MaxDepth: 9000, MaxBytes: 1 << 20}
	d, fresh := NewDecoder(limits), NewDecoder(limits)
	binary := func(yield func(string, []byte) bool) {
		for _, h := range [][2]string{{"ce_specversion", "1.0"}, {"ce_id", "1"}, {"ce_source", "s"}, {"ce_type", "ledger.debt.agreed"}} {
			if !yield(h[0], []byte(h[1])) {
				return
			}
		}
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		want := oracle(value)

		scanner := NewDecoder(limits)
		scanner.buf = value
		if ok := scanner.begin() && scanner.skip(0) && scanner.end(); ok != (want == nil) {
			t.Fatalf("%q: scanner gives %v, oracle %v", value, scanner.fault, want)
		}
		if scanner.fault != nil && !ofText(scanner.fault) {
			t.Fatalf("%q: %v", value, scanner.fault)
		}
		if len(scanner.names) != 0 && scanner.fault == nil {
			t.Fatalf("%q: names are left over", value)
		}

		for _, mode := range []func(func(string, []byte) bool){nil, binary} {
			// d has learnt predictions from whatever came before; fresh has not.
			var e, first Event
			failure := d.Decode(&e, value, mode)
			if again := NewDecoder(limits).Decode(&first, value, mode); (failure == nil) != (again == nil) || (failure != nil && *failure != *again) {
				t.Fatalf("%q: %v with predictions learnt, %v without", value, failure, again)
			}
			if failure != nil {
				if want == nil && ofText(failure) {
					t.Fatalf("%q: %v, but the oracle accepts it", value, failure)
				}
				if failure.Offset > len(value) {
					t.Fatalf("%q: %v points past the end", value, failure)
				}
				continue
			}
			if want != nil {
				t.Fatalf("%q: decoded, but the oracle gives %v", value, want)
			}
			canonical := e.AppendJSON(nil)
			if err := oracle(canonical); err != nil {
				t.Fatalf("%q: canonical form %q: %v", value, canonical, err)
			}
			var back Event
			if failure := fresh.Decode(&back, canonical, nil); failure != nil || fresh.Unknown() != 0 || !Equal(&e, &back) {
				t.Fatalf("%q: canonical form %q decodes otherwise: %v", value, canonical, failure)
			}
		}
	})
}
