package pipeline

import (
	"tocsin/rules"
	"tocsin/rules/event"
)

// Judge decodes the event of a record and asks the rules. What a store can hold
// plays no part. The loop uses a Judge for new records and the audit for stored
// ones. A Judge serves one goroutine at a time.
type Judge struct{ decoder *event.Decoder }

// NewJudge returns a judge that reads records under limits.
func NewJudge(limits event.Limits) *Judge { return &Judge{event.NewDecoder(limits)} }

// Complete sets the Event and the Verdicts, or the Failure, of a row that already
// holds the record as Kafka delivered it. It decodes the event into e, appends the
// verdicts to all and returns the result. A tombstone has neither event nor failure.
func (j *Judge) Complete(row *Row, e *event.Event, engine *rules.Engine, all []rules.Verdict) []rules.Verdict {
	if row.Tombstone {
		return all
	}
	row.Failure = j.decoder.Decode(e, row.Raw, EachHeader(row.Headers))
	if row.Failure != nil {
		return all
	}
	row.Event = e
	first := len(all)
	all = engine.Judge(all, e, row.Timestamp)
	row.Verdicts = all[first:len(all):len(all)]
	return all
}
