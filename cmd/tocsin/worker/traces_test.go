package worker

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/tocsin/config"
	"tocsin/cmd/tocsin/credentials"
	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/sinks/sinktest"
)

// collector keeps what is posted to it.
type collector struct {
	mu     sync.Mutex
	posts  [][]byte
	authed []string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posts = append(c.posts, body)
	c.authed = append(c.authed, r.Header.Get("Authorization"))
}

// spans are all that came, and the names of the services they are of.
func (c *collector) spans(t *testing.T) (spans []*tracepb.Span, services []string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, post := range c.posts {
		var data tracepb.TracesData
		if err := proto.Unmarshal(post, &data); err != nil {
			t.Fatal(err)
		}
		for _, r := range data.ResourceSpans {
			for _, a := range r.Resource.Attributes {
				if a.Key == "service.name" && !slices.Contains(services, a.Value.GetStringValue()) {
					services = append(services, a.Value.GetStringValue())
				}
			}
			for _, s := range r.ScopeSpans {
				spans = append(spans, s.Spans...)
			}
		}
	}
	return spans, services
}

// work50 drains n records through the loop as tocsin run puts it together, at
// most 50 a batch, and returns the stored rows and the log. Each record holds the
// canary wherever it has a value.
func work50(t *testing.T, n int, traces config.Traces) (rows int, log string) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "ledger.events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: "ledger.events", Key: []byte(canary), Headers: []kgo.RecordHeader{{Key: canary, Value: []byte(canary)}},
			Value: fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"test","type":"ledger.contract.executed","data":{"contract":{"contract_id":"%s-%d"}}}`, i, canary, i)})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}

	pack, mistakes := rules.Load(fstest.MapFS{
		"pack.yaml": {Data: []byte("schema: tocsin.pack/v1\nid: test\ntitle: Test\ngroup_currency: USD\n")},
		"rules/TST-01.yaml": {Data: []byte(`{id: TST-01, revision: 1, title: Every tenth contract, owner: tests, item: "1.01", severity: S1, citation: none,
applies_to: [ledger.contract.executed], when: 'contract.contract_id endsWith "0"', dedup: contract.contract_id,
deadline: { clock: O4, from: event_time }, runbook: Nothing to do.}`)},
	}, "test", calendar.Default())
	if err := mistakes.Err(); err != nil {
		t.Fatal(err)
	}
	c := config.Defaults()
	c.Kafka.Brokers, c.Kafka.Cluster, c.Kafka.Group, c.Kafka.Topics = cluster.ListenAddrs(), "test", "tocsin", []string{"ledger.events"}
	c.Kafka.FirstStart, c.Worker.MaxRecords, c.Traces = string(pipeline.StartEarliest), 50, traces
	var output bytes.Buffer
	engine := rules.NewEngine(pack)
	w := &assembly{config: &c, pack: pack, engine: engine, registry: prometheus.NewRegistry(), health: pipeline.NewHealth(time.Now()), log: slog.New(slog.NewTextHandler(&output, nil))}
	var sink sinktest.Memory
	if err := w.loop(t.Context(), true, &sink, &sink, onlyRules{engine}); err != nil {
		t.Fatal(err)
	}
	for p := range int32(2) {
		kept, err := sink.Rows(t.Context(), "ledger.events", p)
		if err != nil {
			t.Fatal(err)
		}
		rows += len(kept)
	}
	if alerts, err := sink.Alerts(t.Context()); err != nil || len(alerts) != (n+9)/10 {
		t.Errorf("%d alerts, %v", len(alerts), err)
	}
	return rows, output.String()
}

const canary = "CANARY-7731"

func TestTracesOfAWorker(t *testing.T) {
	taken := &collector{}
	server := httptest.NewTLSServer(taken)
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	rows, log := work50(t, 20, config.Traces{Endpoint: server.URL, Sample: 1, TLS: &credentials.TLS{CA: ca}})
	if rows != 20 || strings.Contains(log, "traces") {
		t.Errorf("%d rows, and the log:\n%s", rows, log)
	}
	spans, services := taken.spans(t)
	if diff := cmp.Diff([]string{"tocsin"}, services); diff != "" {
		t.Error(diff)
	}
	roots := map[string]string{}
	for _, s := range spans {
		if len(s.ParentSpanId) == 0 {
			roots[string(s.SpanId)] = s.Name
		}
	}
	below, records := map[string]bool{}, int64(0)
	for _, s := range spans {
		if len(s.ParentSpanId) > 0 {
			below[roots[string(s.ParentSpanId)]+"/"+s.Name] = true
		}
		for _, a := range s.Attributes {
			if s.Name == "batch" && a.Key == "messaging.batch.message_count" {
				records += a.Value.GetIntValue()
			}
		}
	}
	if diff := cmp.Diff(map[string]bool{"round/judge": true, "round/commit": true, "batch/store": true, "batch/publish": true}, below); diff != "" || records != 20 {
		t.Errorf("%d records stored\n%s", records, diff)
	}
	for _, post := range taken.posts {
		if bytes.Contains(post, []byte(canary)) {
			t.Error("a value of a record is in a trace")
		}
	}
}

func TestTracesAreSampled(t *testing.T) {
	taken := &collector{}
	server := httptest.NewServer(taken)
	defer server.Close()
	if rows, _ := work50(t, 20, config.Traces{Endpoint: server.URL, Sample: 0}); rows != 20 || len(taken.posts) > 0 {
		t.Errorf("%d rows, %d posts", rows, len(taken.posts))
	}
}

// A collector that does not answer, or refuses, costs no record and no time:
// neither while the queue overflows nor at the end, beyond a bound.
func TestTracesThatAreNotTakenChangeNothing(t *testing.T) {
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	over := make(chan struct{})
	end := sync.OnceFunc(func() { close(over) })
	f := func(name string, answer http.HandlerFunc, want string) {
		t.Helper()
		server := httptest.NewServer(answer)
		t.Cleanup(func() {
			end() // Close waits for its handlers
			server.Close()
		})
		began := time.Now()
		rows, log := work50(t, 1000, config.Traces{Endpoint: server.URL, Sample: 1})
		// Twenty batches, of three spans, and their rounds, eight in the queue, ten seconds for each
		// post: a minute or more, were they waited for.
		if took := time.Since(began); rows != 1000 || took > 30*time.Second || strings.Count(log, "traces are lost") > 1 || !strings.Contains(log, want) {
			t.Errorf("%s: %d rows after %s, want %q in the log once:\n%s", name, rows, took, want, log)
		}
	}
	f("503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "503 Service Unavailable")
	f("silence", func(http.ResponseWriter, *http.Request) { <-over }, "the last traces are lost")
}

func TestLossOfTracesIsToldOnce(t *testing.T) {
	status := http.StatusServiceUnavailable
	taken := &collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status == http.StatusOK {
			taken.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, canary)
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "secret")
	authority.Replace(t, path, []byte("Bearer one-"+canary))
	var auth credentials.Secret
	if err := auth.UnmarshalText([]byte("file:" + path)); err != nil {
		t.Fatal(err)
	}
	c := &config.Traces{Endpoint: server.URL + "/", Headers: map[string]credentials.Secret{"authorization": auth}}
	var log bytes.Buffer
	o, err := newOTLP(c, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	post := func(answer int) {
		t.Helper()
		status = answer
		if err := o.UploadTraces(context.Background(), []*tracepb.ResourceSpans{{}}); err != nil {
			t.Error(err)
		}
	}
	post(http.StatusServiceUnavailable)
	post(http.StatusTemporaryRedirect)
	post(http.StatusOK)
	authority.Replace(t, path, []byte("Bearer two-"+canary))
	post(http.StatusOK)
	post(http.StatusBadRequest)
	if lost, again := strings.Count(log.String(), "traces are lost"), strings.Count(log.String(), "traces arrive again"); lost != 2 || again != 1 {
		t.Errorf("lost %d times, again %d times:\n%s", lost, again, log.String())
	}
	if diff := cmp.Diff([]string{"Bearer one-" + canary, "Bearer two-" + canary}, taken.authed); diff != "" {
		t.Error(diff)
	}
	shown := log.String() + fmt.Sprint((&config.Config{Traces: *c}).Settings()...)
	if strings.Contains(shown, canary) {
		t.Errorf("a secret, or the answer, is shown:\n%s", shown)
	}
}

// TestAttributesOfTheEnvironmentAreNotPrinted: the mistake names the variable.
func TestAttributesOfTheEnvironmentAreNotPrinted(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "a=b,"+canary)
	_, _, err := newTracer(t.Context(), &config.Traces{Endpoint: "http://127.0.0.1:4318", Sample: 1}, slog.New(slog.DiscardHandler))
	if err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "OTEL_RESOURCE_ATTRIBUTES has a part that is not key=value: ") {
		t.Errorf("%v", err)
	}
}
