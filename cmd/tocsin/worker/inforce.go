package worker

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cmd/tocsin/cli"
	"tocsin/rules"
)

// inForce holds the rules that a worker judges by, for its status page and metrics.
// The reloader writes it and an HTTP handler reads it, so it has a lock.
type inForce struct {
	mu    sync.Mutex
	rules rulesStatus
}

// rulesStatus names the rules in force, and reports whether the files hold others.
type rulesStatus struct {
	Pack     string    `json:"pack"`
	Digest   string    `json:"digest"`
	Calendar string    `json:"calendar"`
	Rules    int       `json:"rules"`
	Checked  time.Time `json:"checked"`                // when the files were last found to hold these
	Error    string    `json:"error,omitempty"`        // why the files' rules are refused
	Since    time.Time `json:"error_since,omitzero"`   // since when
	Changed  time.Time `json:"changed_since,omitzero"` // when these came into force, after the start
}

func newInForce(p *rules.Pack, at time.Time) *inForce {
	return &inForce{rules: statusOf(p, at)}
}

func statusOf(p *rules.Pack, at time.Time) rulesStatus {
	return rulesStatus{Pack: p.ID, Digest: p.Digest(), Calendar: p.CalendarVersion(), Rules: len(p.Rules()), Checked: at}
}

func (f *inForce) status() rulesStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rules
}

// change notes that the rules of p came into force.
func (f *inForce) change(p *rules.Pack, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = statusOf(p, at)
	f.rules.Changed = at
}

// confirm notes that the files hold the rules in force, and reports whether they
// did not before.
func (f *inForce) confirm(at time.Time) (recovered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	recovered = f.rules.Error != ""
	f.rules.Checked, f.rules.Error, f.rules.Since = at, "", time.Time{}
	return recovered
}

// refuse notes why the files' rules are refused.
func (f *inForce) refuse(why string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rules.Error == "" {
		f.rules.Since = at
	}
	f.rules.Error = why
}

var (
	buildGauge    = prometheus.NewDesc("tocsin_build_info", "1, with the version, rules and calendar as labels.", []string{"version", "rules", "calendar"}, nil)
	reloadGauge   = prometheus.NewDesc("tocsin_rules_last_reload_successful", "1 while the rules in force are those of their files, 0 while the files cannot be taken.", nil, nil)
	reloadAtGauge = prometheus.NewDesc("tocsin_rules_last_reload_success_timestamp_seconds", "When the files of the rules were last taken, or found to be what is in force.", nil, nil)
)

// Describe implements prometheus.Collector.
func (f *inForce) Describe(descs chan<- *prometheus.Desc) {
	descs <- buildGauge
	descs <- reloadGauge
	descs <- reloadAtGauge
}

// Collect implements prometheus.Collector.
func (f *inForce) Collect(metrics chan<- prometheus.Metric) {
	s, ok := f.status(), 1.0
	if s.Error != "" {
		ok = 0
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(buildGauge, 1, cli.Version, s.Digest, s.Calendar)
	gauge(reloadGauge, ok)
	gauge(reloadAtGauge, float64(s.Checked.UnixMilli())/1000)
}
