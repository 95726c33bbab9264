package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"tocsin/rules/event"
	"tocsin/sinks/clickhouse"
)

// letterLine is a dead letter as JSON: a line of the list. No value of a record
// is in it.
type letterLine struct {
	Place      string            `json:"place"`
	Topic      string            `json:"topic"`
	Partition  int32             `json:"partition"`
	Offset     int64             `json:"offset"`
	At         time.Time         `json:"kafka_timestamp"`
	Stored     time.Time         `json:"stored_at"`
	Failure    failureLine       `json:"failure"`
	Bytes      uint64            `json:"bytes"`
	SHA256     string            `json:"sha256"`
	Status     clickhouse.Status `json:"status"`
	ReplayedAs string            `json:"replayed_as,omitempty"`
	ReplayOf   string            `json:"replay_of,omitempty"`
}

// failureLine is why a record is no event, as JSON.
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

func (l *letters) line(d *clickhouse.DeadLetter) letterLine {
	return letterLine{Place: d.Place.String(), Topic: d.Topic, Partition: d.Partition, Offset: d.Offset, At: d.At, Stored: d.Stored,
		Failure: newFailureLine(&d.Failure), Bytes: d.Size, SHA256: hex.EncodeToString(d.SHA256[:]), Status: d.Status, ReplayedAs: d.ReplayedAs,
		ReplayOf: strings.TrimPrefix(d.ReplayOf, l.cluster+"/")}
}

// list prints the dead letters that the filter chooses: unless all are asked
// for, those that wait for somebody. One whose replay is only noted is among
// them, because that replay may never have been produced; one whose replay
// failed is not, because the replay's own row is.
func (l *letters) list(ctx context.Context, sink *clickhouse.Sink) error {
	if !l.all {
		l.filter.Statuses = []clickhouse.Status{clickhouse.StatusOpen, clickhouse.StatusPending}
	}
	limit := l.filter.Limit
	if limit > 0 {
		l.filter.Limit++ // one more, to know that there are more
	}
	found, err := sink.DeadLetters(ctx, l.cluster, l.filter)
	if err != nil {
		return err
	}
	if limit > 0 && len(found) > limit {
		found = found[:limit]
		defer fmt.Fprintf(l.stderr, "tocsin deadletters: there are more than %d; --limit 0 shows all\n", limit)
	}
	switch {
	case l.asJSON:
		return l.printLines(found)
	case len(found) == 0:
		_, err := fmt.Fprintf(l.stderr, "tocsin deadletters: none in cluster %s\n", l.cluster)
		return err
	}
	return l.printTable(l.stdout, found)
}

func (l *letters) printLines(found []clickhouse.DeadLetter) error {
	for i := range found {
		if err := l.printJSON(l.line(&found[i])); err != nil {
			return err
		}
	}
	return nil
}

func (l *letters) printJSON(v any) error {
	enc := json.NewEncoder(l.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
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
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Place, d.At.Format(time.RFC3339), status, d.Failure.Stage, d.Failure.Code, field, d.Failure.Detail)
	}
	return table.Flush()
}
