//go:build integration

package endtoend

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/netfault"
	"tocsin/cmd/devstack/stack"
)

var comparison = regexp.MustCompile(`(==|>|<) `)

// TestIntegrationWorkersBoard has a Prometheus read two workers through a day in
// small: load; one candidate, one event that a rule cannot judge and one record
// that is no event, each the first of its kind, whose counter begins at 1; an
// outage of ClickHouse within which one worker goes. Every query of the workers'
// board then shows something, every rule records something, and every alert rule
// finds what it compares.
func TestIntegrationWorkersBoard(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "900MiB") // as deployed; the board shows it
	h := start(t, stack.Addresses{})
	proxy, err := netfault.Listen(h.ClickHouse)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	h.ClickHouse = proxy.Addr()
	h.config = h.judging(pack(t, "1_000_000_000", "S2"))
	workers := []*stack.Worker{h.worker(), h.worker()}
	p := h.observe(hurried(t), workers...)
	l := produce(t, h.Kafka, 500)
	l.wait(h, 1000)
	large, unjudged := contract(1), contract(1)
	large.Value = bytes.Replace(large.Value, []byte(`"1000.00"`), []byte(`"2000000000.00"`), 1)
	unjudged.Value = bytes.Replace(unjudged.Value, []byte(`"USD"`), []byte(`"EUR"`), 1)
	h.produce(large, unjudged, &kgo.Record{Topic: loadTopic, Value: []byte("not JSON")})
	h.eventually(time.Minute, "the three read twice", func() bool {
		for _, counter := range []string{"tocsin_alerts_published_total", `tocsin_verdicts_total{outcome="error"}`, "tocsin_dead_letters_total"} {
			if n, _ := p.largest("count_over_time(" + counter + "[1m])"); n < 2 {
				return false
			}
		}
		return true
	})
	proxy.Refuse(true)
	proxy.Cut()
	h.eventually(time.Minute, "tries that fail", func() bool {
		return strings.Contains(h.metrics(workers[0], "/metrics"), `tocsin_step_retries_total{step="store"}`)
	})
	h.end(workers[1])
	h.eventually(time.Minute, "a batch given up", func() bool {
		return !strings.Contains(h.metrics(workers[0], "/metrics"), "\ntocsin_batches_abandoned_total 0\n")
	})
	proxy.Refuse(false)

	pending := make(map[string]bool) // queries that have shown nothing yet, and whether that must be more than 0
	t.Cleanup(func() {
		for query := range pending {
			if t.Failed() {
				t.Logf("shows nothing: %s", query)
			}
		}
	})
	// What has happened here: 0 would be a board that does not tell.
	happened := []string{"Tries that failed", "Batches given up and replayed", "Dead letters", "Verdicts that found something", "Alerts"}
	for _, panel := range readBoard(t, "workers.json").Panels {
		for _, target := range panel.Targets {
			pending[strings.NewReplacer("$job", "tocsin", "$__rate_interval", "2m").Replace(target.Expr)] = slices.Contains(happened, panel.Title)
		}
	}
	rules := p.rules()
	if len(rules) < 25 {
		t.Errorf("there are %d rules", len(rules))
	}
	for _, r := range rules {
		switch {
		case r.Type == "recording":
			pending[r.Name] = false
		case strings.HasPrefix(r.Name, "TocsinAudit"): // of the node exporter and kube-state-metrics, which are not here
		case r.Name == "TocsinNoWorker": // asks for what is absent: here it finds nothing, whatever it asks for
		default:
			pending[comparison.ReplaceAllString(r.Query, "$1 bool ")] = false
		}
	}
	h.eventually(2*time.Minute, "each query shows something", func() bool {
		for query, positive := range pending {
			if n, some := p.largest(query); some && (n > 0 || !positive) {
				delete(pending, query)
			}
		}
		return len(pending) == 0
	})

	for _, r := range p.rules() {
		if r.Health != "ok" {
			t.Errorf("%s: %s: %s", r.Name, r.Health, r.LastError)
		}
	}
	for _, alert := range []string{"TocsinDeadLetters", "TocsinRuleErrors"} {
		if _, fired := p.largest(`ALERTS{alertstate="firing", alertname="` + alert + `"}`); !fired {
			t.Errorf("%s has not fired", alert)
		}
	}
	var jobs []string
	if err := p.get("/api/v1/label/job/values", url.Values{"match[]": {"tocsin_ready"}}, &jobs); err != nil || !slices.Equal(jobs, []string{"tocsin"}) {
		t.Errorf("the board offers the jobs %v, %v", jobs, err)
	}
	l.stop(t)
}

// hurried is a copy of the rules that is evaluated each second, and not each
// half minute.
func hurried(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "prometheus", "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte("interval: 30s"), []byte("interval: 1s")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
