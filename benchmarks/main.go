// Command benchmarks measures the tocsin program as it runs: a process of its
// own on the embedded servers, fed with a plausible company's records. It
// prints CPU per event, memory, and the time from a record to its alert.
//
//	make bench
//
// benchmarks/README.md explains the figures.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"tocsin/cmd/devstack/stack"
)

// options are the command's flags.
type options struct {
	tocsin  string
	config  string
	records int
	rate    int
	seconds int
	runs    int
	asJSON  bool
}

// result is what one run of the command found.
type result struct {
	Machine    string       `json:"machine"`
	Throughput []throughput `json:"throughput"`
	Latency    latency      `json:"latency"`
}

func main() {
	stack.Main() // does not return in the process that is one of its servers
	var o options
	flag.StringVar(&o.tocsin, "tocsin", "bin/tocsin", "the `program` to measure")
	flag.StringVar(&o.config, "config", "deploy/tocsin.example.yaml", "its configuration `file`")
	flag.IntVar(&o.records, "records", 200_000, "records in a throughput run")
	flag.IntVar(&o.rate, "rate", 2_000, "records a second in the latency run")
	flag.IntVar(&o.seconds, "seconds", 10, "length of the latency run")
	flag.IntVar(&o.runs, "runs", 3, "throughput runs, over the same records, each by a new group")
	flag.BoolVar(&o.asJSON, "json", false, "print JSON")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := measure(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, o options, stdout, progress io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	servers, err := stack.Start(ctx, stack.Config{Dir: dir, Progress: os.Stderr})
	if err != nil {
		return err
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if stopErr := servers.Stop(late); err == nil {
			err = stopErr
		}
	}()
	b := &bench{options: o, Addresses: servers.Addresses, dir: dir}
	if _, err := b.run(ctx, "migrate", "--config", o.config); err != nil {
		return err
	}
	r := result{Machine: fmt.Sprintf("%s/%s, %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())}
	// Latency comes first: the stream must not have alerted the same matters.
	fmt.Fprintf(progress, "latency run: %d records a second for %d s\n", o.rate, o.seconds)
	if r.Latency, err = b.latency(ctx); err != nil {
		return err
	}
	fmt.Fprintf(progress, "producing %d records\n", o.records)
	if err := b.fill(ctx); err != nil {
		return err
	}
	for i := range o.runs {
		fmt.Fprintf(progress, "throughput run %d of %d\n", i+1, o.runs)
		t, err := b.throughput(ctx, i)
		if err != nil {
			return err
		}
		r.Throughput = append(r.Throughput, t)
	}
	if o.asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	return r.print(stdout)
}

func (r *result) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%-6s%10s%14s%14s%14s%12s\n", r.Machine, "run", "records", "us CPU/event", "events/s/CPU", "wall s", "peak MiB")
	for i, t := range r.Throughput {
		fmt.Fprintf(&b, "%-6d%10d%14.2f%14.0f%14.2f%12.0f\n", i+1, t.Records, t.MicrosPerEvent, 1e6/t.MicrosPerEvent, t.WallSeconds, t.PeakMiB)
	}
	l := r.Latency
	fmt.Fprintf(&b, "\nrecord to alert received, %d candidates at %d records/s: p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, max %.1f ms\n",
		l.Candidates, l.Rate, l.P50, l.P90, l.P99, l.Max)
	_, err := io.WriteString(w, b.String())
	return err
}

// bench is a set of servers and what is to be measured on them.
type bench struct {
	options
	stack.Addresses
	dir      string
	produced int // records in the topics
	bytes    int // of their values
}

// configFor writes the configuration with a consumer group of its own, so that
// the same records can be read again. The name of the cluster changes too:
// else ClickHouse would take the rows for repeats, by their token.
func (b *bench) configFor(run string) (string, error) {
	text, err := os.ReadFile(b.config)
	if err != nil {
		return "", err
	}
	changed := strings.NewReplacer("group: tocsin", "group: bench-"+run, "cluster: main", "cluster: bench-"+run).Replace(string(text))
	path := filepath.Join(b.dir, "config-"+run+".yaml")
	return path, os.WriteFile(path, []byte(changed), 0o600)
}

// fullPayload lets alerts carry the event's id.
func (b *bench) fullPayload(config string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	return os.WriteFile(config, []byte(strings.Replace(string(text), "# payload: minimal", "payload: full", 1)), 0o600)
}

// run runs the program to its end and returns the process's state.
func (b *bench) run(ctx context.Context, args ...string) (*os.ProcessState, error) {
	cmd := exec.CommandContext(ctx, b.tocsin, args...)
	cmd.Env = append(os.Environ(), b.Environ()...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", b.tocsin, strings.Join(args, " "), err, said.String())
	}
	return cmd.ProcessState, nil
}
