package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"tocsin/rules/event"
	"tocsin/sinks/clickhouse"
)

// storedPlace reads TOPIC/PARTITION/OFFSET, unless a file has that name.
func storedPlace(text string) (clickhouse.Place, bool) {
	p, err := parsePlace(text)
	if err != nil {
		return p, false
	}
	_, err = os.Stat(text)
	return p, err != nil
}

// stored gets a record from ClickHouse, and the rules it was judged by.
func (f *explainFlags) stored(ctx context.Context, at clickhouse.Place) (*subject, error) {
	if f.config == "" {
		return nil, fmt.Errorf("%s is a stored event: say with --config where ClickHouse is", f.event)
	}
	c, err := loadConfig(f.config, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	store, err := clickhouse.Open(ctx, c.sink())
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
	headers := func(yield func(string, []byte) bool) {
		for _, h := range record.Headers {
			if !yield(h.Key, h.Value) {
				return
			}
		}
	}
	if failure := event.NewDecoder(event.Limits{MaxBytes: int(c.Worker.MaxRecordBytes)}).Decode(s.event, record.Raw, headers); failure != nil {
		return nil, fmt.Errorf("the record is a dead letter: %s %s", failure.Field, failure.Detail)
	}
	if f.pack != "" {
		_, s.engine, err = openRules(f.pack, f.calendar)
		return s, err
	}
	_, current, err := c.Rules.openEngine()
	if err != nil {
		return nil, err
	}
	s.engine, err = newLibrary(current, store.LoadPack).ByDigest(ctx, record.Digest)
	return s, err
}
