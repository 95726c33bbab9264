package pipeline

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tocsin/rules"
	"tocsin/rules/event"
)

// Names, types and labels of the metrics are an interface: alert rules and
// boards of others depend on them. The changelog must mention a change here.
const published = `tocsin_alerts_published_total COUNTER rule severity
tocsin_batches_abandoned_total COUNTER
tocsin_batches_not_unpacked_total COUNTER topic
tocsin_batches_stored_total COUNTER topic
tocsin_batches_without_room_total COUNTER
tocsin_budget_bytes GAUGE
tocsin_bytes_in_hand GAUGE
tocsin_dead_letters_total COUNTER topic stage code
tocsin_insert_rows HISTOGRAM
tocsin_inserts_lost_total COUNTER
tocsin_loop_turned_timestamp_seconds GAUGE
tocsin_oldest_unstored_age_seconds GAUGE
tocsin_partition_age_seconds GAUGE topic partition
tocsin_partition_lag_records GAUGE topic partition
tocsin_partitions_assigned GAUGE
tocsin_partitions_made_again_total COUNTER topic
tocsin_poll_records HISTOGRAM
tocsin_ready GAUGE
tocsin_record_to_candidate_seconds HISTOGRAM
tocsin_records_stored_total COUNTER topic
tocsin_rows_in_hand GAUGE
tocsin_step_duration_seconds HISTOGRAM step
tocsin_step_retries_total COUNTER step
tocsin_verdicts_total COUNTER rule outcome
tocsin_waiting_seconds GAUGE
`

func TestNamesOfMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m, h := NewMetrics(reg), NewHealth(time.Now())
	reg.MustRegister(h)
	// Use each metric once, so that it is shown.
	rule := &rules.Rule{ID: "TST-01"}
	verdict := rules.Verdict{Rule: rule, Outcome: rules.Match, Finding: &rules.Finding{}}
	m.gathered(1)
	m.step("store", time.Second)
	m.retried("store")
	m.abandoned()
	m.lost()
	m.madeAgain(topic)
	m.notUnpacked(topic)
	m.crowded()
	m.stored(&Batch{Topic: topic, Rows: []Row{{Failure: &event.Failure{Stage: "decode", Code: "not_json"}}, {Verdicts: []rules.Verdict{verdict}}}})
	m.published([]Alert{{Verdict: verdict, Observed: time.Now()}})
	h.report(map[topicPartition]Progress{{topic, 3}: {Topic: topic, Partition: 3}}, InHand{})

	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, f := range families {
		fmt.Fprint(&got, f.GetName(), " ", f.GetType())
		for _, name := range labels(f) {
			fmt.Fprint(&got, " ", name)
		}
		fmt.Fprintln(&got)
		if f.GetHelp() == "" || !strings.HasSuffix(f.GetHelp(), ".") {
			t.Errorf("%s: help %q", f.GetName(), f.GetHelp())
		}
	}
	if diff := cmp.Diff(strings.Split(sorted(published), "\n"), strings.Split(sorted(got.String()), "\n")); diff != "" {
		t.Error(diff)
	}
}

// labels are the label names of a family in the order of the declarations above:
// topic first.
func labels(f *dto.MetricFamily) (names []string) {
	for _, pair := range f.GetMetric()[0].GetLabel() {
		names = append(names, pair.GetName())
	}
	slices.Sort(names)
	return names
}

// sorted sorts the labels of each line.
func sorted(lines string) string {
	var all strings.Builder
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		slices.Sort(words[2:])
		fmt.Fprintln(&all, strings.Join(words, " "))
	}
	return all.String()
}

// lines is a log, line by line.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count returns how often the log contains a text.
func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// An alert rule sees the first re-creation of a topic, or the first batch of it that
// is not unpacked, as an increase only if the worker showed a zero before.
func TestWhatATopicSuffersIsCountedFromZero(t *testing.T) {
	virtual(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		b := newBench(t, 1)
		if _, err := New(b.config(), b.sink, b.sink, b.sink, NewMetrics(reg), NewHealth(time.Now()), b.log); err != nil {
			t.Fatal(err)
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		zeros := map[string]bool{"tocsin_partitions_made_again_total": false, "tocsin_batches_not_unpacked_total": false}
		for _, f := range families {
			if _, wanted := zeros[f.GetName()]; wanted && len(f.Metric) == 1 && f.Metric[0].Label[0].GetValue() == topic && f.Metric[0].Counter.GetValue() == 0 {
				zeros[f.GetName()] = true
			}
		}
		for name, shown := range zeros {
			if !shown {
				t.Errorf("%s: no zero for topic %s", name, topic)
			}
		}
	})
}

// Alert rules compare these values.
func TestValuesOfTheGauges(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 100)
		w := b.start()
		b.settled(100, time.Minute)
		time.Sleep(time.Second)
		reg := prometheus.NewPedanticRegistry()
		reg.MustRegister(w.health)
		gauges := func(when string, want map[string]float64) {
			t.Helper()
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range families {
				if value, ok := want[f.GetName()]; ok && f.GetMetric()[0].GetGauge().GetValue() != value {
					t.Errorf("%s: %s is %v, want %v", when, f.GetName(), f.GetMetric()[0].GetGauge().GetValue(), value)
				}
				delete(want, f.GetName())
			}
			if len(want) > 0 {
				t.Errorf("%s: not there: %v", when, want)
			}
		}
		gauges("settled", map[string]float64{"tocsin_ready": 1, "tocsin_waiting_seconds": 0, "tocsin_partitions_assigned": 1, "tocsin_partition_lag_records": 0, "tocsin_partition_age_seconds": 0})
		b.sink.set(func() { b.sink.storeErr = func() error { return errAway } })
		b.produce(100, 50)
		for w.health.Status(time.Now(), time.Hour).Ready {
			time.Sleep(time.Millisecond)
		}
		began := w.health.Status(time.Now(), time.Hour).Since
		time.Sleep(time.Until(began.Add(30 * time.Second)))
		gauges("the store is away", map[string]float64{"tocsin_ready": 0, "tocsin_waiting_seconds": 30, "tocsin_partitions_assigned": 1, "tocsin_partition_lag_records": 50})
		b.sink.set(func() { b.sink.storeErr = nothing })
		b.end(w)
		gauges("ended", map[string]float64{"tocsin_ready": 0, "tocsin_partitions_assigned": 0})
	})
}
