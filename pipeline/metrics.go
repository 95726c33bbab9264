package pipeline

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of a worker. Names and labels are an interface:
// dashboards and alert rules depend on them, and a test pins them. The
// configuration (topics, rules, failure codes) bounds the labels; data never adds
// one.
type Metrics struct {
	records    *prometheus.CounterVec   // topic
	dead       *prometheus.CounterVec   // topic, stage, code
	verdicts   *prometheus.CounterVec   // rule, outcome
	alerts     *prometheus.CounterVec   // rule, severity
	batches    *prometheus.CounterVec   // topic
	steps      *prometheus.HistogramVec // step
	retries    *prometheus.CounterVec   // step
	abandons   prometheus.Counter
	losses     prometheus.Counter
	unpackable *prometheus.CounterVec // topic
	noRoom     prometheus.Counter
	recreated  *prometheus.CounterVec // topic
	pollSize   prometheus.Histogram
	insertSize prometheus.Histogram
	candidates prometheus.Histogram // seconds from record to acknowledged alert
	age        prometheus.GaugeFunc
	oldest     atomic.Int64 // Kafka timestamp in ms of the oldest unsettled record; 0 none
}

// NewMetrics returns metrics registered with reg.
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
			Help: "Time of each successful step: judge, commit, check, store, publish.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16)}, []string{"step"}),
		abandons: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Name: "batches_abandoned_total",
			Help: "Batches given up for a rebalance or a stop, to be replayed."}),
		recreated: counter("partitions_made_again_total", "Partitions that began anew because their topic was deleted and created again.", "topic"),
		losses: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Name: "inserts_lost_total",
			Help: "Inserts that the store remembers and whose rows it does not have: they are stored again under another token."}),
		unpackable: counter("batches_not_unpacked_total", "Batches of producers that no worker can unpack: each of their records is stored as a dead letter.", "topic"),
		noRoom: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Name: "batches_without_room_total",
			Help: "Fetches of a batch that found no room to be unpacked: the batch is fetched again."}),
		pollSize: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tocsin", Name: "poll_records",
			Help: "Records returned by one poll.", Buckets: prometheus.ExponentialBuckets(1, 4, 10)}),
		insertSize: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tocsin", Name: "insert_rows",
			Help: "Rows of one insert.", Buckets: prometheus.ExponentialBuckets(1, 4, 10)}),
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
	reg.MustRegister(m.records, m.dead, m.verdicts, m.alerts, m.batches, m.retries, m.steps, m.abandons, m.losses, m.recreated, m.unpackable, m.noRoom, m.pollSize, m.insertSize, m.candidates, m.age)
	return m
}

func (m *Metrics) gathered(n int) {
	if n > 0 {
		m.pollSize.Observe(float64(n))
	}
}

// unsettledSince notes the timestamp of the oldest record that is fetched and not
// settled; zero when there is none.
func (m *Metrics) unsettledSince(at time.Time) {
	if at.IsZero() {
		m.oldest.Store(0)
		return
	}
	m.oldest.Store(at.UnixMilli())
}

func (m *Metrics) step(name string, took time.Duration) {
	m.steps.WithLabelValues(name).Observe(took.Seconds())
}

func (m *Metrics) retried(step string) { m.retries.WithLabelValues(step).Inc() }

func (m *Metrics) abandoned() { m.abandons.Inc() }

// reads shows a zero for each topic whose first re-creation, or first batch that is
// not unpacked, must count as an increase.
func (m *Metrics) reads(topics []string) {
	for _, topic := range topics {
		m.recreated.WithLabelValues(topic)
		m.unpackable.WithLabelValues(topic)
	}
}

func (m *Metrics) notUnpacked(topic string) { m.unpackable.WithLabelValues(topic).Inc() }

func (m *Metrics) crowded() { m.noRoom.Inc() }

func (m *Metrics) madeAgain(topic string) { m.recreated.WithLabelValues(topic).Inc() }

func (m *Metrics) lost() { m.losses.Inc() }

func (m *Metrics) stored(b *Batch) {
	m.records.WithLabelValues(b.Topic).Add(float64(len(b.Rows)))
	m.batches.WithLabelValues(b.Topic).Inc()
	m.insertSize.Observe(float64(len(b.Rows)))
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
		if !a.Observed.IsZero() {
			m.candidates.Observe(time.Since(a.Observed).Seconds())
		}
	}
}
