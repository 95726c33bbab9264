package audit

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/audit/original"
	"tocsin/cmd/tocsin/config"
)

// TestReportIdentifiesItsAudit: a report is evidence only if it states its time,
// its program, and the rows that it covers.
func TestReportIdentifiesItsAudit(t *testing.T) {
	c := config.Defaults()
	c.Kafka.Cluster, c.Kafka.Group, c.Kafka.Topics = "prod-eu", "tocsin-a", []string{"ledger.events", "system.events"}
	c.ClickHouse.Addresses, c.ClickHouse.Database = []string{"db-1:9440, db-2:9440"}, "evidence"
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.FixedZone("", -5*3600))
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, f := range []struct {
		topic    string
		from, to time.Time
		want     []string
	}{
		{"", time.Time{}, time.Time{}, []string{"2026-11-23T23:00:00Z", "tocsin dev", "prod-eu", "tocsin-a", "ledger.events system.events", "db-1:9440 db-2:9440", "evidence", "DISCLOSURE", "every row"}},
		{"system.events", from, time.Time{}, []string{"topics system.events;", "from 2026-11-01T00:00:00Z\n"}},
		{"", time.Time{}, from, []string{"before 2026-11-01T00:00:00Z"}},
		{"", from, at, []string{"from 2026-11-01T00:00:00Z to before 2026-11-23T18:00:00-05:00"}},
	} {
		var text bytes.Buffer
		s := newScope(&c, f.topic, f.from, f.to, at)
		s.write(&text)
		for _, want := range f.want {
			if !strings.Contains(text.String(), want) {
				t.Errorf("the scope lacks %q:\n%s", want, text.String())
			}
		}
		if (s.From == nil) != f.from.IsZero() || (s.To == nil) != f.to.IsZero() {
			t.Errorf("bounds %v to %v", s.From, s.To)
		}
	}
}

// TestVerdictNamesWhatWasNotExamined: only an audit of everything reports "nothing
// is wrong" without a condition.
func TestVerdictNamesWhatWasNotExamined(t *testing.T) {
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, f := range []struct {
		name     string
		audit    audit
		rejudged bool
		want     string
	}{
		{"everything", audit{depth: original.All}, true, "1 partition, 1 row, 1 candidate, 2 alerts: nothing is wrong"},
		{"no --rejudge", audit{depth: original.All}, false, "1 partition, 1 row, 1 candidate, 2 alerts: nothing is wrong in what was examined; not examined: typed columns, verdicts and findings (--rejudge)"},
		{"a topic of some days", audit{topic: "ledger.events", from: day, depth: original.All}, true, "1 partition, 1 row, 1 candidate: nothing is wrong in what was examined; not examined: whether each alert of the stream has a row (omit --topic: an alert belongs to no topic); rows outside the time range (omit --from, --to and --last)"},
		{"no Kafka", audit{unanchored: true, to: day}, true, "1 partition, 1 row, 1 candidate, 2 alerts: nothing is wrong in what was examined; not examined: the ends of the chains against the group's commits (omit --unanchored); rows outside the time range (omit --from, --to and --last); rows against the records in Kafka (--kafka all)"},
	} {
		r := &report{Rejudged: f.rejudged, Partitions: []*partition{{Rows: 1, Candidates: 1}}, Total: total{Alerts: 2}}
		f.audit.report = r
		r.Unexamined = f.audit.unexamined()
		r.finish(day)
		if got := r.verdict(); got != f.want {
			t.Errorf("%s:\n got %s\nwant %s", f.name, got, f.want)
		}
	}
	r := &report{Rejudged: true, Total: total{Problems: 1}}
	if r.finish(day); !strings.HasSuffix(r.verdict(), ": 1 problem") || !r.Scope.Ended.Equal(day) {
		t.Errorf("%s, ended %s", r.verdict(), r.Scope.Ended)
	}
}

// TestRulesOfAReportAreCounted: the report names a bounded number of the rules that
// judged its rows.
func TestRulesOfAReportAreCounted(t *testing.T) {
	r := &report{}
	r.judged("a", 2)
	r.judged("b", 1)
	r.judged("a", 3)
	if want := []judgedBy{{"a", 5}, {"b", 1}}; !slices.Equal(r.Rules, want) {
		t.Errorf("%v, want %v", r.Rules, want)
	}
	for i := range 3 * shownRules {
		r.judged(strings.Repeat("d", i), 1)
	}
	if len(r.Rules) != shownRules {
		t.Errorf("%d digests are listed, want %d", len(r.Rules), shownRules)
	}
}
