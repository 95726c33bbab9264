package audit

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tocsin/cmd/tocsin/audit/original"
	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
)

// scope identifies an audit: its time, its program, the servers, and the rows that
// it covers. A report without it is no evidence. Its JSON is API.
type scope struct {
	Begun      time.Time   `json:"begun"`
	Ended      time.Time   `json:"ended"`
	Program    cli.Program `json:"program"`
	Cluster    string      `json:"cluster"` // kafka.cluster
	Group      string      `json:"group"`
	Topics     []string    `json:"topics"` // those configured, or the one that --topic names
	ClickHouse []string    `json:"clickhouse"`
	Database   string      `json:"database"`
	Stream     string      `json:"stream"`
	From       *time.Time  `json:"from,omitempty"` // nil: the first row
	To         *time.Time  `json:"to,omitempty"`   // nil: the last row
}

// newScope returns the scope of an audit that begins now. The zero time is no
// bound. An empty topic is every configured topic.
func newScope(c *config.Config, topic string, from, to, now time.Time) scope {
	s := scope{Begun: now.UTC(), Program: cli.ThisProgram(), Cluster: c.Kafka.Cluster, Group: c.Kafka.Group, Topics: c.Kafka.Topics,
		ClickHouse: c.Store().Addrs, Database: c.ClickHouse.Database, Stream: c.NATS.Stream}
	if topic != "" {
		s.Topics = []string{topic}
	}
	if !from.IsZero() {
		s.From = &from
	}
	if !to.IsZero() {
		s.To = &to
	}
	return s
}

// write prints the scope for people.
func (s *scope) write(w io.Writer) {
	rows := "every row"
	switch {
	case s.From != nil && s.To != nil:
		rows = fmt.Sprintf("batches with records from %s to before %s", s.From.Format(time.RFC3339), s.To.Format(time.RFC3339))
	case s.From != nil:
		rows = fmt.Sprintf("batches with records from %s", s.From.Format(time.RFC3339))
	case s.To != nil:
		rows = fmt.Sprintf("batches with records before %s", s.To.Format(time.RFC3339))
	}
	fmt.Fprintf(w, "audit of %s by %s\n", s.Begun.Format(time.RFC3339), s.Program)
	fmt.Fprintf(w, "Kafka cluster %s, group %s, topics %s; ClickHouse %s, database %s; stream %s\n",
		s.Cluster, s.Group, strings.Join(s.Topics, " "), strings.Join(s.ClickHouse, " "), s.Database, s.Stream)
	fmt.Fprintf(w, "%s\n\n", rows)
}

// judgedBy is the number of audited rows that name a digest of rules.
type judgedBy struct {
	Digest string `json:"rules_digest"`
	Rows   uint64 `json:"rows"`
}

// shownRules bounds the digests that a report lists.
const shownRules = 100

// judged counts rows under the digest that they name.
func (r *report) judged(digest string, rows uint64) {
	i := slices.IndexFunc(r.Rules, func(j judgedBy) bool { return j.Digest == digest })
	if i < 0 {
		if i = len(r.Rules); i == shownRules {
			return
		}
		r.Rules = append(r.Rules, judgedBy{Digest: digest})
	}
	r.Rules[i].Rows += rows
}

// Parts of an audit that a flag leaves out.
const (
	unexaminedColumns = "typed columns, verdicts and findings (--rejudge)"
	unexaminedAnchor  = "the ends of the chains against the group's commits (omit --unanchored)"
	unexaminedAlerts  = "whether each alert of the stream has a row (omit --topic: an alert belongs to no topic)"
	unexaminedKafka   = "rows against the records in Kafka (--kafka all)"
	unexaminedRange   = "rows outside the time range (omit --from, --to and --last)"
)

// unexamined lists what the flags of an audit leave out.
func (a *audit) unexamined() (parts []string) {
	for _, p := range []struct {
		left bool
		part string
	}{
		{!a.report.Rejudged, unexaminedColumns},
		{a.unanchored, unexaminedAnchor},
		{a.topic != "", unexaminedAlerts},
		{!a.from.IsZero() || !a.to.IsZero(), unexaminedRange},
		{a.depth != original.All, unexaminedKafka},
	} {
		if p.left {
			parts = append(parts, p.part)
		}
	}
	return parts
}
