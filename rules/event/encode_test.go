package event_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// integers draws the integers of amounts and rates: up to 38 digits.
func integer(t *rapid.T) *big.Int {
	b, _ := new(big.Int).SetString(rapid.StringMatching(`-?[0-9]{1,38}`).Draw(t, "digits"), 10)
	return b
}

// fill sets a random part of a record's fields to random values.
func fill(t *rapid.T, r *event.Record) {
	s := r.Schema()
	for i := range s.Fields {
		f := &s.Fields[i]
		if rapid.IntRange(0, 2).Draw(t, "sent") != 0 {
			continue
		}
		switch f.Kind {
		case event.Text:
			r.SetText(f, rapid.String().Draw(t, f.Name))
		case event.Texts:
			r.SetTexts(f, rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, f.Name))
		case event.Bool:
			r.SetBool(f, rapid.Bool().Draw(t, f.Name))
		case event.Int:
			r.SetInt(f, rapid.Int64().Draw(t, f.Name))
		case event.Amount:
			a, err := money.FromBig(integer(t))
			if err != nil {
				t.Fatal(err)
			}
			r.SetAmount(f, a)
		case event.Rate:
			v, err := money.RateFromBig(integer(t))
			if err != nil {
				t.Fatal(err)
			}
			r.SetRate(f, v)
		case event.Date:
			r.SetDate(f, calendar.Date(rapid.Int32Range(1, 3652059).Draw(t, f.Name))) // to 9999-12-31
		case event.Instant:
			r.SetInstant(f, rapid.Int64Range(-62_135_500_000_000_000, 253_402_200_000_000_000).Draw(t, f.Name), 60*rapid.IntRange(-1439, 1439).Draw(t, "offset"))
		case event.Records:
			r.SetEmpty(f)
			for range rapid.IntRange(0, 3).Draw(t, f.Name) {
				fill(t, r.AddRecord(f))
			}
		}
	}
}

func TestEncodeDecode(t *testing.T) {
	d := event.NewDecoder(event.Limits{MaxBytes: 1 << 24})
	back := map[*event.Schema]*event.Event{event.Ledger: {}, event.System: {}} // used again and again
	types := event.Types()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(types).Draw(t, "type")
		e := event.New(kind)
		fill(t, &e.Record)
		text := func(name, v string) { e.SetText(kind.Schema.Lookup(name), v) }
		text("event_id", rapid.StringN(1, 20, -1).Draw(t, "id"))
		text("event_source", rapid.StringN(1, 20, -1).Draw(t, "source"))
		text("event_type", kind.Name)
		text("event_subject", rapid.StringN(1, 20, -1).Draw(t, "subject"))
		text("schema_version", kind.Schema.Name+".v1")
		value := e.AppendJSON(nil)
		got := back[kind.Schema]
		if f := d.Decode(got, value, nil); f != nil {
			t.Fatalf("%s: %v", value, f)
		}
		if d.Unknown() != 0 || !event.Equal(e, got) {
			t.Fatalf("decoded event differs, %d unknown:\n%s\n%s", d.Unknown(), value, got.AppendJSON(nil))
		}
	})
}

// TestAmountsSurviveToTheBit draws amounts of up to 29 digits before and 9
// after the point and compares with math/big.
func TestAmountsSurviveToTheBit(t *testing.T) {
	random := rand.New(rand.NewPCG(38, 9))
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = '0' + byte(random.IntN(10))
		}
		return string(b)
	}
	d := event.NewDecoder(event.Limits{})
	var e, back event.Event
	gross := event.Ledger.Lookup("gross_amount_group")
	for range 10_000 {
		before, after := strings.TrimLeft(digits(1+random.IntN(29)), "0"), digits(random.IntN(10))
		if before == "" {
			before = "0"
		}
		want, _ := new(big.Int).SetString(before+(after + "000000000")[:9], 10)
		text := before
		if after != "" {
			text += "." + after
		}
		if random.IntN(2) == 0 {
			text = "-" + text
			want.Neg(want)
		}
		if random.IntN(2) == 0 {
			text = `"` + text + `"`
		}
		if f := d.Decode(&e, fmt.Appendf(nil, `%s{"gross_amount_group":%s}}`, head, text), nil); f != nil {
			t.Fatalf("%s: %v", text, f)
		}
		if got := e.Amount(gross).Big(); got.Cmp(want) != 0 {
			t.Fatalf("%s is read as %s, want %s", text, got, want)
		}
		if f := d.Decode(&back, e.AppendJSON(nil), nil); f != nil || back.Amount(gross) != e.Amount(gross) {
			t.Fatalf("%s comes back as %s: %v", text, back.Amount(gross), f)
		}
	}
}

// TestInstantsAgreeWithTime compares both directions with package time.
func TestInstantsAgreeWithTime(t *testing.T) {
	d := event.NewDecoder(event.Limits{})
	var e event.Event
	entered := event.Ledger.Lookup("entered_at")
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-62_135_500_000_000_000, 253_402_200_000_000_000).Draw(t, "micros")
		want := time.UnixMicro(micros).In(time.FixedZone("", 60*rapid.IntRange(-1439, 1439).Draw(t, "offset")))
		text := want.Format(time.RFC3339Nano)
		if f := d.Decode(&e, []byte(head+`{"entered_at":"`+text+`"}}`), nil); f != nil {
			t.Fatalf("%s: %v", text, f)
		}
		if got := e.Instant(entered).Format(time.RFC3339Nano); got != text {
			t.Fatalf("%s is read as %s", text, got)
		}
		if !strings.Contains(string(e.AppendJSON(nil)), `"`+text+`"`) {
			t.Fatalf("%s is written as %s", text, e.AppendJSON(nil))
		}
	})
}

// TestDayOnly: an instant of which the source knows the day only has no time of day,
// and is not the instant of its midnight.
func TestDayOnly(t *testing.T) {
	d := event.NewDecoder(event.Limits{})
	var day, midnight, attribute event.Event
	for e, text := range map[*event.Event]string{&day: head + `{"event_time":"2026-11-23","entered_at":"2026-11-23"}}`, &midnight: head + `{"event_time":"2026-11-23","entered_at":"2026-11-23T00:00:00Z"}}`,
		&attribute: strings.Replace(head, `"id"`, `"time":"2026-11-23","id"`, 1) + `{"entered_at":"2026-11-23"}}`} {
		if f := d.Decode(e, []byte(text), nil); f != nil {
			t.Fatalf("%s: %v", text, f)
		}
	}
	if event.Equal(&day, &midnight) || !event.Equal(&day, &attribute) {
		t.Error("a day is the instant of its midnight, or another as the attribute time")
	}
	entered := event.Ledger.Lookup("entered_at")
	if date, only := event.DayOf(day.Instant(entered)); !only || date.String() != "2026-11-23" {
		t.Errorf("the day is %s, %t", date, only)
	}
	if _, only := event.DayOf(midnight.Instant(entered)); only {
		t.Error("midnight has no time of day")
	}
	// CloudEvents knows no time without a time of day, so the day stands in the data.
	text := string(day.AppendJSON(nil))
	if strings.Contains(text, `"time"`) || !strings.Contains(text, `"data":{"event_time":"2026-11-23"`) {
		t.Errorf("written as %s", text)
	}
	var again event.Event
	if f := d.Decode(&again, []byte(text), nil); f != nil || !event.Equal(&day, &again) {
		t.Errorf("%s comes back otherwise: %v", text, f)
	}
	again.SetDay(entered, calendar.NewDate(1, 1, 1))
	if date, only := event.DayOf(again.Instant(entered)); !only || date != 1 {
		t.Errorf("the first day is %s, %t", date, only)
	}
}

// TestDatesAgreeWithTime tries every month's ends with package time as judge.
func TestDatesAgreeWithTime(t *testing.T) {
	d := event.NewDecoder(event.Limits{})
	var e event.Event
	posting := event.Ledger.Lookup("posting_date")
	for year := 1890; year <= 2110; year++ {
		for month := 0; month <= 13; month++ {
			for day := 27; day <= 32; day++ {
				text := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
				_, err := time.Parse(time.DateOnly, text)
				f := d.Decode(&e, []byte(head+`{"posting_date":"`+text+`"}}`), nil)
				if (f == nil) != (err == nil) || (f == nil && e.Date(posting).String() != text) {
					t.Fatalf("%s: %v, package time gives %v", text, f, err)
				}
			}
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	var e event.Event
	if f := event.NewDecoder(event.Limits{}).Decode(&e, []byte(journal), nil); f != nil {
		b.Fatal(f)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}
