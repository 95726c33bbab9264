package worker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"tocsin/cmd/tocsin/config"
	"tocsin/cmd/tocsin/credentials"
)

// otlp posts spans to a collector, by OTLP over HTTP. It implements
// otlptrace.Client.
//
// OpenTelemetry's own client (otlptracehttp) was tried: it brings gRPC, which it
// does not use, and 5.2 MB into a binary of 41.6 MB, where this and the SDK
// are 1.5 MB; it reads certificates and headers once, where this client reads them
// for each connection and each post; and its retries hold up newer spans.
type otlp struct {
	url     string
	headers map[string]credentials.Secret
	http    *http.Client
	log     *slog.Logger
	lost    atomic.Bool // the last post failed
}

// otlpTimeout bounds one post; the standard's own.
const otlpTimeout = 10 * time.Second

func newOTLP(c *config.Traces, log *slog.Logger) (*otlp, error) {
	u, err := c.URL()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: otlpTimeout}
	transport := &http.Transport{DialContext: dialer.DialContext, IdleConnTimeout: time.Minute, MaxIdleConns: 1}
	if tls := c.ClientTLS(); tls != nil {
		transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return tls.Dial(ctx, dialer, network, address)
		}
	}
	// A redirect could lead the headers elsewhere.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &otlp{url: u.String(), headers: c.Headers, http: &http.Client{Transport: transport, Timeout: otlpTimeout, CheckRedirect: stay}, log: log}, nil
}

// Start implements otlptrace.Client: there is nothing to start.
func (o *otlp) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (o *otlp) Stop(context.Context) error {
	o.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. Spans that are not accepted are
// lost. The first failure is logged, and the next success: the SDK would print each
// failure.
func (o *otlp) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	err := o.post(ctx, spans)
	switch was := o.lost.Swap(err != nil); {
	case err != nil && !was:
		o.log.Warn("traces are lost", "error", err)
	case err == nil && was:
		o.log.Info("traces arrive again")
	}
	return nil
}

func (o *otlp) post(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// The same bytes as of an ExportTraceServiceRequest, whose package needs gRPC.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, secret := range o.headers {
		value, err := secret.Read()
		if err != nil {
			return fmt.Errorf("traces.headers.%s: %w", name, err)
		}
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := o.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", o.url, resp.Status)
	}
	return nil
}
