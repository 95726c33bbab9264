package main

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/rules"
)

// inForce is what a worker says of the rules it judges by, to its status page
// and its metrics. The reloader writes it and an HTTP handler reads it, so it
// has a lock.
type inForce struct {
	mu   sync.Mutex
	says rulesStatus
}

// rulesStatus is which rules are in force, and whether their files are others.
type rulesStatus struct {
	Pack     string    `json:"pack"`
	Digest   string    `json:"digest"`
	Calendar string    `json:"calendar"`
	Rules    int       `json:"rules"`
	Checked  time.Time `json:"checked"`                // when these were last what the files say
	Error    string    `json:"error,omitempty"`        // why the files are not taken
	Since    time.Time `json:"error_since,omitzero"`   // since when they are not
	Changed  time.Time `json:"changed_since,omitzero"` // when these came in force, after the start
}

func newInForce(p *rules.Pack, at time.Time) *inForce {
	return &inForce{says: statusOf(p, at)}
}

func statusOf(p *rules.Pack, at time.Time) rulesStatus {
	return rulesStatus{Pack: p.ID, Digest: p.Digest(), Calendar: p.CalendarVersion(), Rules: len(p.Rules()), Checked: at}
}

func (f *inForce) status() rulesStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.says
}

// change notes that the rules of p came in force.
func (f *inForce) change(p *rules.Pack, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.says = statusOf(p, at)
	f.says.Changed = at
}

// confirm notes that the files say what is in force, and reports whether they
// did not before.
func (f *inForce) confirm(at time.Time) (mended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	mended = f.says.Error != ""
	f.says.Checked, f.says.Error, f.says.Since = at, "", time.Time{}
	return mended
}

// refuse notes why the files are not taken.
func (f *inForce) refuse(why string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.says.Error == "" {
		f.says.Since = at
	}
	f.says.Error = why
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
	gauge(buildGauge, 1, version, s.Digest, s.Calendar)
	gauge(reloadGauge, ok)
	gauge(reloadAtGauge, float64(s.Checked.UnixMilli())/1000)
}
