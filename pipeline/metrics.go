package pipeline

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics is everything a worker counts. Names and labels are an interface:
// dashboards and alert rules stand on them, and a test pins them. Labels are
// bounded by configuration (topics, rules, failure codes), never by data.
type Metrics struct {
	records    *prometheus.CounterVec   // topic
	dead       *prometheus.CounterVec   // topic, stage, code
	verdicts   *prometheus.CounterVec   // rule, outcome
	alerts     *prometheus.CounterVec   // rule, severity
	batches    *prometheus.CounterVec   // topic
	steps      *prometheus.HistogramVec // step
	retries    *prometheus.CounterVec   // step
	abandons   prometheus.Counter
	cycleSize  prometheus.Histogram
	candidates prometheus.Histogram // seconds from record to acknowledged alert
	age        prometheus.GaugeFunc
	oldest     atomic.Int64 // Kafka timestamp in ms of the oldest record not stored; 0 none
}

// NewMetrics returns metrics that are registered with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tocsin", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		records:  counter("records_stored_total", "Kafka records stored as rows, dead letters included.", "topic"),
		dead:     counter("dead_letters_total", "Records stored as dead letters.", "topic", "stage", "code"),
		verdicts: counter("verdicts_total", "Verdicts stored.", "rule", "outcome"),
		alerts:   counter("alerts_published_total", "Alerts acknowledged by the stream, repeats of a matter included.", "rule", "severity"),
		batches:  counter("batches_stored_total", "Batches stored.", "topic"),
		retries:  counter("step_retries_total", "Tries of a step that failed and were waited out.", "step"),
		steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "tocsin", Name: "step_duration_seconds",
			Help: "Time of each successful step of a cycle.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16)}, []string{"step"}),
		abandons: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Name: "batches_abandoned_total",
			Help: "Batches given up for a rebalance or a stop, to be replayed."}),
		cycleSize: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tocsin", Name: "poll_records",
			Help: "Records returned by one poll.", Buckets: prometheus.ExponentialBuckets(1, 4, 10)}),
		candidates: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tocsin", Name: "record_to_candidate_seconds",
			Help: "Time from a record's Kafka timestamp to the acknowledgement of its alert.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 20)}),
	}
	m.age = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "tocsin", Name: "oldest_unstored_age_seconds",
		Help: "Time that the oldest record fetched and not yet stored has waited since it was produced; 0 when there is none."}, func() float64 {
		if at := m.oldest.Load(); at != 0 {
			return max(time.Since(time.UnixMilli(at)).Seconds(), 0)
		}
		return 0
	})
	reg.MustRegister(m.records, m.dead, m.verdicts, m.alerts, m.batches, m.retries, m.steps, m.abandons, m.cycleSize, m.candidates, m.age)
	return m
}

func (m *Metrics) gathered(n int) {
	if n > 0 {
		m.cycleSize.Observe(float64(n))
	}
}

// holds notes the timestamp of a partition's oldest record that is fetched and
// not settled; zero when there is none.
func (m *Metrics) holds(at time.Time) {
	if at.IsZero() {
		return
	}
	if oldest := m.oldest.Load(); oldest == 0 || at.UnixMilli() < oldest {
		m.oldest.Store(at.UnixMilli())
	}
}

// idle notes that nothing is held any more.
func (m *Metrics) idle() { m.oldest.Store(0) }

func (m *Metrics) step(name string, took time.Duration) {
	m.steps.WithLabelValues(name).Observe(took.Seconds())
}

func (m *Metrics) retried(step string) { m.retries.WithLabelValues(step).Inc() }

func (m *Metrics) abandoned() { m.abandons.Inc() }

func (m *Metrics) stored(b *Batch) {
	m.records.WithLabelValues(b.Topic).Add(float64(len(b.Rows)))
	m.batches.WithLabelValues(b.Topic).Inc()
	type key struct{ rule, outcome string }
	counts := make(map[key]int)
	for i := range b.Rows {
		row := &b.Rows[i]
		if f := row.Failure; f != nil {
			m.dead.WithLabelValues(b.Topic, f.Stage, f.Code).Inc()
		}
		for _, v := range row.Verdicts {
			counts[key{v.Rule.ID, v.Outcome.String()}]++
		}
	}
	for k, n := range counts {
		m.verdicts.WithLabelValues(k.rule, k.outcome).Add(float64(n))
	}
}

func (m *Metrics) published(alerts []Alert) {
	for i := range alerts {
		a := &alerts[i]
		m.alerts.WithLabelValues(a.Verdict.Rule.ID, a.Verdict.Finding.Severity.String()).Inc()
		m.candidates.Observe(time.Since(a.Observed).Seconds())
	}
}
