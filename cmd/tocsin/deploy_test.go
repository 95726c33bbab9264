package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nkeys"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/twmb/franz-go/plugin/kprom"

	"tocsin/cmd/devstack/authority"
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

var (
	secretFile  = regexp.MustCompile(`/run/secrets/tocsin/([a-z.-]+)`)
	madeSecret  = regexp.MustCompile(`create secret generic (\S+)((?: --from-file=\S+)+)`)
	fromFile    = regexp.MustCompile(`--from-file=([^= \n]+)`)
	gracePeriod = regexp.MustCompile(`(?m)^\s*(?:terminationGracePeriodSeconds: |stop_grace_period: |TimeoutStopSec=)(\d+)(?:s|\b)`)
)

// The configuration of the Kubernetes manifests is one for production, once the
// secrets are made as the page says: with them tocsin check finds nothing to
// warn of, and without any of them it fails and names the file.
func TestConfigurationOnKubernetes(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "kubernetes", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	made := map[string][]string{}
	for _, m := range madeSecret.FindAllStringSubmatch(read("README.md"), -1) {
		for _, f := range fromFile.FindAllStringSubmatch(m[2], -1) {
			made[m[1]] = append(made[m[1]], f[1])
		}
	}
	text := read("config/tocsin.yaml")
	var named []string
	for _, m := range secretFile.FindAllStringSubmatch(text, -1) {
		named = append(named, m[1])
	}
	slices.Sort(named)
	named = slices.Compact(named)
	for manifest, own := range map[string]string{"worker.yaml": "tocsin-secrets", "migrate/migrate.yaml": "tocsin-migrator-secrets"} {
		if diff := cmp.Diff(named, slices.Sorted(slices.Values(append(made[own], made["tocsin-tls"]...)))); diff != "" {
			t.Errorf("%s: files (-named +made):\n%s", own, diff)
		}
		for _, secret := range []string{own, "tocsin-tls"} {
			if !strings.Contains(read(manifest), "- secret: { name: "+secret+" }") {
				t.Errorf("%s does not mount %s", manifest, secret)
			}
		}
	}

	dir := t.TempDir()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	issuer := authority.New(t, "kubernetes")
	issuer.WriteFor(authority.Files{CA: in("ca.crt"), Cert: in("tls.crt"), Key: in("tls.key")}, "tocsin", 90*24*time.Hour)
	write(t, dir, "kafka-password", "canary-secret\n")
	write(t, dir, "clickhouse-password", "canary-secret\n")
	write(t, dir, "nats.nk", string(seed))
	path := in("tocsin.yaml")
	write(t, dir, "tocsin.yaml", strings.ReplaceAll(text, "/run/secrets/tocsin", dir))

	offline := func() (said string, code int) {
		var out strings.Builder
		code = runCheck(t.Context(), []string{"--offline", "--config", path}, nil, &out, &out)
		return out.String(), code
	}
	if said, code := offline(); code != exitOK || strings.Contains(said, "warn") || strings.Contains(said, "canary") {
		t.Errorf("exit %d: %s", code, said)
	}
	for _, name := range named {
		if err := os.Rename(in(name), in("gone")); err != nil {
			t.Fatal(err)
		}
		if said, code := offline(); code != exitFailed || !strings.Contains(said, name) {
			t.Errorf("without %s: exit %d: %s", name, code, said)
		}
		if err := os.Rename(in("gone"), in(name)); err != nil {
			t.Fatal(err)
		}
	}

	c, err := loadConfig(path, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if !c.Production || c.NATS.Replicas < 3 || c.Kafka.FirstStart != "refuse" || c.Kafka.TLS == nil || c.ClickHouse.TLS == nil || c.NATS.TLS == nil ||
		c.Kafka.SASL == nil || c.Kafka.SASL.Mechanism != saslScram512 || c.ClickHouse.Password.IsZero() || c.NATS.NKey == "" {
		t.Errorf("%+v", c)
	}
	if strings.Contains(said(&c), "canary-secret") {
		t.Error("a secret is shown")
	}
}

// Whatever stops a worker waits for it longer than it may take to end its cycle.
func TestStopsWaitForTheDrain(t *testing.T) {
	for _, name := range []string{"compose.yaml", "kubernetes/worker.yaml", "systemd/tocsin.service"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		m := gracePeriod.FindStringSubmatch(string(text))
		if m == nil {
			t.Fatalf("%s says nothing of how long a worker may take to end", name)
		}
		c := defaults() // which none of the three changes
		if wait, err := time.ParseDuration(m[1] + "s"); err != nil || wait < c.Worker.DrainTimeout+10*time.Second {
			t.Errorf("%s waits for %s, drain_timeout is %s", name, wait, c.Worker.DrainTimeout)
		}
	}
}
