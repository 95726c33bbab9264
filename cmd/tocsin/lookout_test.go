package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestLookout: what a worker says of hazards that come, stand, cannot be looked
// at, and go.
func TestLookout(t *testing.T) {
	disk := func(says string) finding { return warning(partClickHouse, warnDisk, "add space", "%s", says) }
	lone := finding{Part: partNATS, Level: levelFailure, Code: warnReplica, Says: "kept once", Mend: "keep it thrice"}
	var log bytes.Buffer
	l := &lookout{gauge: newWarnings(), log: slog.New(slog.NewTextHandler(&log, nil))}
	registry := prometheus.NewRegistry()
	registry.MustRegister(l.gauge)
	for _, step := range []struct {
		name         string
		found        []finding
		logs, metric string // the log's says and codes, in order; the metric's labels
		fails        string
	}{
		{"a right is missing", []finding{{Part: partClickHouse, Level: levelFailure, Says: "lacks SELECT"}}, "lacks SELECT", "", ""},
		{"a disk fills up", []finding{disk("9 left")}, "9 left", "disk_nearly_full clickhouse", ""},
		{"and further", []finding{disk("8 left")}, "", "disk_nearly_full clickhouse", ""},
		{"ClickHouse is away", []finding{{Part: partClickHouse, Level: levelFailure, Says: "no answer"}}, "", "disk_nearly_full clickhouse", ""},
		{"and back; NATS loses its copies", []finding{disk("8 left"), lone}, "kept once",
			"disk_nearly_full clickhouse, one_replica nats", "production is true, and kept once: keep it thrice"},
		{"all is mended", []finding{fine(partNATS, "well")}, "a hazard is gone part=clickhouse code=disk_nearly_full a hazard is gone part=nats code=one_replica", "", ""},
		{"and again not", []finding{disk("9 left")}, "9 left", "disk_nearly_full clickhouse", ""},
	} {
		log.Reset()
		l.look = func(context.Context) []finding { return step.found }
		err := l.once(t.Context())
		if (err == nil) != (step.fails == "") || err != nil && err.Error() != step.fails {
			t.Errorf("%s: %v, want %q", step.name, err, step.fails)
		}
		var said []string
		for line := range strings.Lines(log.String()) {
			_, what, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			if _, says, ok := strings.Cut(what, "says="); ok {
				what, _, _ = strings.Cut(says, " mend=")
			}
			said = append(said, strings.ReplaceAll(what, `"`, ""))
		}
		if got := strings.Join(said, " "); got != step.logs {
			t.Errorf("%s: the log says %q, want %q", step.name, got, step.logs)
		}
		var stand []string
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.Metric {
				stand = append(stand, m.Label[0].GetValue()+" "+m.Label[1].GetValue())
			}
		}
		if got := strings.Join(stand, ", "); got != step.metric {
			t.Errorf("%s: the metric shows %q, want %q", step.name, got, step.metric)
		}
	}
}
