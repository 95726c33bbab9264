package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Kinds of problems. They are API; sinks/clickhouse/AUDIT.md says what each
// means and what to do, and a test holds the two together.
const (
	kindAltered      = "altered"
	kindMissing      = "missing"
	kindAdded        = "added"
	kindDoubled      = "doubled"
	kindBroken       = "chain broken"
	kindNoMark       = "no mark"
	kindNoRules      = "no rules"
	kindNotAlerted   = "not alerted"
	kindAlertedTwice = "alerted twice"
	kindNoRow        = "no row"
	kindDiffers      = "differs" // from what reading and judging the record again gives
)

// auditReport is what an audit found. Its JSON is API: members are added and
// never change their meaning.
type auditReport struct {
	OK         bool              `json:"ok"` // no problem, and all that was asked for was done
	Rejudged   bool              `json:"rejudged"`
	Partitions []*auditPartition `json:"partitions"`
	Total      auditTotal        `json:"total"`
	Problems   []problem         `json:"problems"`                   // the first of them
	Omitted    int64             `json:"problems_omitted,omitempty"` // how many more there are
	NotJudged  []notJudged       `json:"not_rejudged,omitempty"`
	Notes      []string          `json:"notes,omitempty"`
	print      func(line string) // a problem as it is found; nil: not
}

// auditPartition is one partition's part of the report.
type auditPartition struct {
	Topic       string `json:"topic"`
	Partition   int32  `json:"partition"`
	Rows        int64  `json:"rows"`
	First       int64  `json:"first"`
	Last        int64  `json:"last"`
	Batches     int64  `json:"batches"`
	GapCount    int64  `json:"gaps"` // over which the chain goes on
	GapOffsets  int64  `json:"gap_offsets"`
	Gaps        []span `json:"first_gaps,omitempty"`
	Doubled     int64  `json:"doubled"`
	ChainOK     bool   `json:"chain_ok"`
	ChainFrom   string `json:"chain_from"` // what the chain was computed from
	Anchored    bool   `json:"anchored"`   // its end was held against the consumer group's commit
	Candidates  int64  `json:"candidates"`
	InFlight    int64  `json:"candidates_in_flight"` // beyond the group's commit, so perhaps not published yet
	Forgotten   int64  `json:"candidates_forgotten"` // older than nats.max_age
	Rejudged    int64  `json:"rejudged"`
	NotRejudged int64  `json:"not_rejudged"`
	Problems    int64  `json:"problems"`
}

type auditTotal struct {
	Rows       int64 `json:"rows"`
	Candidates int64 `json:"candidates"` // a matter counts once for each partition
	Alerts     int64 `json:"alerts"`
	NotJudged  int64 `json:"not_rejudged"`
	Problems   int64 `json:"problems"`
}

// problem is one thing that is wrong. It never holds a value of a record.
type problem struct {
	Kind      string `json:"kind"`
	Topic     string `json:"topic,omitempty"` // empty: it concerns an alert
	Partition int32  `json:"partition"`
	First     int64  `json:"first"` // offsets
	Last      int64  `json:"last"`
	Message   uint64 `json:"message,omitempty"` // number of the alert in the stream
	Rule      string `json:"rule,omitempty"`
	Column    string `json:"column,omitempty"`
	Candidate string `json:"candidate_id,omitempty"`
	Says      string `json:"says"`
}

// notJudged is a digest whose rules this program cannot open.
type notJudged struct {
	Digest string `json:"rules_digest"`
	Rows   int64  `json:"rows"`
	Reason string `json:"reason"`
}

// shownProblems bounds the report, and the memory of a table that is all wrong.
const shownProblems = 1000

func (r *auditReport) problem(p problem) {
	r.Total.Problems++
	if len(r.Problems) == shownProblems {
		r.Omitted++
		return
	}
	r.Problems = append(r.Problems, p)
	if r.print != nil {
		r.print(p.String())
	}
}

// String is the problem in a line.
func (p problem) String() string {
	where := fmt.Sprintf("%s/%d offset %d", p.Topic, p.Partition, p.First)
	if p.Last > p.First {
		where = fmt.Sprintf("%s/%d offsets %d-%d", p.Topic, p.Partition, p.First, p.Last)
	}
	if p.Topic == "" {
		where = fmt.Sprintf("stream message %d", p.Message)
	}
	if p.Rule != "" {
		where += " rule " + p.Rule
	}
	if p.Candidate != "" {
		where += " candidate " + p.Candidate
	}
	return fmt.Sprintf("%-15s%s: %s", p.Kind, where, p.Says)
}

// shownDigests bounds the digests that are told apart.
const shownDigests = 100

// notRejudged counts a row whose rules cannot be had.
func (r *auditReport) notRejudged(digest string, err error) {
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

// finish adds up.
func (r *auditReport) finish() {
	for _, p := range r.Partitions {
		r.Total.Rows += p.Rows
		r.Total.Candidates += p.Candidates
	}
	r.OK = r.Total.Problems == 0 && r.Total.NotJudged == 0
}

// exitCode is what the audit ends with.
func (r *auditReport) exitCode() int {
	switch {
	case r.Total.Problems > 0:
		return exitProblems
	case !r.OK:
		return exitFailed
	}
	return exitOK
}

func (r *auditReport) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// line is a partition for people.
func (p *auditPartition) line(rejudge bool) string {
	chain := "ok"
	if !p.ChainOK {
		chain = "BROKEN"
	}
	text := fmt.Sprintf("%-24s rows %d  offsets %d-%d  batches %d  gaps %d  doubled %d  candidates %d  chain %s from %s",
		fmt.Sprintf("%s/%d", p.Topic, p.Partition), p.Rows, p.First, p.Last, p.Batches, p.GapCount, p.Doubled, p.Candidates, chain, p.ChainFrom)
	if p.Anchored {
		text += " to the commit"
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
			text += "\n  gaps over which the chain goes on, so that nothing is lost:"
		}
		text += fmt.Sprintf(" %d-%d", g.First, g.Last)
	}
	if n := p.GapCount - int64(len(p.Gaps)); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// writeEnd prints what follows the partitions.
func (r *auditReport) writeEnd(w io.Writer) {
	for _, n := range r.NotJudged {
		fmt.Fprintf(w, "not rejudged: %d rows under %s: %s\n", n.Rows, n.Digest, n.Reason)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, "note:", n)
	}
	if r.Omitted > 0 {
		fmt.Fprintf(w, "and %d more problems\n", r.Omitted)
	}
	fmt.Fprintf(w, "%d partitions, %d rows, %d candidates, %d alerts: ", len(r.Partitions), r.Total.Rows, r.Total.Candidates, r.Total.Alerts)
	switch {
	case r.Total.Problems > 0:
		fmt.Fprintf(w, "%d problems\n", r.Total.Problems)
	case !r.OK:
		fmt.Fprintf(w, "nothing is wrong, but %d rows were not judged again\n", r.Total.NotJudged)
	default:
		fmt.Fprintln(w, "nothing is wrong")
	}
}
