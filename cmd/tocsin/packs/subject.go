package packs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"tocsin/cmd/tocsin/config"
	"tocsin/cmd/tocsin/load"
	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/sinks/clickhouse"
)

// subjectFlags choose the event to explain, and the rules.
type subjectFlags struct {
	pack, calendar, event, config string
	line                          int
	observed                      time.Time
}

// storedPlace reads TOPIC/PARTITION/OFFSET or TOPIC/ID/PARTITION/OFFSET, unless a file
// has that name.
func storedPlace(text string) (clickhouse.Named, bool) {
	p, err := clickhouse.ParsePlace(text)
	if err != nil {
		return p, false
	}
	_, err = os.Stat(text)
	return p, err != nil
}

// stored returns a record from ClickHouse with the rules that judged it.
func (f *subjectFlags) stored(ctx context.Context, at clickhouse.Named) (*subject, error) {
	if f.config == "" {
		return nil, fmt.Errorf("%s is a stored event: name the worker's configuration with --config", f.event)
	}
	c, err := config.Read(f.config, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	store, err := clickhouse.Open(ctx, c.Store())
	if err != nil {
		return nil, err
	}
	defer store.Close()
	record, found, err := store.Stored(ctx, c.Kafka.Cluster, at)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, fmt.Errorf("ClickHouse has no record %s of the cluster %s", f.event, c.Kafka.Cluster)
	case record.Tombstone:
		return nil, errors.New("the record is a tombstone: it holds no event")
	}
	s := &subject{event: event.New(event.Types()[0]), observed: record.Timestamp}
	if !f.observed.IsZero() {
		s.observed = f.observed
	}
	if failure := event.NewDecoder(event.Limits{MaxBytes: int(c.Worker.MaxRecordBytes)}).Decode(s.event, record.Raw, pipeline.EachHeader(record.Headers)); failure != nil {
		return nil, fmt.Errorf("the record is a dead letter: %s %s", failure.Field, failure.Detail)
	}
	if f.pack != "" {
		_, s.engine, err = openRules(f.pack, f.calendar)
		return s, err
	}
	_, current, err := c.Rules.Open()
	if err != nil {
		return nil, err
	}
	s.engine, err = pipeline.NewEngines(current, store.LoadPack).ByDigest(ctx, record.Digest)
	return s, err
}

// subject is an event to explain, and the rules to explain it by.
type subject struct {
	event    *event.Event
	observed time.Time
	engine   *rules.Engine
}

// find returns the event from a file or from ClickHouse.
func (f *subjectFlags) find(ctx context.Context, stdin io.Reader) (*subject, error) {
	if at, ok := storedPlace(f.event); ok {
		return f.stored(ctx, at)
	}
	value, err := f.read(stdin)
	if err != nil {
		return nil, err
	}
	s := &subject{event: event.New(event.Types()[0])}
	if failure := event.NewDecoder(event.Limits{MaxBytes: load.MaxRecord}).Decode(s.event, value, nil); failure != nil {
		return nil, fmt.Errorf("the event in %s is rejected: %s %s", f.event, failure.Field, failure.Detail)
	}
	if s.observed, err = seenAt(s.event, f.observed); err != nil {
		return nil, err
	}
	pack := f.pack
	if pack == "" {
		pack = defaultPack
	}
	_, s.engine, err = openRules(pack, f.calendar)
	return s, err
}

// read returns the bytes of one event.
func (f *subjectFlags) read(stdin io.Reader) ([]byte, error) {
	in := stdin
	if f.event != "-" {
		file, err := os.Open(f.event)
		if err != nil {
			return nil, fmt.Errorf("%w: give the path of a file that this program's user may read, - for standard input, or TOPIC/PARTITION/OFFSET", err)
		}
		defer file.Close()
		in = file
	}
	if f.line == 0 {
		text, err := io.ReadAll(io.LimitReader(in, load.MaxRecord+1))
		if err != nil {
			return nil, fmt.Errorf("read the event: %w", err)
		}
		if n := strings.Count(strings.TrimSpace(string(text)), "\n{"); n > 0 && !json.Valid(text) {
			return nil, fmt.Errorf("%s holds %d events: name one with --line", f.event, n+1)
		}
		return text, nil
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, load.MaxRecord+2)
	for at := 1; lines.Scan(); at++ {
		if at == f.line {
			return lines.Bytes(), nil
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	return nil, fmt.Errorf("%s has no line %d", f.event, f.line)
}
