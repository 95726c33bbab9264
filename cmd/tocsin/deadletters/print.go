package deadletters

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"tocsin/rules/event"
	"tocsin/sinks/clickhouse"
)

// letterLine is a dead letter as JSON: a line of the list. It holds no value of a
// record.
type letterLine struct {
	Place      string            `json:"place"`
	Topic      string            `json:"topic"`
	TopicID    string            `json:"topic_id,omitempty"` // as Kafka's tools print it
	Partition  int32             `json:"partition"`
	Offset     int64             `json:"offset"`
	At         time.Time         `json:"kafka_timestamp,omitzero"`
	Stored     time.Time         `json:"stored_at"`
	Failure    failureLine       `json:"failure"`
	Bytes      uint64            `json:"bytes"`
	SHA256     string            `json:"sha256"`
	Status     clickhouse.Status `json:"status"`
	ReplayedAs string            `json:"replayed_as,omitempty"`
	ReplayOf   string            `json:"replay_of,omitempty"`
}

// failureLine is the reason why a record is no event, as JSON.
type failureLine struct {
	Stage  string `json:"stage"`
	Code   string `json:"code"`
	Field  string `json:"field,omitempty"`
	Byte   *int   `json:"byte,omitempty"` // in the value
	Detail string `json:"detail"`
}

func newFailureLine(f *event.Failure) failureLine {
	line := failureLine{Stage: f.Stage, Code: f.Code, Field: f.Field, Detail: f.Detail}
	if f.Offset >= 0 {
		line.Byte = &f.Offset
	}
	return line
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

func (l *letters) line(d *clickhouse.DeadLetter) letterLine {
	return letterLine{Place: d.Place.String(), Topic: d.Topic, TopicID: d.ID.String(), Partition: d.Partition, Offset: d.Offset, At: d.At, Stored: d.Stored,
		Failure: newFailureLine(&d.Failure), Bytes: d.Size, SHA256: hex.EncodeToString(d.SHA256[:]), Status: d.Status, ReplayedAs: d.ReplayedAs,
		ReplayOf: strings.TrimPrefix(d.ReplayOf, l.cluster+"/")}
}

// doneLine is one action on a dead letter, as JSON.
type doneLine struct {
	Place      string            `json:"place"`
	Action     clickhouse.Action `json:"action"`
	ReplayedAs string            `json:"replayed_as,omitempty"`
	Attempt    uint32            `json:"attempt,omitempty"`
	SHA256     string            `json:"sha256,omitempty"` // of the bytes that were produced
}

func (l *letters) printDone(d doneLine) error {
	if l.asJSON {
		return l.printJSON(d)
	}
	text := d.Place + " is set aside"
	if d.ReplayedAs != "" {
		text = d.Place + " is sent again, as " + d.ReplayedAs
	}
	_, err := fmt.Fprintln(l.stdout, text)
	return err
}

func (l *letters) printJSON(v any) error {
	enc := json.NewEncoder(l.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func (l *letters) printLines(found []clickhouse.DeadLetter) error {
	for i := range found {
		if err := l.printJSON(l.line(&found[i])); err != nil {
			return err
		}
	}
	return nil
}

func (l *letters) printTable(w io.Writer, found []clickhouse.DeadLetter) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PLACE\tKAFKA TIMESTAMP\tSTATUS\tSTAGE\tCODE\tFIELD\tDETAIL")
	for i := range found {
		d := &found[i]
		status := string(d.Status)
		if d.ReplayedAs != "" {
			status += " as " + d.ReplayedAs
		}
		field := d.Failure.Field
		if field == "" {
			field = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Place, sentAt(d.At, time.RFC3339), status, d.Failure.Stage, d.Failure.Code, field, d.Failure.Detail)
	}
	return table.Flush()
}

// sentAt writes a Kafka timestamp, or a dash where it counts as absent.
func sentAt(t time.Time, form string) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(form)
}

// quoted escapes control characters, which a terminal would obey.
func quoted(b []byte) string { return strconv.Quote(string(b)) }
