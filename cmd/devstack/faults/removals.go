package faults

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// removals take one mechanism each out of the program. A run without it must
// fail, or it proves nothing about it; scenario.go makes sure that it does.
var removals = map[string][]edit{
	// A batch is stored without being promised first: the commit names its
	// beginning and no end.
	"intent": {{"pipeline/partition.go",
		"mark{b.before, &intent{b.Last, b.Digest, b.limits.MaxBytes}}}\n",
		"mark{Head: b.before}}\n"}},
	// Every try of an insert has a token of its own.
	"token": {{"sinks/clickhouse/sink.go",
		`"insert_deduplication_token": b.Token(),`,
		`"insert_deduplication_token": fmt.Sprint(b.Token(), time.Now().UnixNano()),`}},
	// A replay is judged by the rules of the day.
	"pin": {{"pipeline/gather.go",
		"		if p.pending.Digest != engine.Digest() {\n",
		"		if false {\n"}},
	// A commit that the group refuses is taken for one that it accepted.
	"fence": {{"pipeline/cycle.go",
		"	if err := t.commit(ctx, all); err != nil {\n",
		"	var fenced *commitError\n	if err := t.commit(ctx, all); err != nil && !errors.As(err, &fenced) {\n"}},
	// An alert is sent whether or not the stream has one about the matter.
	"sequence": {{"sinks/nats/publish.go",
		"			jetstream.WithExpectLastSequenceForSubject(0, s.config.filter(m.id)),\n",
		""}},
	// A replay is stored without a look at what is there.
	"readback": {{"pipeline/cycle.go",
		"	if p.open.replay {\n",
		"	if false && p.open.replay {\n"}},
	// A batch is stored however long ago it was promised.
	"expiry": {{"sinks/clickhouse/sink.go",
		"	if b.Late(time.Now()) {\n",
		"	if false {\n"}},
}

// Mechanisms are the names of what a run can be made without.
func Mechanisms() []string { return slices.Sorted(maps.Keys(removals)) }

// removal returns the edits that take a mechanism out; none for "".
func removal(name string) ([]edit, error) {
	if name == "" {
		return nil, nil
	}
	edits, ok := removals[name]
	if !ok {
		return nil, fmt.Errorf("there is no mechanism %q to take out: name one of %s", name, strings.Join(Mechanisms(), ", "))
	}
	return edits, nil
}
