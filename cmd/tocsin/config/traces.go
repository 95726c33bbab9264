package config

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/pipeline"
)

// Traces is the section traces: where the spans of rounds are sent. Without an
// endpoint none are sent. OpenTelemetry's SDK reads OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES and OTEL_BSP_* from the environment. Endpoint and headers
// are in the file alone: no span leaves because of a variable meant for another
// program.
type Traces struct {
	Endpoint string                        `yaml:"endpoint"` // base URL; the standard's /v1/traces is added
	Headers  map[string]credentials.Secret `yaml:"headers"`
	Sample   Share                         `yaml:"sample"` // of the rounds that have a record, and of their batches

	TLS *credentials.TLS `yaml:"tls"`
}

// Share is a part of a whole, 0 to 1.
type Share float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Share) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(v >= 0 && v <= 1) { // NaN is not either
		return errors.New("is not a share: write a number from 0 to 1, as 0.01 for one in a hundred")
	}
	*s = Share(v)
	return nil
}

// URL is where spans are posted to. No error shows the endpoint, which may hold a
// secret by mistake.
func (c *Traces) URL() (*url.URL, error) {
	u, err := url.Parse(c.Endpoint)
	switch {
	case strings.Contains(c.Endpoint, "@"):
		return nil, errors.New("holds a user: put the authorization into traces.headers")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("is not the address of a collector: want http://host:4318 or https://host:4318")
	case strings.ContainsAny(c.Endpoint, "?#"):
		return nil, errors.New("has a query or a fragment, which may hold a secret: put it into traces.headers")
	}
	return u.JoinPath("v1", "traces"), nil
}

// ClientTLS is how the endpoint is recognised; nil without TLS.
func (c *Traces) ClientTLS() *credentials.TLS {
	if u, err := c.URL(); err == nil && u.Scheme == "https" && c.TLS == nil {
		return &credentials.TLS{}
	}
	return c.TLS
}

// check returns what is wrong with the section alone.
func (c *Traces) check() []*pipeline.Mistake {
	if c.Endpoint == "" {
		return nil
	}
	u, err := c.URL()
	switch {
	case err != nil:
		return []*pipeline.Mistake{wrong("traces.endpoint %v", err).At("traces.endpoint")}
	case u.Scheme == "http" && c.TLS != nil:
		return []*pipeline.Mistake{wrong("traces.tls is set and traces.endpoint is http: write https, or remove tls").At("traces.tls", "traces.endpoint")}
	}
	return nil
}
