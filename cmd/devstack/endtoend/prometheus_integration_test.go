//go:build integration

package endtoend

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/devstack/cache"
	"tocsin/cmd/devstack/loopback"
	"tocsin/cmd/devstack/process"
	"tocsin/cmd/devstack/stack"
)

// prometheus is a running Prometheus.
type prometheus struct {
	h     *harness
	url   string
	began time.Time
}

// prometheusProgram is the path of Prometheus: on the PATH, or out of Debian's
// package, of which nothing is installed or started.
func prometheusProgram(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("prometheus"); err == nil {
		return path
	}
	dir, err := cache.Entry(t.Context(), "prometheus-of-debian", func(dir string) (err error) {
		end := cache.Announce(os.Stderr, "fetching Prometheus (19 MB, once)")
		defer func() { end(err) }()
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb")
		cmd.Dir = dir
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get download prometheus: %w: %s", err, said)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v\nprometheus is not on the PATH: install it", err)
	}
	return filepath.Join(dir, "usr", "bin", "prometheus")
}

// observe starts a Prometheus that reads the workers each second, as the job
// tocsin, and evaluates the rules of the file. It has read all of them once when
// observe returns.
func (h *harness) observe(rules string, workers ...*stack.Worker) *prometheus {
	h.t.Helper()
	dir := h.t.TempDir()
	var targets []string
	for _, w := range workers {
		targets = append(targets, strconv.Quote(w.Metrics()))
	}
	config := filepath.Join(dir, "prometheus.yaml")
	text := fmt.Sprintf("global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }\nrule_files: [%q]\nscrape_configs:\n  - job_name: tocsin\n    static_configs: [{ targets: [%s] }]\n",
		rules, strings.Join(targets, ", "))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	ports, err := loopback.Ports(1)
	if err != nil {
		h.t.Fatal(err)
	}
	addr := loopback.Addr(ports[0])
	run, err := process.Start(exec.Command(prometheusProgram(h.t), "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--log.level=warn"), syscall.SIGKILL, os.Stderr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(run.Kill)
	p := &prometheus{h, "http://" + addr, time.Now()}
	h.eventually(time.Minute, "Prometheus ready", func() bool { return p.get("/-/ready", nil, nil) == nil })
	h.eventually(time.Minute, "the workers read", func() bool {
		n, _ := p.largest("count(tocsin_ready)")
		return n == float64(len(workers))
	})
	return p
}

// get asks the API; answer is what the field data is decoded into, unless it is nil.
func (p *prometheus) get(path string, params url.Values, answer any) error {
	req, err := http.NewRequestWithContext(p.h.t.Context(), http.MethodGet, p.url+path+"?"+params.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && answer == nil {
		return fmt.Errorf("%s", resp.Status)
	}
	if answer == nil {
		return nil
	}
	said := struct {
		Status, Error string
		Data          any
	}{Data: answer}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return err
	}
	if said.Status != "success" {
		return fmt.Errorf("%s", said.Error)
	}
	return nil
}

// largest is the largest number that a query shows in a graph of all there is,
// and whether it shows any. What is no number, such as a quantile of nothing, is
// none.
func (p *prometheus) largest(query string) (largest float64, some bool) {
	p.h.t.Helper()
	var answer struct {
		Result []struct{ Values [][2]any }
	}
	stamp := func(at time.Time) []string { return []string{strconv.FormatInt(at.Unix(), 10)} }
	if err := p.get("/api/v1/query_range", url.Values{"query": {query}, "start": stamp(p.began), "end": stamp(time.Now()), "step": {"1"}}, &answer); err != nil {
		p.h.t.Fatalf("%s: %v", query, err)
	}
	largest = math.Inf(-1)
	for _, series := range answer.Result {
		for _, sample := range series.Values {
			n, err := strconv.ParseFloat(sample[1].(string), 64)
			if err == nil && !math.IsNaN(n) {
				largest, some = max(largest, n), true
			}
		}
	}
	return largest, some
}

// ruled is a rule as Prometheus has it.
type ruled struct{ Type, Name, Query, Health, LastError string }

// rules are those that it evaluates.
func (p *prometheus) rules() (all []ruled) {
	p.h.t.Helper()
	var answer struct{ Groups []struct{ Rules []ruled } }
	if err := p.get("/api/v1/rules", nil, &answer); err != nil {
		p.h.t.Fatal(err)
	}
	for _, g := range answer.Groups {
		all = append(all, g.Rules...)
	}
	return all
}
