package worker

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
)

// serving serves the probes of a worker that waits, and returns their address.
func serving(t *testing.T, c config.HTTP) string {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	p, err := listen(&c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	files := &config.Rules{Pack: "sox409"}
	pack, _, err := files.Open()
	if err != nil {
		t.Fatal(err)
	}
	health, registry := pipeline.NewHealth(time.Now()), prometheus.NewRegistry()
	rules := newInForce(pack, time.Now())
	registry.MustRegister(health, rules)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.serve(ctx, registry, health, rules) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p.listener.Addr().String()
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	return getBy(t, http.DefaultClient, url)
}

func getBy(t *testing.T, client *http.Client, url string) (status int, body string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestProbes(t *testing.T) {
	at := "http://" + serving(t, config.HTTP{})
	f := func(path string, status int, want string) {
		t.Helper()
		if got, body := get(t, at+path); got != status || !strings.Contains(body, want) {
			t.Errorf("%s: %d, want %d and %q in\n%s", path, got, status, want, body)
		}
	}
	f("/healthz", 200, `"live":true`)
	f("/readyz", 503, `"ready":false`)
	f("/metrics", 200, "tocsin_ready 0")
	f("/metrics", 200, `tocsin_build_info{calendar="`)
	f("/status", 200, "NOT READY: no partition is assigned")
	f("/status?format=json", 200, `"pack": "sox409"`)
	f("/debug/pprof/heap", 404, "")
	f("/debug/pprof/profile", 404, "")
	f("/", 404, "")
}

func TestProfilesBehindTheirSetting(t *testing.T) {
	at := "http://" + serving(t, config.HTTP{Pprof: true})
	if status, body := get(t, at+"/debug/pprof/goroutine?debug=1"); status != 200 || !strings.Contains(body, "goroutine profile:") {
		t.Errorf("%d: %s", status, body)
	}
	if status, body := get(t, at+"/debug/pprof/profile?seconds=0"); status != 200 || !strings.HasPrefix(body, "\x1f\x8b") {
		t.Errorf("%d: %q", status, body)
	}
	if status, _ := get(t, at+"/debug/pprof/nothing"); status != 404 {
		t.Errorf("a profile that there is not: %d", status)
	}
}

// A client that sends bytes that are no request, requests that are too large, or
// requests that never end does not keep others from the port. Over TLS that holds
// for a client with a certificate and for one without.
func TestHostileClientsChangeNothing(t *testing.T) {
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		address := serving(t, config.HTTP{})
		hostile(t, func() (net.Conn, error) { return net.Dial("tcp", address) }, http.DefaultClient, "http://"+address)
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		s := secure(t)
		config := s.client(t, s.client1)
		for range 200 { // each begins a handshake and never ends it
			c, err := net.Dial("tcp", s.address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			fmt.Fprint(c, "\x16\x03\x01\x00\xff\x01")
		}
		for _, bytes := range []string{"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "\x00\xff\x7f", strings.Repeat("\x16\x03\x01\xff\xff", 20_000)} {
			c, err := net.Dial("tcp", s.address)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			go io.WriteString(c, bytes)
			if answer, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(string(answer), "200 OK") {
				t.Errorf("%.20q: %q, %v", bytes, answer, err)
			}
			c.Close()
		}
		hostile(t, func() (net.Conn, error) { return tls.Dial("tcp", s.address, config) }, s.over(config), "https://"+s.address)
	})
}

func hostile(t *testing.T, connect func() (net.Conn, error), client *http.Client, at string) {
	t.Helper()
	dial := func() net.Conn {
		t.Helper()
		c, err := connect()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for range 200 { // each begins a request and never ends it
		fmt.Fprint(dial(), "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
	}
	f := func(name, want string, request ...string) {
		t.Helper()
		c := dial()
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		go func() {
			for _, part := range request {
				if _, err := io.WriteString(c, part); err != nil {
					return // refused before its end, which is right
				}
			}
		}()
		var answer bytes.Buffer
		_, err := io.CopyN(&answer, c, int64(len(want)))
		if !strings.HasPrefix(answer.String(), want) || (err != nil && want != "" && !errors.Is(err, io.EOF)) {
			t.Errorf("%s: %q, %v; want %q", name, &answer, err, want)
		}
	}
	f("no HTTP", "HTTP/1.1 400", "\x16\x03\x01\x00\xff\x00\x00\r\n\r\n")
	f("a heading too large", "HTTP/1.1 431", "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ", strings.Repeat("x", 64<<10), "\r\n\r\n")
	f("another method", "HTTP/1.1 405", "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
	f("a body without end", "HTTP/1.1 405", "POST /status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nabcd\r\n")
	f("a path outside", "HTTP/1.1 404", "GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, path := range []string{"/healthz", "/metrics", "/status"} {
		if status, _ := getBy(t, client, at+path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	// The unfinished request is given up by the server.
	slow := dial()
	fmt.Fprint(slow, "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
	if err := slow.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, slow); err != nil {
		t.Errorf("a request that never ends is waited for: %v", err)
	}
}

func TestStatusPage(t *testing.T) {
	at := time.Date(2026, 11, 23, 18, 30, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return at.Add(-d) }
	digest := strings.Repeat("ab", 32)
	failed := pipeline.Failed{At: ago(4 * time.Second), Error: "ClickHouse: disk space: server error 243: free or add disk space"}
	page := newStatusPage(pipeline.Status{
		Live: true, Turned: ago(time.Second), Partitions: 2, LastError: failed,
		InHand: pipeline.InHand{Rows: 50, Bytes: 8 << 20, Budget: 32 << 20, Rate: 64 << 10},
		Waits:  []pipeline.Waited{{For: "ClickHouse: disk space", Since: ago(3 * time.Minute), Error: failed.Error}},
		Progress: []pipeline.Progress{
			{Topic: "ledger.events", TopicID: pipeline.TopicID{15: 1}, Partition: 0, Next: 100, End: 250, Promised: 149, Oldest: ago(200 * time.Second), Digest: digest, Settled: ago(190 * time.Second), LastError: failed},
			{Topic: "ledger.events", Partition: 1, Next: -1, End: -1, Promised: -1},
		},
	}, rulesStatus{Pack: "sox409", Digest: digest, Calendar: "2026-11", Rules: 24, Checked: ago(time.Hour), Error: "BIG.yaml:1:1: no\nBIG.yaml:2:1: no", Since: ago(time.Minute)}, at)
	var text bytes.Buffer
	page.write(&text)
	const want = `tocsin dev  2026-11-23T18:30:00Z
NOT READY: waiting
  for ClickHouse: disk space, since 2026-11-23T18:27:00Z (3m0s ago): ClickHouse: disk space: server error 243: free or add disk space
in hand 50 records, 8388608 of 33554432 bytes; at the present rate alerts go on for 6m24s
last error 4s ago: ClickHouse: disk space: server error 243: free or add disk space

rules  pack sox409, 24 rules, calendar 2026-11
       digest abababababababababababababababababababababababababababababababab, found to be those of their files 1h0m0s ago
       NOT those of their files since 2026-11-23T18:29:00Z (1m0s ago):
       BIG.yaml:1:1: no
       BIG.yaml:2:1: no

PARTITION        NEXT  LAG  PROMISED UNTIL  AGE    RULES         SETTLED    LAST ERROR
ledger.events/0  100   150  149             3m20s  abababababab  3m10s ago  4s ago: ClickHouse: disk space: server error 243: free or add disk space
ledger.events/1  -     0    -               0s                   never      
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
	encoded, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"live":true`, `"waiting":[{"for":"ClickHouse: disk space","since":"2026-11-23T18:27:00Z"`, `{"topic":"ledger.events","topic_id":"AAAAAAAAAAAAAAAAAAAAAQ","partition":0,"next":100,"end":250,"lag":150,"promised_until":149`,
		`"age_seconds":200`, `"in_hand":{"rows":50,"bytes":8388608,"budget_bytes":33554432,"full_in_seconds":384}`, `{"topic":"ledger.events","partition":1,"next":null,"end":null,"lag":0,"promised_until":null,"age_seconds":0}`} {
		if !strings.Contains(string(encoded), want) {
			t.Errorf("want %s in %s", want, encoded)
		}
	}
}
