package rules

import (
	"tocsin/rules/event"
)

// Question is one of the qualitative questions of SAB 99 (SAB Topic 1.M), which
// people answer of every candidate that was held against a materiality
// threshold: an amount below it can be material all the same.
type Question struct {
	Number int    `json:"number"` // 1 to 9 as in the bulletin; 10 and 11 from its text
	Text   string `json:"text"`
	// Answer is yes or no where the event holds the answer, else open: for people
	// to answer, with their reasons. It depends on the event: material non-public
	// information.
	Answer string `json:"answer"`
}

const open = "open"

// sab99 are the questions. answer is nil where only people can.
var sab99 = []struct {
	text   string
	answer func(e *event.Record) string
}{
	{"Does it arise from an item that can be measured precisely, rather than from an estimate?", fromBool("is_estimate", true)},
	{"Does it mask a change in earnings or another trend?", nil},
	{"Does it hide a failure to meet analysts' consensus?", nil},
	{"Does it turn a loss into income, or income into a loss?", nil},
	{"Does it concern a segment or other part that was said to be significant?", nil},
	{"Does it affect compliance with regulatory requirements?", nil},
	{"Does it affect compliance with loan covenants or other contracts?", covenant},
	{"Does it increase management's compensation?", nil},
	{"Does it involve concealment of an unlawful transaction?", nil},
	{"Is a significant reaction of the market to be expected?", nil},
	{"Is the misstatement intentional?", nil},
}

// fromBool answers by a field of the event, turned round if so said.
func fromBool(name string, turned bool) func(*event.Record) string {
	return func(e *event.Record) string {
		f := e.Schema().Lookup(name)
		switch {
		case f == nil || !e.Has(f):
			return open
		case e.Bool(f) != turned:
			return "yes"
		}
		return "no"
	}
}

// covenant answers yes where a covenant is breached. One that is kept leaves the
// others open.
func covenant(e *event.Record) string {
	if f := e.Schema().Lookup("debt.covenant_headroom"); f != nil && e.Has(f) && e.Rate(f).Big().Sign() < 0 {
		return "yes"
	}
	return open
}

// checklist are the questions, with what the event answers.
func checklist(e *event.Record) []Question {
	all := make([]Question, len(sab99))
	for i, q := range sab99 {
		all[i] = Question{Number: i + 1, Text: q.text, Answer: open}
		if q.answer != nil {
			all[i].Answer = q.answer(e)
		}
	}
	return all
}
