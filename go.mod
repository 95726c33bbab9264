module tocsin

go 1.26.0

// Behind each: what it is here for, and who keeps it alive.
require (
	github.com/ClickHouse/ch-go v0.74.0 // native column decoding under clickhouse-go, by which columns are written as bytes; ClickHouse Inc.
	github.com/ClickHouse/clickhouse-go/v2 v2.50.0 // the connection to ClickHouse; ClickHouse Inc.
	github.com/KimMachineGun/automemlimit v1.0.1 // the limit of a container's memory, of cgroups 1 and 2; one author, active
	github.com/ebitengine/purego v0.11.3 // loads ClickHouse as a library, without cgo, for development and tests; the Ebitengine project
	github.com/expr-lang/expr v1.17.8 // parser of the rule language, and the oracle of its tests; the expr-lang project
	github.com/go-json-experiment/json v1.27.2 // encoding/json/v2 as another reader of events, in a fuzz test; its authors in the Go project
	github.com/google/go-cmp v0.7.0 // differences in tests; Google
	github.com/klauspost/compress v1.20.3 // zstd, gzip and Snappy of Kafka's batches, as the Kafka client has them; one author, active
	github.com/nats-io/jwt/v2 v2.8.2 // makes credentials in tests; Synadia
	github.com/nats-io/nats-server/v2 v2.15.2 // a JetStream inside the process, for development and tests; Synadia
	github.com/nats-io/nats.go v1.55.0 // the connection to NATS; Synadia
	github.com/nats-io/nkeys v0.4.16 // makes keys in tests; Synadia
	github.com/pierrec/lz4/v4 v4.1.33 // LZ4 of Kafka's batches, as the Kafka client has it; one author, active
	github.com/prometheus/client_golang v1.25.0 // metrics and their text format; the Prometheus project
	github.com/prometheus/client_model v0.6.3 // reads metrics in tests; the Prometheus project
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // holds our JSON Schemas against files in tests; one author, active
	github.com/shopspring/decimal v1.6.0 // what a decimal costs by the usual way, in a benchmark; Shopspring
	github.com/twmb/franz-go v1.22.2 // the connection to Kafka; its author
	github.com/twmb/franz-go/pkg/kadm v1.19.0 // administration of Kafka; the same
	github.com/twmb/franz-go/pkg/kfake v0.0.0-20260918054303-01f206a7e32c // a broker inside the process, for development and tests; the same
	github.com/twmb/franz-go/pkg/kmsg v1.15.1 // Kafka's requests; the same
	github.com/twmb/franz-go/plugin/kprom v1.5.0 // the Kafka client's metrics; the same
	go.opentelemetry.io/otel v1.47.0 // names and attributes of spans; the OpenTelemetry project
	go.opentelemetry.io/otel/exporters/otlp/otlptrace v1.47.0 // their encoding; the same
	go.opentelemetry.io/otel/sdk v1.47.0 // queue and sampler of traces; the same
	go.opentelemetry.io/otel/trace v1.47.0 // spans, of which the loop knows no more; the same
	go.opentelemetry.io/proto/otlp v1.11.0 // the messages that are posted; the same
	go.yaml.in/yaml/v3 v3.0.5 // the grammar of YAML, under our strict reader; the YAML organization
	golang.org/x/sync v0.25.0 // errgroup; the Go project
	golang.org/x/sys v0.50.0 // a disk that fills up, in tests; the Go project
	golang.org/x/term v0.48.0 // whether there is a terminal; the Go project
	golang.org/x/text v0.43.0 // reads Windows-1252 and UTF-16; the Go project
	golang.org/x/tools v0.52.0 // txtar, the form of archives and of golden cases; the Go project
	google.golang.org/protobuf v1.36.12 // encodes what is posted to a collector; Google
	pgregory.net/rapid v1.3.0 // property tests; one author, active
)

require (
	github.com/andybalholm/brotli v1.2.6 // indirect
	github.com/antithesishq/antithesis-sdk-go v0.8.0-default-no-op // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/go-faster/city v1.0.1 // indirect
	github.com/go-faster/errors v0.7.1 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/paulmach/orb v0.13.0 // indirect
	github.com/pbnjay/memory v0.0.0-20210728143218-7b4eea64cf58 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/segmentio/asm v1.2.1 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.opentelemetry.io/otel/metric v1.47.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)
