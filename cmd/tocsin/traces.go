package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"tocsin/cmd/tocsin/credentials"
)

// tracesConfig says where the spans of cycles are sent; nowhere without an
// endpoint. What OpenTelemetry's SDK reads from the environment (OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_*) holds. Endpoint and headers are in the
// file alone: nothing leaves because of a variable that was meant for others.
type tracesConfig struct {
	Endpoint string                        `yaml:"endpoint"` // base URL; /v1/traces is added, as the standard says
	Headers  map[string]credentials.Secret `yaml:"headers"`
	Sample   share                         `yaml:"sample"` // of the cycles that have a record

	TLS *credentials.TLS `yaml:"tls"`
}

// share is a part of a whole, 0 to 1.
type share float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *share) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(v >= 0 && v <= 1) { // NaN is not either
		return errors.New("is not a share: write a number from 0 to 1, as 0.01 for one in a hundred")
	}
	*s = share(v)
	return nil
}

// tracesEnd bounds what the last spans may take when a worker ends. It is short
// beside drain_timeout: an end that takes too long is a kill.
const tracesEnd = 2 * time.Second

// url is where spans are posted to.
func (c *tracesConfig) url() (*url.URL, error) {
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("want http://host:4318 or https://host:4318")
	case u.User != nil:
		return nil, errors.New("it holds a user: put what authorizes into traces.headers")
	}
	return u.JoinPath("v1", "traces"), nil
}

// tls is how the endpoint is recognised; nil without TLS.
func (c *tracesConfig) tls() *credentials.TLS {
	if u, err := c.url(); err == nil && u.Scheme == "https" && c.TLS == nil {
		return &credentials.TLS{}
	}
	return c.TLS
}

func (c *tracesConfig) validate() (problems []string) {
	if c.Endpoint == "" {
		return nil
	}
	u, err := c.url()
	if err != nil {
		return []string{fmt.Sprintf("traces.endpoint: %v", err)}
	}
	if u.Scheme == "http" && c.TLS != nil {
		problems = append(problems, "traces.tls is set and traces.endpoint is http: write https, or take tls away")
	}
	return problems
}

// tracer returns what makes spans, and end, which sends the last of them and
// takes no longer than tracesEnd. The tracer is nil where there is no endpoint.
//
// Spans are queued and sent by a goroutine of the SDK's own. Where the queue is
// full (2,048 spans) they are dropped: a worker never waits for who watches it.
func (c *tracesConfig) tracer(ctx context.Context, log *slog.Logger) (made trace.Tracer, end func(), err error) {
	if c.Endpoint == "" {
		return nil, func() {}, nil
	}
	client, err := newOTLP(c, log)
	if err != nil {
		return nil, nil, fmt.Errorf("traces: %w", err)
	}
	host, _ := os.Hostname() // one of several names of the worker; it may have none
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(semconv.ServiceName("tocsin"), semconv.ServiceVersion(version),
		semconv.HostName(host), attribute.Int("process.pid", os.Getpid())), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("traces: OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithResource(about), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(float64(c.Sample)))),
		sdk.WithBatcher(otlptrace.NewUnstarted(client)))
	return provider.Tracer("tocsin"), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesEnd)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("the last traces are lost", "error", err)
		}
	}, nil
}
