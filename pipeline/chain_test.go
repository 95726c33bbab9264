package pipeline

import (
	"crypto/sha256"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

type (
	kmsgRequest  = kmsg.Request
	kmsgResponse = kmsg.Response
)

// checkChain recomputes every partition's chain from the stored rows.
func (m *memory) checkChain(t *testing.T) {
	t.Helper()
	sort.Slice(m.batches, func(i, j int) bool { return m.batches[i].First < m.batches[j].First })
	heads := make(map[Log]Hash)
	for _, b := range m.batches {
		tp := b.Log()
		if _, ok := heads[tp]; !ok {
			heads[tp] = Seed(tp.ID, tp.Partition)
		}
		for _, row := range b.Rows {
			if heads[tp], _ = link(heads[tp], &row, nil); heads[tp] != row.Chain {
				t.Fatalf("%s: the chain breaks at offset %d", tp, row.Offset)
			}
		}
	}
}

// The framing is an interface, because auditors and ClickHouse compute it too.
// Headers are framed in the order of the record.
func TestTheChainIsFramedAsItsCommentStates(t *testing.T) {
	at := time.Date(2026, 3, 2, 14, 30, 0, 125_000_000, time.UTC) // 0x019caef4babd in ms
	row := Row{Offset: 258, Timestamp: at, Key: []byte("key"), Headers: []Header{{"a", []byte("one")}, {"b", nil}, {"a", []byte("two")}},
		Raw: []byte("value"), RawHash: sha256.Sum256([]byte("value")), Judged: Hash{9}}
	head := Hash{7}
	eight := func(low ...byte) string { return string(append(make([]byte, 8-len(low)), low...)) }
	framed := strings.Join([]string{
		string(head[:]), eight(1, 2), eight(0x01, 0x9c, 0xae, 0xf4, 0xba, 0xbd),
		eight(3), "key", eight(3),
		eight(1), "a", eight(3), "one",
		eight(1), "b", eight(0),
		eight(1), "a", eight(3), "two",
		eight(0), string(row.RawHash[:]), string(row.Judged[:]),
	}, "")
	got, _ := link(head, &row, nil)
	if got != sha256.Sum256([]byte(framed)) {
		t.Errorf("the chain is %x, which is not the hash of\n%x", got, framed)
	}
	slices.Reverse(row.Headers)
	if other, _ := link(head, &row, nil); other == got {
		t.Error("headers in another order give the same chain")
	}
}

func TestTheJudgementIsFramedAsItsCommentStates(t *testing.T) {
	eight := func(n int64) string { return string(appendNumber(nil, n)) }
	text := func(s string) string { return eight(int64(len(s))) + s }
	number, err := money.Parse("1200000.5")
	if err != nil {
		t.Fatal(err)
	}
	rule := &rules.Rule{ID: "BIG", Revision: 3, Title: "A contract of size", Item: "1.01"}
	due := time.UnixMicro(1_900_000_000_000_000).UTC()
	finding := &rules.Finding{CandidateID: "abc", Severity: rules.S2, Key: "K-1", Trigger: time.UnixMicro(1_800_000_000_000_001).UTC(), TriggerField: "event_time",
		Deadline: calendar.Deadline{DueDate: calendar.NewDate(1970, time.January, 11), DueAt: due}, Value: "1200000.5 USD", Number: &number, Unit: "USD", Reason: "missing"}
	b := &Batch{Digest: "digest", Calendar: "2030", MaxBytes: 77}
	row := &Row{Verdicts: []rules.Verdict{{Rule: &rules.Rule{ID: "OTHER", Revision: 1}, Outcome: rules.NoMatch}, {Rule: rule, Outcome: rules.Indeterminate, Finding: finding}}}
	want := strings.Join([]string{
		text("digest"), text("2030"), eight(77),
		eight(2), text("OTHER"), eight(1), eight(0), text("BIG"), eight(3), eight(2),
		eight(1), text("BIG"), text("A contract of size"), text("abc"), text("S2"), text("1.01"), text("K-1"),
		eight(1), eight(1_800_000_000_000_001), text("event_time"), eight(1), eight(10), eight(1), eight(1_900_000_000_000_000), eight(0), text(""),
		text("1200000.5 USD"), eight(1), text("1200000.5"), text("USD"), text(string(finding.ReasoningJSON())), text("missing"),
		text(""), text(""), text(""), eight(0), text(""),
	}, "")
	if _, got := b.judgement(row, nil); string(got) != want {
		t.Errorf("the judgement is framed as\n%x, want\n%x", got, want)
	}
	for at, present := range map[string]bool{"1899-12-31T23:59:59.999999Z": false, "1900-01-01T00:00:00Z": true, "2299-12-31T23:59:59.999999Z": true, "2300-01-01T00:00:00Z": false} {
		instant, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		framed := eight(0)
		if present {
			framed = eight(1) + eight(instant.UnixMicro())
		}
		if got := appendInstant(nil, instant); string(got) != framed {
			t.Errorf("%s is framed as %x, want %x: it is what the column holds", at, got, framed)
		}
	}
	dead := &Row{Failure: &event.Failure{Stage: "decode", Code: "syntax", Offset: 0, Field: "f", Detail: "d"}}
	if _, got := b.judgement(dead, nil); !strings.HasSuffix(string(got), text("decode")+text("syntax")+text("f")+eight(1)+eight(0)+text("d")) {
		t.Errorf("a failure is framed as\n%x", got)
	}
}
