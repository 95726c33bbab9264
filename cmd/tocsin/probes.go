package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tocsin/pipeline"
)

// liveLimit is how long the loop may stay without turning before /healthz
// fails. A wait turns the loop at every try, so only a hang is this long.
const liveLimit = 3 * time.Minute

// scrapes is how many answers of /metrics are made at once; one more is refused.
const scrapes = 8

// now is the wall clock of this program; rules and calendars have none.
func now() time.Time { return time.Now() }

// probes is the HTTP server for metrics and health. It shows no record value.
type probes struct{ listener net.Listener }

func listen(address string) (*probes, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &probes{l}, nil
}

// serve answers until ctx is cancelled.
//
//	/metrics  Prometheus
//	/healthz  200 while the loop turns
//	/readyz   200 while partitions are assigned and nothing is waited for
//	/status   all of it: text, or JSON when that is asked for
//	/debug/pprof/  profiles, when profiling
func (p *probes) serve(ctx context.Context, registry *prometheus.Registry, health *pipeline.Health, rules *inForce, profiling bool) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry, MaxRequestsInFlight: scrapes}))
	answer := func(ok func(pipeline.Status) bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			s := health.Status(now(), liveLimit)
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
		at := now()
		page := newStatusPage(health.Status(at, liveLimit), rules.status(), at)
		page.serve(w, r)
	})
	if profiling {
		profiles(mux)
	}
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
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
	return now().Sub(s.Since).Round(time.Second).String()
}
