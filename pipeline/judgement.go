package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"tocsin/rules"
	"tocsin/rules/calendar"
)

// The judgement of a record enters the chain by its hash, so that verdicts cannot be
// replaced by those of other rules unseen. The canonical form is versioned API, and
// has the values of the columns that hold the judgement. Texts and integers are
// framed as in link. A value that may be absent is 0, or 1 and the value. Instants
// are microseconds since 1970, absent outside the years 1900 to 2299; dates are days
// since 1970.
//
//	rules digest ‖ calendar version ‖ limit of a record in bytes ‖
//	number of verdicts ‖ (rule ‖ revision ‖ outcome)... ‖
//	number of findings ‖ (finding)... ‖
//	stage ‖ code ‖ field ‖ offset, maybe ‖ detail     of the failure; empty for an event
//
// and a finding is
//
//	rule ‖ title ‖ candidate id ‖ severity ‖ item ‖ key ‖ trigger, maybe ‖ trigger field ‖
//	due date, maybe ‖ due at, maybe ‖ due at (conservative), maybe ‖ deadline error ‖
//	value ‖ number as decimal text, maybe ‖ unit ‖ explanation as JSON ‖ reason

// JudgementHash returns the SHA-256 of the row's judgement, for tests of stores.
func (b *Batch) JudgementHash(r *Row) Hash {
	hash, _ := b.judgement(r, nil)
	return hash
}

// judgement returns the SHA-256 of the row's judgement. buffer holds the canonical
// form, and is returned for the next call.
func (b *Batch) judgement(r *Row, buffer []byte) (Hash, []byte) {
	to := appendText(buffer[:0], b.Digest)
	to = appendText(to, b.Calendar)
	to = appendNumber(to, int64(b.MaxBytes))
	to = appendNumber(to, int64(len(r.Verdicts)))
	found := 0
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		to = appendText(to, v.Rule.ID)
		to = appendNumber(to, int64(v.Rule.Revision))
		to = appendNumber(to, int64(v.Outcome))
		if v.Finding != nil {
			found++
		}
	}
	to = appendNumber(to, int64(found))
	for i := range r.Verdicts {
		if v := &r.Verdicts[i]; v.Finding != nil {
			to = appendFinding(to, v)
		}
	}
	if f := r.Failure; f != nil {
		to = appendText(to, f.Stage)
		to = appendText(to, f.Code)
		to = appendText(to, f.Field)
		to = appendMaybe(to, int64(f.Offset), f.Offset >= 0)
		to = appendText(to, f.Detail)
	} else {
		to = append(to, make([]byte, 5*8)...) // empty texts and an absent offset
	}
	return sha256.Sum256(to), to
}

func appendFinding(to []byte, v *rules.Verdict) []byte {
	f := v.Finding
	for _, text := range []string{v.Rule.ID, v.Rule.Title, f.CandidateID, f.Severity.String(), v.Rule.Item, f.Key} {
		to = appendText(to, text)
	}
	to = appendInstant(to, f.Trigger)
	to = appendText(to, f.TriggerField)
	to = appendMaybe(to, int64(f.Deadline.DueDate-unixEpoch), f.Deadline.DueDate != 0)
	to = appendInstant(to, f.Deadline.DueAt)
	to = appendInstant(to, f.Deadline.DueAtConservative)
	to = appendText(to, f.DeadlineError)
	to = appendText(to, f.Value)
	if f.Number == nil {
		to = appendNumber(to, 0)
	} else {
		to = appendText(appendNumber(to, 1), f.Number.String())
	}
	to = appendText(to, f.Unit)
	to = appendText(to, f.ReasoningJSON())
	return appendText(to, f.Reason)
}

// The instants that the columns hold, and the day that their dates count from.
var (
	unixEpoch = calendar.NewDate(1970, time.January, 1)
	earliest  = time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC)
	latest    = time.Date(2300, time.January, 1, 0, 0, 0, 0, time.UTC).Add(-time.Microsecond)
)

func appendInstant(to []byte, t time.Time) []byte {
	return appendMaybe(to, t.UnixMicro(), !t.IsZero() && !t.Before(earliest) && !t.After(latest))
}

func appendMaybe(to []byte, n int64, present bool) []byte {
	if !present {
		return appendNumber(to, 0)
	}
	return appendNumber(appendNumber(to, 1), n)
}

func appendNumber(to []byte, n int64) []byte { return binary.BigEndian.AppendUint64(to, uint64(n)) }

func appendText[T string | []byte](to []byte, text T) []byte {
	return append(appendNumber(to, int64(len(text))), text...)
}
