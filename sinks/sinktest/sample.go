package sinktest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// began is the Kafka timestamp of the first record of every sample: 09:30 in New
// York on a Monday.
var began = time.Date(2026, 3, 2, 14, 30, 0, 125_000_000, time.UTC)

// series makes consecutive batches of one partition of its own topic.
type series struct {
	topic     string
	partition int32
	next      int64
	head      pipeline.Hash
}

// newSeries returns a series of a new topic.
func newSeries(name string) *series {
	return &series{topic: strings.ToLower("sinktest." + name + "." + rand.Text()), partition: 3, next: 1_000_000_000_000}
}

// batch returns the next batch of the series, with a row of each maker.
func (s *series) batch(makers ...func(offset int64) pipeline.Row) *pipeline.Batch {
	b := &pipeline.Batch{Cluster: "sinktest", Topic: s.topic, Partition: s.partition, First: s.next, At: began,
		Digest: strings.Repeat("0123456789abcdef", 4), Calendar: calendar.Default().Version()}
	for _, create := range makers {
		row := create(s.next)
		row.Offset = s.next
		row.Timestamp = began.Add(time.Duration(len(b.Rows)) * time.Millisecond)
		if row.RawHash == (pipeline.Hash{}) {
			row.RawHash = sha256.Sum256(row.Raw)
		}
		row.Chain = sha256.Sum256(append(s.head[:], row.RawHash[:]...))
		s.head, b.Last = row.Chain, s.next
		s.next++
		b.Rows = append(b.Rows, row)
	}
	return b
}

// small returns a batch of an event with candidates, a dead letter and a tombstone.
func (s *series) small() *pipeline.Batch { return s.batch(s.candidate, deadLetter, tombstone) }

// id returns a candidate id made of the series and a key, as the engine makes one
// of a rule and a key.
func (s *series) id(key string) string {
	sum := sha256.Sum256([]byte(s.topic + "\x00" + key))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))[:26]
}

// verdict returns a verdict about the matter with that key.
func (s *series) verdict(o rules.Outcome, key string) rules.Verdict {
	v := rules.Verdict{Outcome: o, Rule: &rules.Rule{ID: "CON-01", Revision: 3, Title: "Material definitive agreement", Owner: "disclosure-counsel",
		Item: "1.01", Severity: rules.S2, Citation: "Form 8-K Item 1.01", Runbook: "Ask for the contract.\nThen ask counsel.", Clock: calendar.O4, Basis: calendar.Occurrence}}
	if o == rules.NoMatch {
		return v
	}
	trigger := time.Date(2026, 2, 27, 16, 5, 0, 123_456_000, time.FixedZone("", -5*3600))
	due, err := calendar.Default().Deadline(v.Rule.Clock, trigger)
	if err != nil {
		panic("sinktest: " + err.Error()) // the date is a constant that the calendar covers
	}
	v.Finding = &rules.Finding{CandidateID: s.id(key), Severity: rules.S2, Key: key, Trigger: trigger, TriggerField: "contract.executed_at", Deadline: due,
		Value:       "12500000.000000001 USD",
		Sentence:    "CON-01 fired: contract.total_value_group is 12,500,000.000000001 USD, 2,500,000.000000001 USD more than limit (10,000,000 USD).",
		Change:      []rules.Change{{Text: "contract.total_value_group", Field: "contract.total_value_group", From: "12500000.000000001 USD", To: "9999999.99 USD", By: "-2500000.010000001 USD", Words: "contract.total_value_group been 9,999,999.99 USD"}},
		Explanation: rules.Explanation{{Text: "contract.total_value_group >= limit", Value: "12500000.000000001 USD", Limit: "10000000 USD", Distance: "2500000.000000001 USD"}}}
	if o != rules.Match {
		// No deadline was counted, as when the trigger was not sent.
		v.Finding.Deadline, v.Finding.DeadlineError = calendar.Deadline{}, "the calendars do not cover the trigger's year"
		v.Finding.Reason = "contract.total_value_group was not sent"
		v.Finding.Value, v.Finding.Explanation, v.Finding.Change = "", nil, nil
	}
	return v
}

// alert returns an alert about the matter with that key.
func (s *series) alert(o rules.Outcome, key string) pipeline.Alert {
	return pipeline.Alert{Topic: s.topic, Partition: s.partition, Offset: s.next, Observed: began, Digest: strings.Repeat("0123456789abcdef", 4),
		Event: contract(key), Verdict: s.verdict(o, key)}
}

// candidate is a row with a verdict of every outcome.
func (s *series) candidate(offset int64) pipeline.Row {
	key := fmt.Sprint(offset)
	return kept(contract(key), s.verdict(rules.NoMatch, key), s.verdict(rules.Match, key+"m"), s.verdict(rules.Indeterminate, key+"i"), s.verdict(rules.Error, key+"e"))
}

// quiet is a row with verdicts and no candidate.
func (s *series) quiet(offset int64) pipeline.Row {
	return kept(contract(fmt.Sprint(offset)), s.verdict(rules.NoMatch, "a"), s.verdict(rules.NoMatch, "b"))
}

// unjudged is a row with an event that no rule applies to.
func unjudged(offset int64) pipeline.Row { return kept(contract(fmt.Sprint(offset))) }

// everyLedger and everySystem are rows with every field of their schema.
func everyLedger(int64) pipeline.Row { return kept(every("ledger.contract.executed")) }
func everySystem(int64) pipeline.Row { return kept(every(systemType())) }

// deadLetter is a row that is not decoded, because its bytes are not UTF-8.
func deadLetter(int64) pipeline.Row {
	return pipeline.Row{Key: []byte{}, Raw: []byte("{\"a\":\x00\xff\xfe'\\\n\t"), Headers: []pipeline.Header{{Key: "h", Value: []byte{0xff, 0}}, {Key: "h"}},
		Failure: &event.Failure{Stage: "decode", Code: "invalid_utf8", Offset: 6, Field: "contract.contract_id", Detail: "the text is not UTF-8"}}
}

// empty is a dead letter without bytes. It is no tombstone.
func empty(int64) pipeline.Row {
	return pipeline.Row{Key: []byte("k"), Raw: []byte{}, Failure: &event.Failure{Stage: "envelope", Code: "empty", Offset: -1, Detail: "the record has no content"}}
}

// packed is a dead letter whose batch was never unpacked.
func packed(int64) pipeline.Row {
	return pipeline.Row{RawHash: sha256.Sum256([]byte("a batch")), Failure: &event.Failure{Stage: pipeline.StageUnpack, Code: "batch_too_large", Offset: -1, Detail: "the batch is too large"}}
}

func tombstone(int64) pipeline.Row { return pipeline.Row{Key: []byte("gone"), Tombstone: true} }

func kept(e *event.Event, verdicts ...rules.Verdict) pipeline.Row {
	return pipeline.Row{Key: []byte("key"), Headers: []pipeline.Header{{Key: "content-type", Value: []byte("application/cloudevents+json")}},
		Raw: e.AppendJSON(nil), Event: e, Verdicts: verdicts}
}

// contract is an event with few fields.
func contract(id string) *event.Event {
	e := event.New(event.LookupType("ledger.contract.executed"))
	for name, text := range map[string]string{"event_id": id, "event_source": "/sinktest", "event_type": e.Type().Name,
		"registrant_cik": "0001999999", "contract.contract_id": id, "group_currency": "USD"} {
		e.SetText(e.Schema().Lookup(name), text)
	}
	e.SetAmount(e.Schema().Lookup("contract.total_value_group"), amount("12500000.000000001"))
	return e
}

// every is an event with a value in every field. Where a kind has limits, the value
// is at a limit.
func every(name string) *event.Event {
	e := event.New(event.LookupType(name))
	fill(&e.Record)
	e.SetText(e.Schema().Lookup("event_type"), name)
	return e
}

func fill(r *event.Record) {
	fields := r.Schema().Fields
	for i := range fields {
		switch f := &fields[i]; f.Kind {
		case event.Text:
			r.SetText(f, text(f))
		case event.Texts:
			r.SetTexts(f, []string{"first", "", "quote ' back \\ tab \t", "Zürich 東京"})
		case event.Bool:
			r.SetBool(f, true)
		case event.Int:
			r.SetInt(f, -9_007_199_254_740_993) // no float64 holds it
		case event.Amount:
			r.SetAmount(f, amount("-12345678901234567890123456789.123456789"))
		case event.Rate:
			rate, err := money.ParseRate("0.050000000000000001")
			if err != nil {
				panic("sinktest: " + err.Error())
			}
			r.SetRate(f, rate)
		case event.Date:
			r.SetDate(f, calendar.NewDate(2026, 2, 28))
		case event.Instant:
			r.SetInstant(f, began.UnixMicro()+1, -5*3600)
		case event.Records:
			for range 3 {
				fill(r.AddRecord(f))
			}
		}
	}
}

func text(f *event.Field) string {
	switch {
	case len(f.Values) > 0:
		return f.Values[0]
	case strings.HasSuffix(f.Name, "currency"):
		return "USD"
	case f.Name == "registrant_cik":
		return "0001999999"
	}
	return "Zürich ' \" \\ " + f.Name
}

func systemType() string {
	for _, t := range event.Types() {
		if t.Schema == event.System {
			return t.Name
		}
	}
	panic("sinktest: no system event type")
}

func amount(s string) money.Amount {
	a, err := money.Parse(s)
	if err != nil {
		panic("sinktest: " + err.Error())
	}
	return a
}
