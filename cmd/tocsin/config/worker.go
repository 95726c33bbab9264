package config

import (
	"log/slog"
	"os"
	"time"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/pipeline"
	"tocsin/rules/strictyaml"
)

// Rules is the section rules.
type Rules struct {
	Pack     string `yaml:"pack,required"`
	Calendar string `yaml:"calendar"`

	// report returns a mistake with its place in the file; nil without a file.
	report func(*pipeline.Mistake) error
}

// Worker is the section worker. The loop checks it, because it knows how its
// settings depend on each other.
type Worker struct {
	MaxRecords       int             `yaml:"max_records"`
	MaxInserts       int             `yaml:"max_inserts"`
	Linger           time.Duration   `yaml:"linger"`
	MaxRecordBytes   strictyaml.Size `yaml:"max_record_bytes"`
	MaxBytes         strictyaml.Size `yaml:"max_bytes"`
	MaxUnpackedBytes strictyaml.Size `yaml:"max_unpacked_bytes"`
	StepTimeout      time.Duration   `yaml:"step_timeout"`
	DrainTimeout     time.Duration   `yaml:"drain_timeout"`
	RebalanceGrace   time.Duration   `yaml:"rebalance_grace"`
	IntentTTL        time.Duration   `yaml:"intent_ttl"`
	BackoffMin       time.Duration   `yaml:"backoff_min"`
	BackoffMax       time.Duration   `yaml:"backoff_max"`
}

var defaultWorker = Worker{MaxRecords: 20_000, MaxInserts: 2, Linger: time.Second, MaxRecordBytes: 1 << 20, MaxBytes: 32 << 20, MaxUnpackedBytes: 256 << 20,
	StepTimeout: 20 * time.Second, DrainTimeout: 30 * time.Second, RebalanceGrace: 2 * time.Second, IntentTTL: time.Minute,
	BackoffMin: 100 * time.Millisecond, BackoffMax: 15 * time.Second}

// HTTP is the section http: metrics, health and status.
type HTTP struct {
	Listen string                 `yaml:"listen"`
	TLS    *credentials.ServerTLS `yaml:"tls"`
	Pprof  bool                   `yaml:"pprof"`
}

// Log is the section log.
type Log struct {
	Level  string `yaml:"level" words:"debug info warn error"`
	Format string `yaml:"format" words:"text json"`
}

// Handler makes the log's handler.
func (l *Log) Handler(w *os.File) slog.Handler {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // it is one of the words above
	opts := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}
