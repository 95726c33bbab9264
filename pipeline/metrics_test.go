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
// boards of others stand on them. A change here is a change in the changelog.
const published = `tocsin_alerts_published_total COUNTER rule severity
tocsin_batches_abandoned_total COUNTER
tocsin_batches_stored_total COUNTER topic
tocsin_dead_letters_total COUNTER topic stage code
tocsin_loop_turned_timestamp_seconds GAUGE
tocsin_oldest_unstored_age_seconds GAUGE
tocsin_partition_age_seconds GAUGE topic partition
tocsin_partition_lag_records GAUGE topic partition
tocsin_partitions_assigned GAUGE
tocsin_poll_records HISTOGRAM
tocsin_ready GAUGE
tocsin_record_to_candidate_seconds HISTOGRAM
tocsin_records_stored_total COUNTER topic
tocsin_step_duration_seconds HISTOGRAM step
tocsin_step_retries_total COUNTER step
tocsin_verdicts_total COUNTER rule outcome
tocsin_waiting_seconds GAUGE
`

func TestNamesOfMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m, h := NewMetrics(reg), NewHealth(time.Now())
	reg.MustRegister(h)
	// Something of each, so that it is shown.
	rule := &rules.Rule{ID: "TST-01"}
	verdict := rules.Verdict{Rule: rule, Outcome: rules.Match, Finding: &rules.Finding{}}
	m.gathered(1)
	m.step("store", time.Second)
	m.retried("store")
	m.abandoned()
	m.stored(&Batch{Topic: topic, Rows: []Row{{Failure: &event.Failure{Stage: "decode", Code: "not_json"}}, {Verdicts: []rules.Verdict{verdict}}}})
	m.published([]Alert{{Verdict: verdict, Observed: time.Now()}})
	h.place(map[topicPartition]Place{{topic, 3}: {Topic: topic, Partition: 3}})

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

// labels are a family's label names in the order in which they are declared
// above: topic first.
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

// lines is what a log says.
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

// count is how many times the log says something.
func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}
