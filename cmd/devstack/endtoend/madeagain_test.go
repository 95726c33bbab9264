package endtoend

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// remake deletes the ledger's topic and creates it again under its name. A broker is
// busy with a deletion for a moment after it has answered.
func (h *harness) remake() {
	h.t.Helper()
	before, adm := h.topicID(), kadm.NewClient(h.kafka)
	topics, err := adm.ListTopics(h.t.Context(), stack.LedgerTopic)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := adm.DeleteTopic(h.t.Context(), stack.LedgerTopic); err != nil {
		h.t.Fatal(err)
	}
	h.eventually(time.Minute, "the topic is made again", func() bool {
		_, err := adm.CreateTopic(h.t.Context(), int32(len(topics[stack.LedgerTopic].Partitions)), 1, nil, stack.LedgerTopic)
		return err == nil
	})
	h.eventually(time.Minute, "the client knows its id", func() bool {
		id, err := h.askTopicID()
		return err == nil && id != before
	})
}

// TestDeadLettersOfATopicMadeAgain: a topic was deleted and created again under its
// name, and both logs have dead letters at one offset. No command takes one for the
// other, and none sends a record of the old log to the new one unasked.
func TestDeadLettersOfATopicMadeAgain(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.letterbox(oversized(1), &kgo.Record{Value: []byte("{old")}, &kgo.Record{Value: []byte("{")})
	old := []string{h.whole(0), h.whole(1), h.whole(2)}
	oldID := h.topicID().String()
	h.remake()
	h.letterbox(oversized(2), contract(3*candidatesIn))
	young := []string{h.whole(0), h.whole(1), h.whole(2), h.whole(3)}
	listed := func(want ...string) {
		t.Helper()
		got := h.listed("--all")
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
	}
	listed(old[0]+" open", old[1]+" open", old[2]+" open", young[0]+" open")

	// Without the id a place is refused where both logs have a dead letter, and is
	// the one there is elsewhere.
	for _, args := range [][]string{{"show"}, {"replay"}, {"replay", "--again"}, {"discard", "--reason", "r"}} {
		h.wants(1, append(args, place(0)), place(0)+": the topic was deleted and created again, and more than one of its logs has it", old[0]+" of 20", young[0]+" of 20")
	}
	if r := h.letters("", "show", old[0], "--raw"); r.code != 0 || r.stdout != string(oversized(1).Value) {
		t.Errorf("show %s: exit code %d, %d bytes\n%s", old[0], r.code, len(r.stdout), r.stderr)
	}
	h.wants(0, []string{"show", place(1), "--raw"}, "{old")
	h.wants(1, []string{"show", young[1]}, "it is no dead letter: the row is an event, or a tombstone")

	// A record of the old log stays where it is.
	h.wants(1, []string{"replay", place(1)}, "nothing is done", old[1]+": topic ledger.events was deleted and created again, and its id is "+h.topicID().String()+" now", "Discard the dead letter; or --again sends")
	h.wants(1, []string{"replay", "--code", "too_large", "--yes"}, "nothing is done", old[0]+": topic ledger.events was deleted")
	h.wants(0, []string{"replay", "--topic", stack.LedgerTopic, "--topic-id", h.topicID().String(), "--code", "too_large", "--yes"}, young[0]+" is sent again, as "+young[2])
	listed(old[0]+" open", old[1]+" open", old[2]+" open", young[0]+" pending")
	h.wants(0, []string{"discard", "--topic", stack.LedgerTopic, "--topic-id", oldID, "--code", "syntax", "--yes", "--reason", "gone with its topic"}, old[1]+" is set aside", old[2]+" is set aside")

	// Asked to, it becomes a record of the new log.
	h.wants(0, []string{"replay", old[0], "--again"}, old[0]+" is sent again, as "+young[3])
	h.wants(1, []string{"replay", old[0]}, old[0]+": topic ledger.events was deleted and created again", old[0]+" has a replay already", "2 offsets of its partition are not stored yet")
	h.drain()
	listed(old[0]+" replayed", old[1]+" discarded", old[2]+" discarded", young[0]+" replayed")
	h.answers("the links", []string{"2\tmain/" + young[0] + "\tCON-01", "3\tmain/" + old[0] + "\tCON-01"},
		"SELECT offset, replay_of, findings.rule[1] FROM events WHERE replay_of != '' ORDER BY offset")
	h.wants(1, []string{"replay", old[0]}, old[0]+": topic ledger.events was deleted and created again", old[0]+" was replayed as "+young[3]+", which is an event")
	if r := h.letters("", "show", old[0]); !strings.Contains(r.stdout, "as "+young[3]+", an event") {
		t.Errorf("show %s:\n%s%s", old[0], r.stdout, r.stderr)
	}

	// A stored event is explained by either form of its place.
	explain := func(place string) (string, error) {
		return h.said("rules", "explain", "--event", place, "--rule", "CON-01", "--config", h.config)
	}
	if out, err := explain(place(1)); err == nil || !strings.Contains(out, old[1]+" of 20") || !strings.Contains(out, young[1]+" of 20") {
		t.Errorf("the record of two logs is explained: %v\n%s", err, out)
	}
	if out, err := explain(young[1]); err != nil || !strings.Contains(out, "CON-01 fired") {
		t.Errorf("explain %s: %v\n%s", young[1], err, out)
	}
}
