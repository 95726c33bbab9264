package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"tocsin/sinks/clickhouse"
)

func TestDeadLettersUsage(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"", "say list, show, replay or discard"},
		{"replya t/0/1", "say list, show, replay or discard"},
		{"list t/0/1", "no places"},
		{"list --stage decoding", "--stage is one of envelope, decode, schema, store"},
		{"list --partition 0", "--partition needs --topic"},
		{"list --topic t --partition -2", "--partition is a number"},
		{"list --limit -1", "--limit is a number"},
		{"list --from yesterday", "--from yesterday: want an instant"},
		{"list --to 2026-02-30", "--to 2026-02-30: want an instant"},
		{"list --colour", "colour"},
		{"list --yes", "yes"},
		{"show", "one place"},
		{"show t/0/1 t/0/2", "one place"},
		{"show t/0/1 --topic t", "topic"},
		{"show t/0/1 --raw --json", "--raw or --json"},
		{"show t/0", `"t/0" is no place`},
		{"show t/0/-1", "is no place"},
		{"show t/4294967296/1", "is no place"},
		{"show main/t/0/1", "is no place"},
		{"replay", "name places"},
		{"replay --yes", "name places"},
		{"replay t/0/1 --topic t --yes", "not both"},
		{"replay --topic t --file x --yes", "name one place"},
		{"replay t/0/1 t/0/2 --file x", "name one place"},
		{"replay --topic t --again --yes", "--again wants places"},
		{"discard t/0/1", "--reason"},
		{"discard t/0/1 --reason=", "--reason"},
		{"discard t/0/1 --again", "again"},
	} {
		var out, errs bytes.Buffer
		code := runDeadLetters(t.Context(), strings.Fields(c.args), strings.NewReader(""), &out, &errs)
		if code != exitUsage || out.Len() > 0 || !strings.Contains(errs.String(), c.says) || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: exit %d, %q, %q", c.args, code, &out, &errs)
		}
	}
	for _, args := range []string{"-h", "replay -h"} {
		var out, errs bytes.Buffer
		if code := runDeadLetters(t.Context(), strings.Fields(args), nil, &out, &errs); code != exitOK || !strings.Contains(errs.String(), "tocsin deadletters show PLACE [--raw]") {
			t.Errorf("%s: exit %d, %s", args, code, &errs)
		}
	}
}

func TestPlacesAreSaidOnceAndInAnyOrderWithFlags(t *testing.T) {
	l, err := parseLetters(strings.Fields("replay a.b/0/1 --actor me a.b/0/1 --again c/2/3"), nil)
	if err != nil || !l.again || l.actor != "me" {
		t.Fatalf("%+v, %v", l, err)
	}
	if want := []clickhouse.Place{{Topic: "a.b", Offset: 1}, {Topic: "c", Partition: 2, Offset: 3}}; len(l.places) != 2 || l.places[0] != want[0] || l.places[1] != want[1] {
		t.Errorf("places %v, want %v", l.places, want)
	}
	if l, err = parseLetters(strings.Fields("discard t/0/1 --reason r"), nil); err != nil || l.actor == "" {
		t.Errorf("nobody discards: %+v, %v", l, err)
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

// Only these take back what was noted: for any other the record may be there.
func TestFinalRefusals(t *testing.T) {
	if !final(kerr.MessageTooLarge) || !final(kerr.TopicAuthorizationFailed) {
		t.Error("a broker's no is a no")
	}
	for _, err := range []error{kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, kerr.NotLeaderForPartition, kerr.UnknownServerError, t.Context().Err()} {
		if final(err) {
			t.Errorf("after %v the record may be there", err)
		}
	}
}
