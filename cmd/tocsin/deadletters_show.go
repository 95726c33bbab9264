package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"tocsin/sinks/clickhouse"
)

// letterStory is a dead letter and what became of it, as JSON.
type letterStory struct {
	letterLine
	Key     kafkaText    `json:"key"`
	Headers []headerLine `json:"headers"`
	Noted   []notedLine  `json:"dispositions"`
	Replays []replayLine `json:"replays"`
	Doubt   string       `json:"pending,omitempty"` // what is known of a replay without a row
}

type headerLine struct {
	Name  string    `json:"name"`
	Value kafkaText `json:"value"`
}

type notedLine struct {
	At      time.Time         `json:"at"`
	Action  clickhouse.Action `json:"action"`
	Attempt uint32            `json:"attempt,omitempty"`
	Actor   string            `json:"actor"`
	Reason  string            `json:"reason,omitempty"`
	SHA256  string            `json:"sha256,omitempty"`
	Mended  bool              `json:"mended,omitempty"` // other bytes than those that are stored
}

type replayLine struct {
	Place   string       `json:"place"`
	At      time.Time    `json:"kafka_timestamp"`
	Failure *failureLine `json:"failure,omitempty"` // absent: it is an event
}

// kafkaText is a key or the value of a header: any bytes. In JSON it is a text,
// or {"base64": ...} where it is none.
type kafkaText []byte

// MarshalJSON implements json.Marshaler.
func (k kafkaText) MarshalJSON() ([]byte, error) {
	if utf8.Valid(k) {
		return json.Marshal(string(k))
	}
	return json.Marshal(map[string][]byte{"base64": k})
}

// show prints one dead letter, or its value alone.
func (l *letters) show(ctx context.Context, sink *clickhouse.Sink, r *replayer) error {
	p := l.places[0]
	d, err := sink.DeadLetter(ctx, l.cluster, p)
	if err != nil {
		return err
	}
	record, err := sink.Record(ctx, l.cluster, p)
	if err != nil {
		return err
	}
	if l.raw {
		_, err := l.stdout.Write(record.Raw)
		return err
	}
	story := letterStory{letterLine: l.line(&d), Key: record.Key, Headers: []headerLine{}, Noted: []notedLine{}, Replays: []replayLine{}}
	for _, h := range record.Headers {
		story.Headers = append(story.Headers, headerLine{h.Key, h.Value})
	}
	noted, err := sink.Dispositions(ctx, l.cluster, p)
	if err != nil {
		return err
	}
	for _, n := range noted {
		line := notedLine{At: n.At, Action: n.Action, Attempt: n.Attempt, Actor: n.Actor, Reason: n.Reason}
		if n.Action != clickhouse.Discarding {
			line.SHA256, line.Mended = hex.EncodeToString(n.SHA256[:]), n.SHA256 != d.SHA256
		}
		story.Noted = append(story.Noted, line)
	}
	replays, err := sink.Replays(ctx, l.cluster, p)
	if err != nil {
		return err
	}
	for _, again := range replays {
		line := replayLine{Place: again.Place.String(), At: again.At}
		if again.Failure != nil {
			failure := newFailureLine(again.Failure)
			line.Failure = &failure
		}
		story.Replays = append(story.Replays, line)
	}
	if d.Status == clickhouse.StatusPending {
		// The story is worth telling without Kafka.
		if story.Doubt, err = r.doubt(ctx, p); err != nil {
			story.Doubt = err.Error()
		}
	}
	if l.asJSON {
		return l.printJSON(story)
	}
	return story.write(l.stdout)
}

// write writes the story for a person.
func (s *letterStory) write(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	say := func(what, format string, args ...any) { fmt.Fprintf(table, what+"\t"+format+"\n", args...) }
	say("place", "%s", s.Place)
	say("status", "%s", s.Status)
	say("kafka timestamp", "%s", s.At.Format(time.RFC3339Nano))
	say("stored at", "%s", s.Stored.Format(time.RFC3339Nano))
	say("failure", "%s", s.Failure.text())
	if s.ReplayOf != "" {
		say("replay of", "%s", s.ReplayOf)
	}
	say("key", "%s", quoted(s.Key))
	for _, h := range s.Headers {
		say("header", "%s: %s", quoted([]byte(h.Name)), quoted(h.Value))
	}
	say("value", "%d bytes, SHA-256 %s; --raw writes them", s.Bytes, s.SHA256)
	for _, n := range s.Noted {
		text := fmt.Sprintf("%s  %s by %s", n.At.Format(time.RFC3339), n.Action, n.Actor)
		if n.Attempt > 0 {
			text = fmt.Sprintf("%s  %s %d by %s", n.At.Format(time.RFC3339), n.Action, n.Attempt, n.Actor)
		}
		if n.Mended {
			text += ", with mended bytes, SHA-256 " + n.SHA256
		}
		if n.Reason != "" {
			text += ": " + strings.Trim(quoted([]byte(n.Reason)), `"`)
		}
		say("noted", "%s", text)
	}
	for _, r := range s.Replays {
		outcome := "an event"
		if r.Failure != nil {
			outcome = "a dead letter: " + r.Failure.text()
		}
		say("replayed", "%s  as %s, %s", r.At.Format(time.RFC3339), r.Place, outcome)
	}
	if s.Doubt != "" {
		say("pending", "%s", s.Doubt)
	}
	return table.Flush()
}

func (f *failureLine) text() string {
	text := f.Stage + " " + f.Code
	if f.Field != "" {
		text += ", field " + f.Field
	}
	if f.Byte != nil {
		text += fmt.Sprintf(", at byte %d", *f.Byte)
	}
	return text + ": " + f.Detail
}

// quoted keeps bytes that a terminal would obey from it.
func quoted(b []byte) string { return strconv.Quote(string(b)) }
