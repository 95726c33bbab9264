package worker

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
)

// liveLimit is the longest pause between two turns of the loop before /healthz
// fails. A wait turns the loop at every try, so only a hang is this long.
const liveLimit = 3 * time.Minute

// scrapes is the number of /metrics answers made at once; one more is refused.
const scrapes = 8

// probes is the HTTP server for metrics and health. It shows no record value.
type probes struct {
	listener  net.Listener
	profiling bool
	log       *slog.Logger
}

// listen listens at the address of c, over TLS if c has it.
func listen(c *config.HTTP, log *slog.Logger) (*probes, error) {
	secured, err := c.TLS.Server()
	if err != nil {
		return nil, fmt.Errorf("http.tls: %w", err)
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	if secured != nil {
		l = tls.NewListener(l, secured)
	}
	return &probes{l, c.Pprof, log}, nil
}

// complaints logs the messages of the HTTP server. Any client can cause any number
// of failed handshakes: these are logged at the level debug.
type complaints struct{ log *slog.Logger }

// Write implements io.Writer.
func (c complaints) Write(line []byte) (int, error) {
	level := slog.LevelError
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		level = slog.LevelDebug
	}
	c.log.Log(context.Background(), level, "probes", "message", strings.TrimSpace(string(line)))
	return len(line), nil
}

// serve answers until ctx is cancelled.
//
//	/metrics  Prometheus
//	/healthz  200 while the loop turns
//	/readyz   200 while partitions are assigned and the worker waits for no server
//	/status   the whole state, as text or, on demand, as JSON
//	/debug/pprof/  profiles, when http.pprof
func (p *probes) serve(ctx context.Context, registry *prometheus.Registry, health *pipeline.Health, rules *inForce) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry, MaxRequestsInFlight: scrapes}))
	answer := func(ok func(pipeline.Status) bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			s := health.Status(time.Now(), liveLimit)
			w.Header().Set("Content-Type", "application/json")
			if !ok(s) {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			json.NewEncoder(w).Encode(statusBody{s.Live, s.Ready, s.Partitions, s.WaitingFor, waited(s), s.Turned})
		}
	}
	mux.HandleFunc("GET /healthz", answer(func(s pipeline.Status) bool { return s.Live }))
	mux.HandleFunc("GET /readyz", answer(func(s pipeline.Status) bool { return s.Ready }))
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		at := time.Now()
		page := newStatusPage(health.Status(at, liveLimit), rules.status(), at)
		page.serve(w, r)
	})
	if p.profiling {
		profiles(mux)
	}
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: log.New(complaints{p.log}, "", 0),
	}
	unhook := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		server.Shutdown(grace)
	})
	defer unhook()
	if err := server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type statusBody struct {
	Live       bool      `json:"live"`
	Ready      bool      `json:"ready"`
	Partitions int       `json:"partitions"`
	WaitingFor string    `json:"waiting_for,omitempty"`
	Waited     string    `json:"waited,omitempty"`
	Turned     time.Time `json:"turned"`
}

func waited(s pipeline.Status) string {
	if s.Since.IsZero() {
		return ""
	}
	return time.Since(s.Since).Round(time.Second).String()
}
