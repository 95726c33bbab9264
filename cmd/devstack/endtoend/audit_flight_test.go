package endtoend

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"tocsin/cmd/devstack/stack"
	"tocsin/sinks/clickhouse"
	sink "tocsin/sinks/nats"
)

// TestAuditOfAlertsBeforeTheirRows: an alert whose record is beyond the rows and beyond
// the group's commit waits for its row. One whose record the rows have passed is a
// problem, and so is either where the commits are unknown.
func TestAuditOfAlertsBeforeTheirRows(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.together(0, 50)
	h.drain()
	js, stream := h.stream("DISCLOSURE")
	first, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	at, err := clickhouse.ParsePlace(first.Header.Get(sink.RecordHeader))
	if err != nil || at.Topic != stack.LedgerTopic || at.ID != h.topicID() || at.Partition != 0 || at.Offset >= 50 {
		t.Errorf("the worker's alert is of %s, %v", at, err)
	}
	publish := func(id string, offset int) (line string) {
		t.Helper()
		m := nats.NewMsg("disclosure.candidate.unknown.1_01.S1." + strings.Repeat(id, 26))
		m.Data = []byte("{}")
		at.Offset = int64(offset)
		m.Header.Set(sink.RecordHeader, at.String())
		ack, err := js.PublishMsg(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("no row message %d", ack.Sequence)
	}
	waits, passed := publish("b", 50), publish("c", 49)
	h.audits("with the group's commits", []string{passed})
	if a, _ := h.audit(); a.Total.InFlight != 1 {
		t.Errorf("%d alerts wait for their rows, want 1", a.Total.InFlight)
	}
	h.audits("without", []string{waits, passed}, "--unanchored", "--kafka", "none")
}
