package audit

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cmd/tocsin/cli"
)

// textfile is the file of metrics that --textfile names. Prometheus cannot scrape a
// program that ends, so the textfile collector of the node exporter reads the file.
type textfile struct {
	path   string
	report *report // nil: the audit ended before it had one
}

// textfileFlag defines --textfile.
func textfileFlag(flags *flag.FlagSet) *textfile {
	f := new(textfile)
	flags.StringVar(&f.path, "textfile", "", "when the audit ends, write its metrics to this `file`, for the textfile collector of Prometheus's node exporter")
	return f
}

// after carries out an audit and then writes the file, also when the audit failed.
func (f *textfile) after(audit cli.Action) cli.Action {
	return func(ctx context.Context, call *cli.Call) error {
		if f.path == "" {
			return audit(ctx, call)
		}
		if filepath.Ext(f.path) != ".prom" {
			return cli.Usagef("--textfile %s: want a name that ends in .prom, because the textfile collector reads no other file", f.path)
		}
		begun := time.Now()
		outcome := audit(ctx, call)
		err := f.write(begun, time.Now(), outcome == nil)
		if err != nil && outcome != nil { // the exit code remains that of the audit
			cli.PrintError(call.Stderr, "tocsin audit", err, "")
			err = nil
		}
		return cmp.Or(outcome, err)
	}
}

// write replaces the file at once, so that a reader sees the old one or the new one.
func (f *textfile) write(begun, ended time.Time, success bool) error {
	if err := prometheus.WriteToTextfile(f.path, f.metrics(begun, ended, success)); err != nil {
		return fmt.Errorf("--textfile: the metrics of the audit are not written: %w. Its user needs the right to write in the directory", err)
	}
	return nil
}

// metrics are those of one audit. Their names and labels are API.
func (f *textfile) metrics(begun, ended time.Time, success bool) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string, value float64) {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		g.Set(value)
		registry.MustRegister(g)
	}
	succeeded, rows := 0.0, int64(0)
	if success {
		succeeded = 1
	}
	problems := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tocsin_audit_problems", Help: "Problems that the last audit found, by kind."}, []string{"kind"})
	registry.MustRegister(problems)
	for _, kind := range kinds {
		problems.WithLabelValues(kind)
	}
	if f.report != nil {
		for kind, n := range f.report.byKind {
			problems.WithLabelValues(kind).Set(float64(n))
		}
		for _, p := range f.report.Partitions {
			rows += p.Rows
		}
	}
	gauge("tocsin_audit_success", "1 where the last audit was carried out and nothing is wrong, otherwise 0.", succeeded)
	gauge("tocsin_audit_rows", "Rows that the last audit examined.", float64(rows))
	gauge("tocsin_audit_finished_timestamp_seconds", "End of the last audit, carried out or not.", float64(ended.UnixMilli())/1000)
	gauge("tocsin_audit_duration_seconds", "Duration of the last audit.", ended.Sub(begun).Seconds())
	return registry
}
