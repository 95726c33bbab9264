package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
)

// tracesEnd bounds the sending of the last spans when a worker ends. It is short
// beside drain_timeout, because a worker that ends too slowly is killed.
const tracesEnd = 2 * time.Second

// newTracer returns a tracer, and end, which sends the last spans within tracesEnd.
// The tracer is nil without an endpoint.
//
// A goroutine of the SDK queues and sends spans. When the queue is full (2,048 spans)
// they are dropped: a worker never waits for a collector.
func newTracer(ctx context.Context, c *config.Traces, log *slog.Logger) (made trace.Tracer, end func(), err error) {
	if c.Endpoint == "" {
		return nil, func() {}, nil
	}
	client, err := newOTLP(c, log)
	if err != nil {
		return nil, nil, fmt.Errorf("traces: %w", err)
	}
	host, _ := os.Hostname() // the worker has other names; this one may be empty
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(semconv.ServiceName("tocsin"), semconv.ServiceVersion(cli.Version),
		semconv.HostName(host), attribute.Int("process.pid", os.Getpid())), resource.WithFromEnv())
	if err != nil { // it shows the value
		return nil, nil, errors.New("traces: the environment's OTEL_RESOURCE_ATTRIBUTES has a part that is not key=value: correct it, or unset it")
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
