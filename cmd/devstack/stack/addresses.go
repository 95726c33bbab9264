package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Addresses are where the servers of a stack are reached, and as whom.
type Addresses struct {
	Kafka              string // host:port, several separated by commas
	ClickHouse         string // native protocol, host:port
	ClickHouseHTTP     string // http://host:port
	ClickHouseUser     string // may write
	ClickHousePassword string
	AnalystUser        string // may only read
	AnalystPassword    string
	NATS               string // nats://host:port
	Metrics            string // where a worker serves metrics and health, host:port
}

// variable is an environment variable and the address it holds.
type variable struct {
	name  string
	value *string
}

// variables lists the environment variables of a, in the order of a dotenv
// file. This is the one place that names them.
func (a *Addresses) variables() []variable {
	return []variable{
		{"TOCSIN_KAFKA", &a.Kafka},
		{"TOCSIN_CLICKHOUSE", &a.ClickHouse},
		{"TOCSIN_CLICKHOUSE_HTTP", &a.ClickHouseHTTP},
		{"TOCSIN_CLICKHOUSE_USER", &a.ClickHouseUser},
		{"TOCSIN_CLICKHOUSE_PASSWORD", &a.ClickHousePassword},
		{"TOCSIN_ANALYST_USER", &a.AnalystUser},
		{"TOCSIN_ANALYST_PASSWORD", &a.AnalystPassword},
		{"TOCSIN_NATS", &a.NATS},
		{"TOCSIN_METRICS", &a.Metrics},
	}
}

// FromEnviron reads addresses from environment variables, by os.Getenv or
// something like it. What is not set stays empty.
func FromEnviron(getenv func(string) string) Addresses {
	var a Addresses
	for _, v := range a.variables() {
		*v.value = getenv(v.name)
	}
	return a
}

// Environ returns the addresses as NAME=value, for the environment of a child.
func (a Addresses) Environ() []string {
	var env []string
	for _, v := range a.variables() {
		env = append(env, v.name+"="+*v.value)
	}
	return env
}

// WriteDotenv writes the addresses to a file that a shell can source and that
// ReadDotenv reads. It holds passwords, so only its owner may read it.
func (a Addresses) WriteDotenv(path string) error {
	var b strings.Builder
	b.WriteString("# Written by devstack, for as long as its servers run.\n")
	for _, v := range a.variables() {
		fmt.Fprintf(&b, "%s='%s'\n", v.name, strings.ReplaceAll(*v.value, "'", `'\''`))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the directory of the dotenv file: %w", err)
	}
	// Whole or not at all, for who waits for it.
	partial := path + ".partial"
	if err := os.WriteFile(partial, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write the dotenv file: %w", err)
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("finish the dotenv file: %w", err)
	}
	return nil
}

// ReadDotenv reads what WriteDotenv wrote.
func ReadDotenv(path string) (Addresses, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Addresses{}, fmt.Errorf("read the dotenv file: %w", err)
	}
	values := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok {
			continue // the heading
		}
		value = strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'")
		values[name] = strings.ReplaceAll(value, `'\''`, "'")
	}
	return FromEnviron(func(name string) string { return values[name] }), nil
}
