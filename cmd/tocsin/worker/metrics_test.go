package worker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/twmb/franz-go/plugin/kprom"

	"tocsin/cmd/tocsin/config"
	"tocsin/cmd/tocsin/preflight"
	"tocsin/pipeline"
)

var (
	metricName = regexp.MustCompile(`\b(tocsin|go|process)_[a-z0-9_]+\b`)
	recorded   = regexp.MustCompile(`\btocsin:[a-z0-9_:]+`)
	suffix     = regexp.MustCompile(`_(bucket|sum|count)$`)
	record     = regexp.MustCompile(`(?m)^\s+- record: (\S+)$`)
)

// Alert rules and boards name only metrics that a worker has and rules that are
// recorded. The operator's page names each metric of a worker's own.
func TestRulesAndBoardsSpeakOfMetricsThatAre(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	registry := prometheus.NewRegistry()
	described := make(chan *prometheus.Desc, 1000)
	files := &config.Rules{Pack: "sox409"}
	pack, _, err := files.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []prometheus.Collector{collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newInForce(pack, time.Now()), pipeline.NewHealth(time.Now())} {
		registry.MustRegister(c)
		c.Describe(described)
	}
	pipeline.NewMetrics(describing{registry, described})
	preflight.NewLookout(nil, nil, describing{registry, described}, nil)
	kprom.NewMetrics("tocsin_kafka", kprom.Registry(registry))
	close(described)
	known, own := map[string]bool{}, map[string]bool{}
	for d := range described {
		_, rest, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		known[name] = true
		own[name] = strings.HasPrefix(name, "tocsin_")
	}

	rules := read("prometheus/rules.yaml")
	rules = rules[strings.Index(rules, "groups:"):]
	records := map[string]bool{}
	for _, m := range record.FindAllStringSubmatch(rules, -1) {
		records[m[1]] = true
	}
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal([]byte(read("grafana/workers.json")), &board); err != nil {
		t.Fatal(err)
	}
	texts := []string{rules}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			texts = append(texts, target.Expr)
		}
	}
	used := 0
	for _, text := range texts {
		for _, name := range metricName.FindAllString(text, -1) {
			used++
			if strings.HasPrefix(name, "tocsin_audit_") {
				continue // of the audit, whose tests compare them
			}
			if !known[name] && !known[suffix.ReplaceAllString(name, "")] {
				t.Errorf("no worker has the metric %s", name)
			}
		}
		for _, name := range recorded.FindAllString(text, -1) {
			if !records[name] {
				t.Errorf("no rule records %s", name)
			}
		}
	}
	if used < 40 || len(texts) < 15 {
		t.Errorf("%d uses in %d texts", used, len(texts))
	}
	page := read("README.md")
	for name, ours := range own {
		if ours && !strings.Contains(page, "`"+name) {
			t.Errorf("deploy/README.md does not speak of %s", name)
		}
	}
}

// describing passes on what is registered and keeps its descriptions.
type describing struct {
	prometheus.Registerer
	described chan<- *prometheus.Desc
}

func (d describing) MustRegister(all ...prometheus.Collector) {
	d.Registerer.MustRegister(all...)
	for _, c := range all {
		c.Describe(d.described)
	}
}
