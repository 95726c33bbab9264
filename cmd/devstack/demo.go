package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/term"

	"tocsin/cmd/devstack/company"
	"tocsin/cmd/devstack/stack"
)

// demoBound is how long the demo waits for the last candidate and row.
const demoBound = 90 * time.Second

// demonstration is one run of the demo.
type demonstration struct {
	stack.Addresses
	state  state
	out    io.Writer
	events int
	seed   uint64
	oneIn  int
	began  time.Time
}

// demo starts servers and a worker, feeds them a company's day, shows the
// candidates as they arrive and compares them with those that were planted. On
// a terminal it then stays until it is interrupted.
func demo(ctx context.Context, args []string) (int, error) {
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	dir := stateFlag(f)
	tocsin := f.String("tocsin", "bin/tocsin", "path of the tocsin `program`")
	config := f.String("config", "deploy/tocsin.example.yaml", "configuration `file` of the worker")
	d := demonstration{out: os.Stdout, began: time.Now()}
	f.IntVar(&d.events, "events", 20_000, "events of the company's day")
	f.Uint64Var(&d.seed, "seed", 1, "seed of the company: the same seed gives the same day")
	f.IntVar(&d.oneIn, "one-in", 400, "one disclosure event in so many events")
	stay := f.Bool("stay", term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())), "stay until interrupted, to look around")
	if code, err := parse(f, args); err != nil {
		return code, err
	}
	// A day of its own: what an earlier demo left would be candidates too.
	d.state = state(filepath.Join(*dir, "demo"))
	if err := os.RemoveAll(string(d.state)); err != nil {
		return exitFailed, fmt.Errorf("clear the last demo: %w", err)
	}
	servers, err := stack.Start(ctx, stack.Config{Dir: d.state.data(), Present: stack.FromEnviron(os.Getenv), Progress: os.Stderr})
	if err != nil {
		return exitFailed, err
	}
	late := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.WithoutCancel(ctx), stopBound)
	}
	defer func() {
		ctx, cancel := late()
		defer cancel()
		if err := servers.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "devstack: stop the servers:", err)
		}
	}()
	d.Addresses = servers.Addresses
	log, err := os.Create(d.state.workerLog())
	if err != nil {
		return exitFailed, err
	}
	defer log.Close()
	worker, err := stack.StartWorker(ctx, d.Addresses, *tocsin, *config, log)
	if err != nil {
		return exitFailed, err
	}
	defer func() {
		ctx, cancel := late()
		defer cancel()
		if err := worker.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "devstack: stop the worker:", err)
		}
	}()
	agree, err := d.play(ctx)
	if err != nil {
		return exitFailed, fmt.Errorf("%w (the worker's log is %s)", err, d.state.workerLog())
	}
	if err := d.Addresses.WriteDotenv(d.state.dotenv()); err != nil {
		return exitFailed, err
	}
	d.further()
	if *stay {
		say(d.out, "\nServers and worker stay up until Ctrl-C.")
		select {
		case <-ctx.Done():
		case err := <-servers.Died():
			return exitFailed, err
		case <-worker.Done():
			return exitFailed, errors.New("the worker ended by itself: " + d.state.workerLog())
		}
	}
	if !agree {
		return exitFailed, nil
	}
	return exitDone, nil
}

// play feeds the day and compares. It reports whether candidates and rows are
// exactly those planted and produced.
func (d *demonstration) play(ctx context.Context) (bool, error) {
	watch, err := subscribe(ctx, d.NATS, d.out)
	if err != nil {
		return false, err
	}
	defer watch.close()
	say(d.out, "Northwind Instruments, %d events of its ledger and systems, one in %d to be disclosed. Candidates as they arrive:\n", d.events, d.oneIn)
	say(d.out, "%-4s %-6s %-7s %-24s %s", "sev", "item", "rule", "due (New York)", "what")
	planted, err := d.feed(ctx)
	if err != nil {
		return false, err
	}
	if err := watch.await(ctx, len(planted), demoBound); err != nil {
		return false, err
	}
	rows, err := d.rows(ctx, d.events)
	if err != nil {
		return false, err
	}
	// Rows are stored before their alerts are published: what is stored as a
	// candidate, planted or not, is waited for too.
	stored, err := d.number(ctx, "SELECT uniqExact(candidate_id) FROM candidates")
	if err != nil {
		return false, err
	}
	if err := watch.await(ctx, stored, demoBound); err != nil {
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

// feed produces the day and returns the matters planted in it.
func (d *demonstration) feed(ctx context.Context) (map[matter]bool, error) {
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
