package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tocsin/cmd/tocsin/audit/original"
	"tocsin/cmd/tocsin/audit/trail"
	"tocsin/cmd/tocsin/cli"
	"tocsin/rules/diag"
)

// Kinds of problems beside those of package trail. They are API; AUDIT.md explains
// each, and a test compares its table with kinds.
const (
	kindNoMark       = "no mark"
	kindNoRules      = "no rules"
	kindNotAlerted   = "not alerted"
	kindAlertedTwice = "alerted twice"
	kindNoRow        = "no row"
	kindDiffers      = "differs" // from the result of reading and judging the record again
)

// kinds are all kinds of problems.
var kinds = []string{trail.Altered, trail.Missing, trail.Added, trail.Doubled, trail.Broken,
	kindNoMark, kindNoRules, kindNotAlerted, kindAlertedTwice, kindNoRow, kindDiffers, original.NotStored, original.NoRecord, original.Unlike}

// report is the result of an audit. Its JSON is API: members are added and never
// change their meaning.
type report struct {
	Scope      scope             `json:"scope"`
	OK         bool              `json:"ok"`                     // no problem, and every row was judged again that should be
	Unexamined []string          `json:"not_examined,omitempty"` // the parts that the flags left out
	Rejudged   bool              `json:"rejudged"`
	Rules      []judgedBy        `json:"rules"` // the first digests that audited rows name
	Partitions []*partition      `json:"partitions"`
	Total      total             `json:"total"`
	Problems   []problem         `json:"problems"`                   // the first of them
	Omitted    int64             `json:"problems_omitted,omitempty"` // the number of further problems
	NotJudged  []notJudged       `json:"not_rejudged,omitempty"`
	Notes      []string          `json:"notes,omitempty"`
	byKind     map[string]int64  // all problems, by kind
	println    func(line string) // prints a problem as it is found; nil: prints none
	several    map[string]bool   // topic names with logs of several ids
}

// partition is one partition's part of the report.
type partition struct {
	Topic       string       `json:"topic"`
	TopicID     string       `json:"topic_id"`
	Partition   int32        `json:"partition"`
	Rows        int64        `json:"rows"`
	First       int64        `json:"first"`
	Last        int64        `json:"last"`
	Batches     int64        `json:"batches"`
	GapCount    int64        `json:"gaps"` // ranges of offsets without a row, over which the chain continues
	GapOffsets  int64        `json:"gap_offsets"`
	Gaps        []trail.Span `json:"first_gaps,omitempty"`
	Doubled     int64        `json:"doubled"`
	ChainOK     bool         `json:"chain_ok"`
	ChainFrom   string       `json:"chain_from"`          // where the chain was begun
	ChainHead   string       `json:"chain_head"`          // the chain at the last audited row, in hexadecimal
	Anchored    bool         `json:"anchored"`            // its end was compared with the consumer group's commit
	Compared    int64        `json:"compared_with_kafka"` // records
	Candidates  int64        `json:"candidates"`
	InFlight    int64        `json:"candidates_in_flight"` // beyond the group's commit: perhaps not published yet
	Forgotten   int64        `json:"candidates_forgotten"` // older than nats.max_age
	Rejudged    int64        `json:"rejudged"`
	NotRejudged int64        `json:"not_rejudged"`
	Problems    int64        `json:"problems"`
}

type total struct {
	Rows       int64 `json:"rows"`
	Candidates int64 `json:"candidates"` // a matter counts once for each partition
	Alerts     int64 `json:"alerts"`
	InFlight   int64 `json:"alerts_in_flight"` // their rows are not stored yet
	NotJudged  int64 `json:"not_rejudged"`
	Problems   int64 `json:"problems"`
}

// problem is one problem that the audit found. It never holds a value of a record.
type problem struct {
	Kind      string `json:"kind"`
	Topic     string `json:"topic,omitempty"` // empty: the problem is with an alert
	TopicID   string `json:"topic_id,omitempty"`
	Partition int32  `json:"partition"`
	First     int64  `json:"first"` // offsets
	Last      int64  `json:"last"`
	Sequence  uint64 `json:"stream_sequence,omitempty"` // of the alert
	Rule      string `json:"rule,omitempty"`
	Column    string `json:"column,omitempty"`
	Candidate string `json:"candidate_id,omitempty"`
	Message   string `json:"message"`
}

// notJudged is a digest whose rules this program cannot open.
type notJudged struct {
	Digest string `json:"rules_digest"`
	Rows   int64  `json:"rows"`
	Reason string `json:"reason"`
}

// shownProblems bounds the problems that a report lists, and so the memory of an
// audit that finds every row wrong.
const shownProblems = 1000

func (r *report) problem(p problem) {
	r.Total.Problems++
	if r.byKind == nil {
		r.byKind = make(map[string]int64)
	}
	r.byKind[p.Kind]++
	if len(r.Problems) == shownProblems {
		r.Omitted++
		return
	}
	r.Problems = append(r.Problems, p)
	if r.println != nil {
		r.println(p.line(r.several[p.Topic]))
	}
}

// line returns the problem in one line, with the topic's id as in logName.
func (p problem) line(withID bool) string {
	where := logName(p.Topic, p.TopicID, p.Partition, withID)
	if p.Last > p.First {
		where += fmt.Sprintf(" offsets %d-%d", p.First, p.Last)
	} else {
		where += fmt.Sprintf(" offset %d", p.First)
	}
	if p.Topic == "" {
		where = fmt.Sprintf("stream message %d", p.Sequence)
	}
	if p.Rule != "" {
		where += " rule " + p.Rule
	}
	if p.Candidate != "" {
		where += " candidate " + p.Candidate
	}
	return fmt.Sprintf("%-15s%s: %s", p.Kind, where, p.Message)
}

// shownDigests bounds the digests that are counted separately.
const shownDigests = 100

// notRejudged counts a row whose rules cannot be opened.
func (r *report) notRejudged(digest string, err error) {
	r.Total.NotJudged++
	i := slices.IndexFunc(r.NotJudged, func(n notJudged) bool { return n.Digest == digest })
	if i < 0 {
		if i = len(r.NotJudged); i == shownDigests {
			return
		}
		r.NotJudged = append(r.NotJudged, notJudged{Digest: digest, Reason: err.Error()})
	}
	r.NotJudged[i].Rows++
}

// finish computes the totals at the end of the audit.
func (r *report) finish(now time.Time) {
	r.Scope.Ended = now.UTC()
	for _, p := range r.Partitions {
		r.Total.Rows += p.Rows
		r.Total.Candidates += p.Candidates
	}
	r.OK = r.Total.Problems == 0 && r.Total.NotJudged == 0
}

// outcome returns the error that the audit ends with.
func (r *report) outcome() error {
	switch {
	case r.Total.Problems > 0:
		return cli.ErrProblems
	case !r.OK:
		return cli.ErrFailed
	}
	return nil
}

func (r *report) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// logName names a log in the printed report. withID adds the topic's id, which distinguishes logs of
// one name.
func logName(topic, id string, partition int32, withID bool) string {
	name := fmt.Sprintf("%s/%d", topic, partition)
	if withID {
		name += " topic id " + cmp.Or(id, "none")
	}
	return name
}

// line returns the partition's part of the printed report, with the topic's id as in logName.
func (p *partition) line(rejudge, withID bool) string {
	chain := "ok"
	if !p.ChainOK {
		chain = "BROKEN"
	}
	text := fmt.Sprintf("%-24s rows %d  offsets %d-%d  batches %d  gaps %d  doubled %d  candidates %d  chain %s from %s to %s",
		logName(p.Topic, p.TopicID, p.Partition, withID), p.Rows, p.First, p.Last, p.Batches, p.GapCount, p.Doubled, p.Candidates, chain, p.ChainFrom, p.ChainHead)
	if p.Anchored {
		text += ", as the group committed"
	}
	if n := p.Compared; n > 0 {
		text += fmt.Sprintf("  compared with Kafka %d", n)
	}
	if n := p.InFlight; n > 0 {
		text += fmt.Sprintf("  candidates in flight %d", n)
	}
	if n := p.Forgotten; n > 0 {
		text += fmt.Sprintf("  candidates beyond max_age %d", n)
	}
	if rejudge {
		text += fmt.Sprintf("  rejudged %d", p.Rejudged)
		if p.NotRejudged > 0 {
			text += fmt.Sprintf(" not rejudged %d", p.NotRejudged)
		}
	}
	for i, g := range p.Gaps {
		if i == 0 {
			text += "\n  gaps over which the chain continues, so no row is lost:"
		}
		text += fmt.Sprintf(" %d-%d", g.First, g.Last)
	}
	if n := p.GapCount - int64(len(p.Gaps)); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// writeEnd prints what follows the partitions.
func (r *report) writeEnd(w io.Writer) {
	for _, j := range r.Rules {
		fmt.Fprintf(w, "rules %s judged %s\n", j.Digest, diag.Plural(int(j.Rows), "row"))
	}
	for _, n := range r.NotJudged {
		fmt.Fprintf(w, "not rejudged: %s under %s: %s\n", diag.Plural(int(n.Rows), "row"), n.Digest, n.Reason)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, "note:", n)
	}
	if r.Omitted > 0 {
		fmt.Fprintf(w, "and %s not listed\n", diag.Plural(int(r.Omitted), "problem"))
	}
	fmt.Fprintln(w, r.verdict())
}

// verdict returns the last line of a report: the counts, the outcome, and the parts
// that the audit did not examine.
func (r *report) verdict() string {
	counted := []string{diag.Plural(len(r.Partitions), "partition"), diag.Plural(r.Total.Rows, "row"), diag.Plural(r.Total.Candidates, "candidate")}
	if !slices.Contains(r.Unexamined, unexaminedAlerts) {
		alerts := diag.Plural(r.Total.Alerts, "alert")
		if n := r.Total.InFlight; n > 0 {
			alerts += fmt.Sprintf(", of which %d wait for their rows", n)
		}
		counted = append(counted, alerts)
	}
	outcome := "nothing is wrong"
	switch {
	case r.Total.Problems > 0:
		outcome = diag.Plural(r.Total.Problems, "problem")
	case !r.OK:
		outcome = "nothing is wrong, but " + diag.Plural(r.Total.NotJudged, "row") + " could not be judged again"
	case len(r.Unexamined) > 0:
		outcome = "nothing is wrong in what was examined"
	}
	text := strings.Join(counted, ", ") + ": " + outcome
	if len(r.Unexamined) > 0 {
		text += "; not examined: " + strings.Join(r.Unexamined, "; ")
	}
	return text
}
