package endtoend

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// printed is what the test reads of a line that a dry run prints.
type printed struct {
	Line      string
	Partition int32
	Offset    int64
	Chain     string
	Failure   *struct{ Code string }
	Event     *struct{ ID string }
	Verdict   struct {
		Rule string
		ID   string `json:"candidate_id"`
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	records := []*kgo.Record{{Topic: stack.LedgerTopic, Key: []byte("bad"), Value: []byte("{")}}
	for i := range 120 {
		records = append(records, contract(i))
	}
	h.produce(records...)

	cmd := exec.CommandContext(t.Context(), program, "run", "--dry-run", "--drain", "--config", h.config)
	cmd.Env = append(os.Environ(), h.Environ()...)
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	var rows, alerts, dead []string
	for line := range strings.Lines(string(out)) {
		var p printed
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("a line is no JSON: %v", err)
		}
		switch p.Line {
		case "row":
			id := ""
			if p.Event != nil {
				id = p.Event.ID
			}
			rows = append(rows, fmt.Sprintf("%d\t%d\t%s\t%s", p.Partition, p.Offset, id, strings.ToUpper(p.Chain)))
			if p.Failure != nil {
				dead = append(dead, p.Failure.Code)
			}
		case "alert":
			alerts = append(alerts, p.Verdict.Rule+"\t"+p.Verdict.ID)
		default:
			t.Errorf("a line says it is %q", p.Line)
		}
	}
	if len(rows) != len(records) || len(alerts) != 3 || !slices.Equal(dead, []string{"syntax"}) {
		t.Errorf("%d rows, alerts %v, dead letters %v; want %d rows, 3 alerts, a syntax error", len(rows), alerts, dead, len(records))
	}
	h.untouched()

	// A real run then does what the dry run printed.
	h.drain()
	slices.Sort(rows)
	slices.Sort(alerts)
	stored := strings.Split(h.query("SELECT partition, offset, event_id, hex(chain) FROM events"), "\n")
	slices.Sort(stored)
	if !slices.Equal(rows, stored) {
		t.Error("the rows of a dry run are not those of a run")
	}
	h.answers("candidates", alerts, "SELECT rule, candidate_id FROM candidates ORDER BY rule, candidate_id")
	if published := h.alerts(); len(published) != len(alerts) {
		t.Errorf("%d candidates are alerted, want %d", len(published), len(alerts))
	}
}

// untouched wants no table, no stream and no offset of the worker's own group.
func (h *harness) untouched() {
	h.t.Helper()
	if n := h.query("SELECT count() FROM system.tables WHERE database = 'tocsin'"); n != "0" {
		h.t.Errorf("%s tables in ClickHouse, want none", n)
	}
	conn, err := nats.Connect(h.NATS)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		h.t.Fatal(err)
	}
	account, err := js.AccountInfo(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	if account.Streams != 0 {
		h.t.Errorf("%d streams, want none", account.Streams)
	}
	groups, err := kadm.NewClient(h.kafka).ListGroups(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	if names := groups.Groups(); slices.Contains(names, "tocsin") {
		h.t.Errorf("groups %v: a dry run must leave the worker's own alone", names)
	}
}
