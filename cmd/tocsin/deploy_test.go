package main

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

	"tocsin/pipeline"
)

var (
	metricName = regexp.MustCompile(`\b(tocsin|go|process)_[a-z0-9_]+\b`)
	recorded   = regexp.MustCompile(`\btocsin:[a-z0-9_:]+`)
	suffix     = regexp.MustCompile(`_(bucket|sum|count)$`)
	record     = regexp.MustCompile(`(?m)^\s+- record: (\S+)$`)
)

// Alert rules and boards speak of metrics that a worker has, and of rules that
// are recorded; and whatever a worker has of its own is spoken of in the
// operator's page.
func TestRulesAndBoardsSpeakOfMetricsThatAre(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	registry := prometheus.NewRegistry()
	described := make(chan *prometheus.Desc, 1000)
	files := &rulesConfig{Pack: "sox409"}
	pack, _, err := files.openEngine()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []prometheus.Collector{collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newInForce(pack, now()), pipeline.NewHealth(now()), newWarnings()} {
		registry.MustRegister(c)
		c.Describe(described)
	}
	pipeline.NewMetrics(describing{registry, described})
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

// The configuration of the Kubernetes manifests is one, and the pods have longer
// to end than a cycle.
func TestConfigurationOnKubernetes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "kubernetes", "config", "tocsin.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, secret := range []string{"clickhouse-password", "nats-password"} {
		write(t, dir, secret, "canary-secret\n")
	}
	write(t, dir, "tocsin.yaml", strings.ReplaceAll(string(text), "/run/secrets/tocsin", dir))
	c, err := loadConfig(filepath.Join(dir, "tocsin.yaml"), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if c.NATS.Replicas < 3 || c.Kafka.FirstStart != "refuse" || c.Worker.DrainTimeout >= 45*time.Second {
		t.Errorf("%+v", c)
	}
	if strings.Contains(said(&c), "canary-secret") {
		t.Error("a secret is shown")
	}
}
