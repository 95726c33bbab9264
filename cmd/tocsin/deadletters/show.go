package deadletters

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// letterStory is a dead letter with the actions on it and its replays, as JSON.
type letterStory struct {
	letterLine
	Key     kafkaText    `json:"key"`
	Headers []headerLine `json:"headers"`
	Noted   []notedLine  `json:"dispositions"`
	Replays []replayLine `json:"replays"`
	Doubt   string       `json:"pending,omitempty"` // the state of a replay without a row
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
	Edited  bool              `json:"edited,omitempty"` // the replay's bytes differ from the stored ones
}

type replayLine struct {
	Place   string       `json:"place"`
	At      time.Time    `json:"kafka_timestamp,omitzero"`
	Failure *failureLine `json:"failure,omitempty"` // absent: it is an event
}

// kafkaText is a key or the value of a header: any bytes. In JSON it is a string, or
// {"base64": ...} where the bytes are no UTF-8.
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
	d, err := sink.Find(ctx, l.cluster, l.places[0])
	if err != nil {
		return err
	}
	p := d.Place
	record, err := sink.Record(ctx, l.cluster, p)
	if err != nil {
		return err
	}
	if l.raw && record.Packed {
		return notKept(p)
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
			line.SHA256, line.Edited = hex.EncodeToString(n.SHA256[:]), n.SHA256 != d.SHA256
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
		// The rest is worth showing without Kafka.
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
	row := func(name, format string, args ...any) { fmt.Fprintf(table, name+"\t"+format+"\n", args...) }
	row("place", "%s", s.Place)
	row("status", "%s", s.Status)
	row("kafka timestamp", "%s", sentAt(s.At, time.RFC3339Nano))
	row("stored at", "%s", s.Stored.Format(time.RFC3339Nano))
	row("failure", "%s", s.Failure.text())
	if s.ReplayOf != "" {
		row("replay of", "%s", s.ReplayOf)
	}
	row("key", "%s", quoted(s.Key))
	for _, h := range s.Headers {
		row("header", "%s: %s", quoted([]byte(h.Name)), quoted(h.Value))
	}
	if s.Failure.Stage == pipeline.StageUnpack {
		row("value", "not stored; SHA-256 of its batch %s", s.SHA256)
	} else {
		row("value", "%d bytes, SHA-256 %s; --raw writes them", s.Bytes, s.SHA256)
	}
	for _, n := range s.Noted {
		text := fmt.Sprintf("%s  %s by %s", n.At.Format(time.RFC3339), n.Action, n.Actor)
		if n.Attempt > 0 {
			text = fmt.Sprintf("%s  %s %d by %s", n.At.Format(time.RFC3339), n.Action, n.Attempt, n.Actor)
		}
		if n.Edited {
			text += ", with edited bytes, SHA-256 " + n.SHA256
		}
		if n.Reason != "" {
			text += ": " + strings.Trim(quoted([]byte(n.Reason)), `"`)
		}
		row("noted", "%s", text)
	}
	for _, r := range s.Replays {
		outcome := "an event"
		if r.Failure != nil {
			outcome = "a dead letter: " + r.Failure.text()
		}
		row("replayed", "%s  as %s, %s", sentAt(r.At, time.RFC3339), r.Place, outcome)
	}
	if s.Doubt != "" {
		row("pending", "%s", s.Doubt)
	}
	return table.Flush()
}
