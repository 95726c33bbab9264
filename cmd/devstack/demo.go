package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/term"

	"tocsin/cmd/devstack/company"
	"tocsin/cmd/devstack/stack"
)

// demoBound is how long the demo waits for the last candidate and row. It is
// long because the first start on a slow machine takes long.
const demoBound = 3 * time.Minute

// demonstration is one run of the demo.
type demonstration struct {
	stack.Addresses
	state    state
	out      io.Writer
	progress *os.File
	events   int
	seed     uint64
	oneIn    int
	stay     bool
	began    time.Time
}

// demo starts servers and a worker, feeds them a company's day, shows the
// candidates as they arrive and compares them with those that were planted. On
// a terminal it then stays until it is interrupted. It leaves nothing behind,
// unless it failed. An interrupt at any moment ends it in order.
func demo(ctx context.Context, args []string) (int, error) {
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	dir := stateFlag(f)
	tocsin := f.String("tocsin", "bin/tocsin", "path of the tocsin `program`")
	config := f.String("config", "deploy/tocsin.example.yaml", "configuration `file` of the worker")
	d := demonstration{out: os.Stdout, progress: os.Stderr, began: time.Now()}
	f.IntVar(&d.events, "events", 20_000, "events of the company's day")
	f.Uint64Var(&d.seed, "seed", 1, "seed of the company: the same seed gives the same day")
	f.IntVar(&d.oneIn, "one-in", 400, "one disclosure event in so many events")
	f.BoolVar(&d.stay, "stay", term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())), "stay until interrupted, to look around")
	if code, err := parse(f, args); err != nil {
		return code, err
	}
	// A day of its own: what an earlier demo left would be candidates too.
	d.state = state(filepath.Join(*dir, "demo"))
	if err := os.RemoveAll(string(d.state)); err != nil {
		return exitFailed, fmt.Errorf("clear the last demo: %w", err)
	}
	agree, err := d.run(ctx, *tocsin, *config)
	switch {
	case err != nil && !errors.Is(err, context.Canceled):
		return exitFailed, fmt.Errorf("%w (logs are in %s)", err, d.state)
	case err == nil && !agree:
		say(d.out, "The worker's log is %s.", d.state.workerLog())
		return exitFailed, nil
	}
	if err := os.RemoveAll(string(d.state)); err != nil {
		return exitFailed, fmt.Errorf("remove what the demo left: %w", err)
	}
	if ctx.Err() != nil {
		say(d.out, "\nStopped: servers and worker have ended, and nothing of them is left.")
	}
	return exitDone, nil
}

// run plays the demo between the start and the stop of its servers and its
// worker. It reports whether all candidates and rows are as planted. When an
// interrupt breaks it off, the error is context.Canceled, unless a server or the
// worker could not be stopped.
func (d *demonstration) run(ctx context.Context, tocsin, config string) (agree bool, err error) {
	var failed error // to stop
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = context.Canceled // whatever it was that the interrupt broke off
		}
		if failed != nil {
			err = failed
		}
	}()
	stop := func(name string, end func(context.Context) error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopBound)
		defer cancel()
		if err := end(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("stop the %s: %w", name, err))
		}
	}

	if err := stack.Fetch(ctx, stack.FromEnviron(os.Getenv), d.progress); err != nil {
		return false, err
	}
	say(d.progress, "starting Kafka, ClickHouse and NATS")
	servers, err := stack.Start(ctx, stack.Config{Dir: d.state.data(), Present: stack.FromEnviron(os.Getenv), Progress: d.progress})
	if err != nil {
		return false, err
	}
	defer stop("servers", servers.Stop)
	d.Addresses = servers.Addresses

	log, err := os.Create(d.state.workerLog())
	if err != nil {
		return false, err
	}
	defer func() { _ = log.Close() }() // of what the worker wrote
	full, err := d.fullPayload(config)
	if err != nil {
		return false, err
	}
	say(d.progress, "starting a worker: tocsin migrate, then tocsin run")
	worker, err := stack.StartWorker(ctx, d.Addresses, tocsin, full, log)
	if err != nil {
		return false, err
	}
	defer stop("worker", worker.Stop)

	if agree, err = d.play(ctx); err != nil || !d.stay {
		return agree, err
	}
	if err := d.WriteDotenv(d.state.dotenv()); err != nil {
		return false, err
	}
	d.further()
	say(d.out, "\nServers and worker stay up until Ctrl-C.")
	select {
	case <-ctx.Done():
		return agree, nil
	case err := <-servers.Died():
		return false, err
	case <-worker.Done():
		return false, errors.New("the worker ended by itself")
	}
}

// fullPayload writes a copy of the configuration by which alerts hold keys,
// amounts and reasons, and returns its path. By default alerts leave them out,
// because they are material non-public information. The demo's company is
// invented, so the demo may show all. A configuration that sets the payload
// itself stays as it is.
func (d *demonstration) fullPayload(config string) (string, error) {
	text, err := os.ReadFile(config)
	if err != nil {
		return "", err
	}
	path := filepath.Join(string(d.state), "tocsin.yaml")
	full := strings.Replace(string(text), "# payload: minimal", "payload: full", 1)
	return path, os.WriteFile(path, []byte(full), 0o600)
}

// play feeds the day and compares. It reports whether candidates and rows are
// exactly those planted and produced.
func (d *demonstration) play(ctx context.Context) (bool, error) {
	watch, err := subscribe(ctx, d.NATS, d.out)
	if err != nil {
		return false, err
	}
	defer watch.close()
	say(d.out, "\nNorthwind Instruments, an invented company: %d events of its ledger and systems, one in %d to be disclosed.", d.events, d.oneIn)
	say(d.out, "Candidates as they arrive: severity, 8-K item, rule, due instant, matter, company; then what it is, and why.\n")
	planted, err := d.feed(ctx, watch)
	if err != nil {
		return false, err
	}
	if _, err := d.poll(ctx, "candidates", len(planted), watch.count); err != nil {
		return false, err
	}
	rows, err := d.poll(ctx, "rows", d.events, func() (int, error) { return d.number(ctx, "SELECT count() FROM events") })
	if err != nil {
		return false, err
	}
	// What is stored as a candidate, planted or not, is waited for too.
	stored, err := d.number(ctx, "SELECT uniqExact(candidate_id) FROM candidates")
	if err != nil {
		return false, err
	}
	if _, err := d.poll(ctx, "candidates", stored, watch.count); err != nil {
		return false, err
	}
	arrived, err := d.matters(ctx, watch.ids())
	if err != nil {
		return false, err
	}
	missing, unexpected := compare(planted, arrived)
	say(d.out, "\nplanted %d, arrived %d, missing %d, unexpected %d, twice %d; events produced %d, stored %d",
		len(planted), len(arrived), len(missing), len(unexpected), watch.repeats(), d.events, rows)
	say(d.out, "the first candidate came %.1f s after the start of the servers, the last row was stored after %.1f s",
		watch.since(d.began).Seconds(), time.Since(d.began).Seconds())
	for _, m := range missing {
		say(d.out, "  missing: %s", m)
	}
	for _, u := range unexpected {
		say(d.out, "  unexpected: %s", u)
	}
	agree := len(missing) == 0 && len(unexpected) == 0 && watch.repeats() == 0 && rows == d.events
	if agree {
		say(d.out, "The candidates are exactly the planted ones.")
	} else {
		say(d.out, "The candidates are NOT the planted ones.")
	}
	return agree, nil
}

// poll asks how many there are until there are as many as wanted, for at most
// demoBound, and reports every ten seconds how far it is. It returns the last
// answer: the comparison reports what is missing.
func (d *demonstration) poll(ctx context.Context, what string, want int, have func() (int, error)) (int, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, demoBound, errEnough)
	defer cancel()
	again, report := time.NewTicker(50*time.Millisecond), time.NewTicker(10*time.Second)
	defer again.Stop()
	defer report.Stop()
	for {
		n, err := have()
		if err == nil && n >= want {
			return n, nil
		}
		if err != nil && ctx.Err() == nil {
			return n, err
		}
		select {
		case <-ctx.Done():
			if context.Cause(ctx) == errEnough {
				return n, nil
			}
			return n, ctx.Err()
		case <-report.C:
			say(d.progress, "%d of %d %s", n, want, what)
		case <-again.C:
		}
	}
}

// errEnough ends a poll that has taken long enough.
var errEnough = errors.New("not in " + demoBound.String())

// feed produces the day, has watch know whom each planted matter is about, and
// returns the matters.
func (d *demonstration) feed(ctx context.Context, watch *watch) (map[matter]bool, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(d.Kafka))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	planted := make(map[matter]bool)
	failed := make(chan error, 1)
	g := company.New(d.seed, time.Now().Truncate(time.Hour), company.Options{OneIn: d.oneIn})
	for range d.events {
		item := g.Next()
		for _, p := range item.Planted {
			planted[matterOf(p)] = true
			watch.expect(matterOf(p), company.Entity(item.Event))
		}
		client.Produce(ctx, &kgo.Record{Topic: item.Topic, Key: []byte(item.Key), Value: item.Event.AppendJSON(nil),
			Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/cloudevents+json")}}}, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default: // the first one is enough
				}
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return nil, fmt.Errorf("produce the day: %w", err)
	}
	select {
	case err := <-failed:
		return nil, fmt.Errorf("produce the day: %w", err)
	default:
		return planted, nil
	}
}
