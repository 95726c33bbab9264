package preflight

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestLookout: what a worker logs of hazards that come, stand, cannot be looked
// at, and go.
func TestLookout(t *testing.T) {
	disk := func(message string) result { return warning(partClickHouse, warnDisk, "add space", "%s", message) }
	lone := result{Part: partNATS, Level: levelFailure, Code: warnReplica, Message: "kept once", Remedy: "keep it thrice"}
	var log bytes.Buffer
	l := &Lookout{gauge: newWarnings(), log: slog.New(slog.NewTextHandler(&log, nil))}
	registry := prometheus.NewRegistry()
	registry.MustRegister(l.gauge)
	for _, step := range []struct {
		name         string
		found        []result
		logs, metric string // the log's messages and codes, in order; the metric's labels
		fails        string
	}{
		{"a right is missing", []result{{Part: partClickHouse, Level: levelFailure, Message: "lacks SELECT"}}, "lacks SELECT", "", ""},
		{"a disk fills up", []result{disk("9 left")}, "9 left", "disk_nearly_full clickhouse", ""},
		{"and further", []result{disk("8 left")}, "", "disk_nearly_full clickhouse", ""},
		{"ClickHouse is away", []result{{Part: partClickHouse, Level: levelFailure, Message: "no answer"}}, "", "disk_nearly_full clickhouse", ""},
		{"and back; NATS loses its copies", []result{disk("8 left"), lone}, "kept once",
			"disk_nearly_full clickhouse, one_replica nats", "production is true, and kept once: keep it thrice"},
		{"all is well", []result{fine(partNATS, "well")}, "a hazard is gone part=clickhouse code=disk_nearly_full a hazard is gone part=nats code=one_replica", "", ""},
		{"and again not", []result{disk("9 left")}, "9 left", "disk_nearly_full clickhouse", ""},
	} {
		log.Reset()
		l.look = func(context.Context) []result { return step.found }
		err := l.Once(t.Context())
		if (err == nil) != (step.fails == "") || err != nil && err.Error() != step.fails {
			t.Errorf("%s: %v, want %q", step.name, err, step.fails)
		}
		var logged []string
		for line := range strings.Lines(log.String()) {
			_, what, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			if _, text, ok := strings.Cut(what, "message="); ok {
				what, _, _ = strings.Cut(text, " remedy=")
			}
			logged = append(logged, strings.ReplaceAll(what, `"`, ""))
		}
		if got := strings.Join(logged, " "); got != step.logs {
			t.Errorf("%s: the log has %q, want %q", step.name, got, step.logs)
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
