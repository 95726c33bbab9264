package pipeline

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Health is a prometheus.Collector: the values of the status page are metrics too,
// as of the scrape.

var (
	readyGauge    = prometheus.NewDesc("tocsin_ready", "1 while partitions are assigned and nothing is waited for.", nil, nil)
	waitingGauge  = prometheus.NewDesc("tocsin_waiting_seconds", "How long the worker has waited for what it has waited for the longest; 0 when it waits for nothing.", nil, nil)
	assignedGauge = prometheus.NewDesc("tocsin_partitions_assigned", "Partitions assigned to this worker.", nil, nil)
	turnedGauge   = prometheus.NewDesc("tocsin_loop_turned_timestamp_seconds", "When the loop last turned.", nil, nil)
	lagGauge      = prometheus.NewDesc("tocsin_partition_lag_records", "Records of an assigned partition beyond those settled, as of the last fetch.", []string{"topic", "partition"}, nil)
	ageGauge      = prometheus.NewDesc("tocsin_partition_age_seconds", "Time that the oldest record of an assigned partition, fetched and not settled, has waited since it was produced; 0 when there is none.", []string{"topic", "partition"}, nil)
)

var (
	heldGauge   = prometheus.NewDesc("tocsin_rows_in_hand", "Records that are fetched and not settled.", nil, nil)
	bytesGauge  = prometheus.NewDesc("tocsin_bytes_in_hand", "Bytes of the budget that they take, with their events.", nil, nil)
	budgetGauge = prometheus.NewDesc("tocsin_budget_bytes", "The budget, worker.max_bytes: a worker that holds so much polls no more until a batch is settled.", nil, nil)
)

// Describe implements prometheus.Collector.
func (h *Health) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{readyGauge, waitingGauge, assignedGauge, turnedGauge, lagGauge, ageGauge, heldGauge, bytesGauge, budgetGauge} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (h *Health) Collect(metrics chan<- prometheus.Metric) {
	now := time.Now()
	s := h.Status(now, 0)
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	ready, waiting := 0.0, 0.0
	if s.Ready {
		ready = 1
	}
	if !s.Since.IsZero() {
		waiting = max(now.Sub(s.Since).Seconds(), 0)
	}
	gauge(readyGauge, ready)
	gauge(waitingGauge, waiting)
	gauge(assignedGauge, float64(s.Partitions))
	gauge(turnedGauge, float64(s.Turned.UnixMilli())/1000)
	gauge(heldGauge, float64(s.InHand.Rows))
	gauge(bytesGauge, float64(s.InHand.Bytes))
	gauge(budgetGauge, float64(s.InHand.Budget))
	for i := range s.Progress {
		p := &s.Progress[i]
		partition := strconv.Itoa(int(p.Partition))
		gauge(lagGauge, float64(p.Lag()), p.Topic, partition)
		gauge(ageGauge, p.Age(now).Seconds(), p.Topic, partition)
	}
}
