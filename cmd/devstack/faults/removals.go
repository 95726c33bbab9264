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
	// beginning and no end. The comparison of marks and rows goes too: it stops the
	// worker that takes over, before it doubles a row.
	"intent": {{"pipeline/intent.go",
		"	for _, i := range m.Promises {\n",
		"	for _, i := range m.Promises[:0] {\n"},
		{"pipeline/compare.go",
			"	default:\n		return s.contradiction(tp, from, tail, stored)\n",
			""}},
	// Every try of an insert has a token of its own.
	"token": {{"sinks/clickhouse/once.go",
		`"insert_deduplication_token": token,`,
		`"insert_deduplication_token": fmt.Sprint(token, time.Now().UnixNano()),`}},
	// A replay is judged by the rules of the day. The comparison of the replay with
	// the rows goes too: the chain covers the judgement, so it would stop the worker.
	"pin": {{"pipeline/open.go",
		"		if promise.Digest != engine.Digest() {\n",
		"		if false {\n"},
		{"pipeline/deliver.go",
			"	case held && stored.Rows == len(b.Rows) && stored.Chain != b.head:\n		return p.altered(b, stored.Chain)\n",
			""}},
	// A commit that the group refuses is taken for one that it accepted.
	"fence": {{"pipeline/turn.go",
		"	if err := group.commit(ctx, all); err != nil {\n",
		"	var fenced *commitError\n	if err := group.commit(ctx, all); err != nil && !errors.As(err, &fenced) {\n"},
		{"pipeline/turn.go", "import (\n", "import (\n	\"errors\"\n"}},
	// An alert is sent whether or not the stream has one about the matter.
	"sequence": {{"sinks/nats/publish.go",
		"			jetstream.WithExpectLastSequenceForSubject(0, s.config.filter(m.id)),\n",
		""}},
	// A replay is stored without a look at what is there.
	"readback": {{"pipeline/deliver.go",
		"			if b.replay {\n",
		"			if false && b.replay {\n"}},
	// Lost rows are stored under the token that the store remembers.
	"number": {{"pipeline/batch.go",
		"	if b.Number > 0 {\n",
		"	if false {\n"}},
	// A mark counts for whatever topic has the name now. The comparison of marks and
	// rows goes too: it stops the workers, before they hide a record.
	"topic-id": {{"pipeline/start.go",
		"	if m.Topic != id {\n",
		"	if false {\n"},
		{"pipeline/compare.go",
			"	default:\n		return s.contradiction(tp, from, tail, stored)\n",
			""}},
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
