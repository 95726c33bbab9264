package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say what run to make. Everything has a default but Seed.
type Options struct {
	Seed     uint64
	Duration time.Duration // of the load and the faults; healing and checking come on top
	Workers  int           // 2 to 4
	Rate     int           // records a second, on average
	Weights  map[string]int
	// Protocol is the group protocol of the workers, classic or consumer. Empty:
	// classic for odd seeds and directed runs, consumer for even ones.
	Protocol string
	// Scenario names a directed run to make instead of a random one: a name of
	// Mechanisms. Seed, Duration, Workers, Rate and Weights are of no meaning
	// to it.
	Scenario string
	// Without names a mechanism to take out of the workers: see removals.go.
	// The run must then fail.
	Without string
	// Progress receives a line about every fault.
	Progress *os.File
	// Keep keeps the directory of a run that passed, too.
	Keep bool
}

// run is a run that is under way.
type run struct {
	Options
	dir     string
	sources sources
	servers *servers
	fleet   *fleet
	load    *load
	began   time.Time

	changing sync.Mutex // held by a fault that changes topics or the group's offsets

	mu     sync.Mutex // guards what follows
	report Report
	old    []*logs         // of topics that were deleted
	gone   map[string]bool // ids of those that were deleted before all was stored
	wider  bool            // partitions were added
	// forgotten are the promises of marks that were deleted.
	forgotten []promise
}

// Run makes a run. An error means that the harness could not do its work; what
// is wrong with the workers stands in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Protocol == "" {
		if o.Protocol = "classic"; o.Scenario == "" && o.Seed%2 == 0 {
			o.Protocol = "consumer"
		}
	}
	r := &run{Options: o, gone: make(map[string]bool), report: Report{Seed: o.Seed, Duration: o.Duration, Protocol: o.Protocol, Scenario: o.Scenario, Without: o.Without, Faults: make(map[string]int), Unstruck: make(map[string]int)}}
	var err error
	if r.dir, err = os.MkdirTemp("", "tocsin-faults-"); err != nil {
		return nil, fmt.Errorf("make the run's directory: %w", err)
	}
	err = r.run(ctx)
	if err == nil && r.report.Passed() && !o.Keep {
		return &r.report, os.RemoveAll(r.dir)
	}
	r.report.Dir = r.dir
	if err != nil {
		return nil, fmt.Errorf("%w (logs and data: %s)", err, r.dir)
	}
	return &r.report, nil
}

func (r *run) run(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	defer r.servers.end()
	defer r.fleet.stopAll(false)
	watched, unwatch := context.WithCancel(ctx)
	defer unwatch()
	stalls := watchStalls(watched, r.servers.http, r.load.gate.held)
	if r.Scenario != "" {
		if err := r.direct(ctx, scenarios[r.Scenario]); err != nil {
			return fmt.Errorf("scenario %s: %w", r.Scenario, err)
		}
	} else if err := r.trouble(ctx); err != nil {
		return err
	}
	produced, err := r.heal(ctx)
	if err != nil {
		return err
	}
	unwatch()
	r.report.LongestStall = stalls.result().Seconds()
	return r.examine(ctx, produced)
}

// prepare builds the workers' programs, starts the servers and migrates.
func (r *run) prepare(ctx context.Context) (err error) {
	if r.sources, err = findSources(ctx); err != nil {
		return err
	}
	removed, err := removal(r.Without)
	if err != nil {
		return err
	}
	if _, ok := scenarios[r.Scenario]; r.Scenario != "" && !ok {
		return fmt.Errorf("there is no scenario %q: name one of %s", r.Scenario, strings.Join(Mechanisms(), ", "))
	}
	if r.Scenario != "" {
		r.Workers = 2
	}
	plain, stepped := filepath.Join(r.dir, "tocsin"), filepath.Join(r.dir, "tocsin-stepped")
	r.say("building the workers")
	if err := r.sources.buildEdited(ctx, stepped, r.dir, slices.Concat(pointEdits, scenarios[r.Scenario].edits, removed)); err != nil {
		return err
	}
	if len(removed) > 0 {
		plain = stepped
	} else if err := r.sources.build(ctx, plain); err != nil {
		return err
	}
	ttl := intentTTL
	if s := scenarios[r.Scenario]; s.long {
		ttl = longTTL
	}
	dirs, err := writePacks(r.dir)
	if err != nil {
		return err
	}
	r.say("starting Apache Kafka, ClickHouse and NATS")
	if r.servers, err = startServers(ctx, r.dir, r.Progress); err != nil {
		return err
	}
	if r.fleet, err = newFleet(r.dir, plain, stepped, r.servers.environ(), dirs, r.Workers, r.Protocol, ttl); err != nil {
		r.servers.end()
		return err
	}
	r.load = newLoad(r.servers.broker, r.Seed, r.Rate, r.servers.made)
	if _, err := r.tocsin(ctx, "migrate", "--config", r.fleet.slots[0].config); err != nil {
		r.servers.end()
		return err
	}
	r.began = time.Now()
	return nil
}

// tocsin runs a command of the program to its end.
func (r *run) tocsin(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, r.fleet.plain, args...)
	cmd.Env = r.servers.environ()
	said, err := cmd.CombinedOutput()
	if err != nil {
		return string(said), fmt.Errorf("tocsin %s: %w: %s", strings.Join(args, " "), err, lastLines(string(said), 5))
	}
	return string(said), nil
}

// trouble runs the load and the faults of the schedule, for the run's duration.
func (r *run) trouble(ctx context.Context) error {
	for i := range r.Workers {
		if _, err := r.fleet.restart(i, i, false, nil); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, r.Duration)
	defer cancel()
	failed := make(chan error, 1)
	fail := func(err error) {
		if err == nil {
			return
		}
		select {
		case failed <- err:
			cancel()
		default:
		}
	}
	var all sync.WaitGroup
	all.Go(func() { fail(r.load.run(ctx)) })
	for _, f := range plan(r.Seed, r.Duration-scheduleTail, r.Workers, r.Weights) {
		all.Go(func() {
			sleep(ctx, time.Until(r.began.Add(f.At)))
			if ctx.Err() != nil {
				return
			}
			r.say("%s", f)
			happened, err := r.strike(ctx, f)
			r.count(f, happened)
			fail(err)
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// scheduleTail is the end of the load in which no fault begins.
const scheduleTail = 5 * time.Second

func (r *run) count(f Fault, happened bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if happened {
		r.report.Faults[f.Kind]++
	} else {
		r.report.Unstruck[f.Kind]++
	}
}

// failf notes what must not be.
func (r *run) failf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Failures = append(r.report.Failures, fmt.Sprintf(format, args...))
}

// say prints a line of progress, with the time since the load began.
func (r *run) say(format string, args ...any) {
	since := 0.0
	if !r.began.IsZero() {
		since = time.Since(r.began).Seconds()
	}
	_, _ = fmt.Fprintf(r.Progress, "%7.1fs %s\n", since, fmt.Sprintf(format, args...))
}

// Bounds of what follows the load.
const (
	readBound  = 2 * time.Minute  // to read the topics, the rows, the stream
	drainBound = 2 * time.Minute  // until the workers have stored and published everything
	soonBound  = 30 * time.Second // the same after a directed run, which has little to catch up with
	emptyBound = 2 * time.Minute  // for a worker that ends when the topics are drained
)

// heal repairs everything, waits until the workers have caught up, and ends
// them. It returns what was produced.
func (r *run) heal(ctx context.Context) (e evidence, err error) {
	for _, p := range r.servers.front {
		repair(p)
	}
	if err := r.servers.died(); err != nil {
		return e, err
	}
	if r.wider {
		// A member of a classic group looks for new partitions every minute.
		for i := range r.Workers {
			if _, err := r.fleet.restart(i, 0, true, nil); err != nil {
				return e, err
			}
		}
	}
	r.say("healed: reading the topics")
	reading, cancel := context.WithTimeout(ctx, readBound)
	defer cancel()
	if err := r.load.seal(reading); err != nil {
		return e, err
	}
	now, err := readLogs(reading, r.servers.broker, contractTopic, outageTopic)
	if err != nil {
		return e, err
	}
	for _, old := range r.old {
		now.add(old)
	}
	e.logs, e.gone, e.forgotten = *now, r.gone, r.forgotten
	if r.report.Revived, err = r.load.compare(e.topics); err != nil {
		return e, err
	}
	produced, ids := e.places(r.gone)
	r.say("%d records were produced: waiting for their rows and alerts", produced)
	if err := r.drained(ctx, produced, ids); err != nil {
		r.failf("%v", err)
	}
	r.fleet.stopAll(true)
	last, cancel := context.WithTimeout(ctx, emptyBound)
	defer cancel()
	if _, err := r.tocsin(last, "run", "--drain", "--config", r.fleet.slots[0].config); err != nil {
		r.failf("a last worker should find the topics drained: %v", err)
	}
	sent, cancel := context.WithTimeout(ctx, readBound)
	defer cancel()
	if e.messages, err = readMessages(sent, r.servers.alerts); err != nil {
		return e, err
	}
	if e.unraised, err = r.audit(ctx); err != nil {
		r.failf("%v", err)
	}
	return e, ctx.Err()
}

// examine compares what was produced with what is there.
func (r *run) examine(ctx context.Context, e evidence) error {
	ctx, cancel := context.WithTimeout(ctx, readBound)
	defer cancel()
	r.say("comparing")
	e.limits = make(map[string]limits)
	for i, l := range packs {
		digest, err := digestOf(ctx, r.fleet.plain, r.fleet.packs[i])
		if err != nil {
			return err
		}
		e.limits[digest] = l
	}
	var err error
	if e.rows, err = r.servers.http.readRows(ctx); err != nil {
		return err
	}
	r.report.result = check(e)
	if e.unraised > r.report.Unraised {
		r.failf("tocsin audit finds %d alerts that no row raises, and %d are of promises that were deleted", e.unraised, r.report.Unraised)
	}
	r.fleet.mu.Lock()
	defer r.fleet.mu.Unlock()
	r.report.Workers, r.report.Peaks, r.report.Bound = r.fleet.started, r.fleet.peaks, memoryLimit
	r.report.Failures = append(r.report.Failures, r.fleet.alone...)
	r.report.Failures = append(r.report.Failures, tooMuch(r.fleet.peaks, memoryLimit)...)
	if !r.report.Passed() {
		return e.write(filepath.Join(r.dir, "evidence.txt"))
	}
	return nil
}
