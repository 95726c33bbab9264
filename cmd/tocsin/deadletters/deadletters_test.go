package deadletters

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"tocsin/cmd/tocsin/cli"
	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

func TestDeadLettersUsage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "name a command: list, show, replay, discard"},
		{"replya t/0/1", "did you mean replay?"},
		{"list t/0/1", "no places"},
		{"list --stage parsing", `--stage "parsing" is unknown: use envelope, decode, schema or unpack`},
		{"list --partition 0", "--partition needs --topic"},
		{"list --topic t --partition -2", "--partition is a number"},
		{"list --topic-id AQAAAAAAAAAAAAAAAAAAAA", "--topic-id needs --topic"},
		{"list --topic t --topic-id 7", `"7" is no topic id`},
		{"replay t/0/1 --topic-id AQAAAAAAAAAAAAAAAAAAAA --topic t", "not both"},
		{"list --limit -1", "--limit is a number"},
		{"list --from yesterday", "--from \"yesterday\": want an instant"},
		{"list --to 2026-02-30", "--to \"2026-02-30\": want an instant"},
		{"list --from 2026-02-01 --to 2026-01-01", "--from must be before --to: exchange the two"},
		{"list --from 2026-02-01 --to 2026-02-01", "--from must be before --to"},
		{"replay --from 2026-02-01 --to 2026-01-01 --yes", "--from must be before --to: exchange the two"},
		{"list --stage decod", `--stage "decod" is unknown: did you mean decode?`},
		{"list --colour", "colour"},
		{"list --yes", "yes"},
		{"show", "one place"},
		{"show t/0/1 t/0/2", "one place"},
		{"show t/0/1 --topic t", "topic"},
		{"show t/0/1 --raw --json", "--raw or --json"},
		{"show t/0", `"t/0" is no place`},
		{"show t/0/-1", "is no place"},
		{"show t/4294967296/1", "is no place"},
		{"show main/t/0/1", "is no place: want topic/partition/offset, such as ledger.events/1/7, or topic/ID/partition/offset"},
		{"replay", "name places"},
		{"replay --yes", "name places"},
		{"replay t/0/1 --topic t --yes", "not both"},
		{"replay --topic t --file x --yes", "name one place"},
		{"replay t/0/1 t/0/2 --file x", "name one place"},
		{"replay --topic t --again --yes", "--again needs places"},
		{"discard t/0/1", "--reason"},
		{"discard t/0/1 --reason=", "--reason"},
		{"discard t/0/1 --again", "again"},
	} {
		var out, errs bytes.Buffer
		code := Command.Run(t.Context(), strings.Fields(c.args), strings.NewReader(""), &out, &errs)
		if code != cli.Usage || out.Len() > 0 || !strings.Contains(errs.String(), c.want) || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: exit %d, %q, %q", c.args, code, &out, &errs)
		}
	}
}

func TestPlacesStandOnceAndInAnyOrderWithFlags(t *testing.T) {
	parsed := func(args string) *letters {
		t.Helper()
		var found *letters
		words := strings.Fields(args)
		command := &cli.Command{Name: words[0], Args: cli.Args{Max: -1}, Define: func(flags *flag.FlagSet) cli.Action {
			l, finish := defineLetters(words[0], flags)
			return func(_ context.Context, call *cli.Call) error {
				found = l
				return finish(call.Args)
			}
		}}
		var errs bytes.Buffer
		if code := command.Run(t.Context(), words[1:], nil, nil, &errs); code != cli.OK {
			t.Fatalf("%s: exit %d, %s", args, code, &errs)
		}
		return found
	}
	l := parsed("replay a.b/0/1 --actor me a.b/0/1 --again c/2/3")
	if !l.again || l.actor != "me" {
		t.Fatalf("%+v", l)
	}
	want := []clickhouse.Named{{Place: clickhouse.Place{Topic: "a.b", Offset: 1}}, {Place: clickhouse.Place{Topic: "c", Partition: 2, Offset: 3}}}
	if !slices.Equal(l.places, want) {
		t.Errorf("places %v, want %v", l.places, want)
	}
	const id = "AQAAAAAAAAAAAAAAAAAAAA"
	if l := parsed("replay --topic t --topic-id " + id + " --yes"); !l.filtered || *l.filter.ID != (pipeline.TopicID{1}) {
		t.Errorf("%+v", l)
	}
	if l := parsed("show t/" + id + "/0/7"); l.places[0] != (clickhouse.Named{Place: clickhouse.Place{Topic: "t", ID: pipeline.TopicID{1}, Offset: 7}, Whole: true}) {
		t.Errorf("%+v", l.places)
	}
	if l := parsed("discard t/0/1 --reason r"); l.actor == "" {
		t.Errorf("a discard without an actor: %+v", l)
	}
}

func TestKeyAndHeadersInJSON(t *testing.T) {
	for in, want := range map[string]string{"K-1": `"K-1"`, "": `""`, "\xff\x00": `{"base64":"/wA="}`} {
		if got, err := json.Marshal(kafkaText(in)); string(got) != want || err != nil {
			t.Errorf("%q: %s, %v; want %s", in, got, err, want)
		}
	}
	if got := quoted([]byte("\x1b[2J\t")); got != `"\x1b[2J\t"` {
		t.Errorf("a terminal would obey %s", got)
	}
}

// TestFinalRefusals: only a final refusal takes a note back. After any other error
// the record may be in the partition.
func TestFinalRefusals(t *testing.T) {
	if !final(kerr.MessageTooLarge) || !final(kerr.TopicAuthorizationFailed) {
		t.Error("a broker's refusal is not final")
	}
	for _, err := range []error{kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, kerr.NotLeaderForPartition, kerr.UnknownServerError, t.Context().Err()} {
		if final(err) {
			t.Errorf("after %v the record may be there", err)
		}
	}
}

func TestARecordBelongsToTheLogItCameFrom(t *testing.T) {
	at := clickhouse.Place{Topic: "t", ID: pipeline.TopicID{1}, Partition: 3, Offset: 7}
	const name = "t/AQAAAAAAAAAAAAAAAAAAAA/3/7"
	if err := otherLog(at, pipeline.TopicID{1}); err != nil {
		t.Error(err)
	}
	for id, want := range map[pipeline.TopicID]string{
		{2}: "t was deleted and created again, and its id is AgAAAAAAAAAAAAAAAAAAAA now",
		{}:  `the id of its topic is "AQAAAAAAAAAAAAAAAAAAAA", and the brokers report ""`,
	} {
		if err := otherLog(at, id); err == nil || !strings.HasPrefix(err.Error(), name+": ") || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--again sends the record") {
			t.Errorf("%v; want %q", err, want)
		}
	}
	at.ID = pipeline.TopicID{}
	if err := otherLog(at, at.ID); err != nil {
		t.Error(err)
	}
	if err := otherLog(at, pipeline.TopicID{2}); err == nil || !strings.Contains(err.Error(), `is "", and the brokers report "AgAAAAAAAAAAAAAAAAAAAA" for t: it is not known`) {
		t.Error(err)
	}
}
