// Package worker implements tocsin run. It assembles a worker and runs, beside the
// loop, the probes, the reload of rules, the reconciler and the lookout.
package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"
	"golang.org/x/sync/errgroup"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/cmd/tocsin/preflight"
	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/jsonl"
	"tocsin/sinks/nats"
)

// Command is tocsin run.
var Command = &cli.Command{
	Name: "run", Summary: "consume, judge, store, publish",
	Description: `Runs a worker until it is stopped: it reads the topics, judges each record
by the rules, stores every event and verdict in ClickHouse, and publishes the
candidates to NATS. SIGHUP makes it read the rules again.`,
	Example: "tocsin run --config tocsin.yaml\ntocsin run --config tocsin.yaml --dry-run --drain",
	Define: func(flags *flag.FlagSet) cli.Action {
		path := config.Flag(flags)
		drain := flags.Bool("drain", false, "end, with exit code 0, once everything the topics hold now is stored")
		dry := flags.Bool("dry-run", false, "store and publish nothing: print rows and alerts as JSON lines, under a consumer group of its own")
		return func(ctx context.Context, call *cli.Call) error {
			return run(ctx, *path, *drain, *dry, call.Stdout)
		}
	},
}

// run reads the configuration and works.
func run(ctx context.Context, path string, drain, dry bool, stdout io.Writer) error {
	var reload chan os.Signal
	if !dry {
		// The signal would end the process if it came before the worker works.
		reload = make(chan os.Signal, 1)
		signal.Notify(reload, syscall.SIGHUP)
		defer signal.Stop(reload)
	}
	c, err := config.Read(path, os.LookupEnv)
	if err != nil {
		return err
	}
	return work(ctx, &c, drain, dry, reload, stdout, slog.New(c.Log.Handler(os.Stderr)))
}

// work runs a worker and its probes until ctx is cancelled or the topics are
// drained. The probes answer from the beginning, so that they report a worker that
// waits for a server.
func work(ctx context.Context, c *config.Config, drain, dry bool, reload chan os.Signal, stdout io.Writer, log *slog.Logger) error {
	pack, engine, err := c.Rules.Open()
	if err != nil {
		return err
	}
	probes, err := listen(&c.HTTP, log)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	w := &assembly{config: c, pack: pack, engine: engine, inForce: newInForce(pack, time.Now()), reload: reload, registry: registry, health: pipeline.NewHealth(time.Now()), log: log}
	registry.MustRegister(w.inForce, w.health)
	if dry {
		c.Kafka.Group += "-dry-run"
	}
	log.Info("starting", "version", cli.Version, "pack", pack.ID, "rules", len(engine.Rules()), "digest", engine.Digest(), "calendar", engine.CalendarVersion(),
		"group", c.Kafka.Group, "topics", c.Kafka.Topics, "http", probes.listener.Addr().String(), "dry_run", dry, "drain", drain)

	log.Info("settings", c.Settings()...)

	// Two actors: the worker, whose end ends the other, and the probes. Within the
	// worker are three more while the sinks are open: the patrol reconciles them, the
	// reloader brings the rules up to date, preflight.Lookout looks for hazards.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return probes.serve(ctx, registry, w.health, w.inForce) })
	group.Go(func() error {
		defer cancel()
		err := w.run(ctx, drain, dry, stdout)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // stopped while it waited for a server
		}
		return err
	})
	err = group.Wait()
	log.Info("stopped")
	return err
}

// assembly is what a worker is put together from.
type assembly struct {
	config   *config.Config
	pack     *rules.Pack
	engine   *rules.Engine
	inForce  *inForce
	reload   chan os.Signal // the demand for a reload; nil in a dry run
	registry *prometheus.Registry
	health   *pipeline.Health
	log      *slog.Logger
}

// await waits for a server that is away, and returns any other error.
func (w *assembly) await(ctx context.Context, try func(context.Context) error) error {
	return pipeline.Await(ctx, w.health, w.log, w.config.Worker.BackoffMin, w.config.Worker.BackoffMax, try)
}

// run checks and opens the servers, one after the other, and works.
func (w *assembly) run(ctx context.Context, drain, dry bool, stdout io.Writer) error {
	err := w.await(ctx, func(ctx context.Context) error {
		return preflight.CheckKafka(ctx, w.config)
	})
	if err != nil {
		return err
	}
	if dry {
		out := jsonl.New(stdout)
		return w.loop(ctx, drain, out, out, onlyRules{w.engine})
	}
	var db *clickhouse.Sink
	err = w.await(ctx, func(ctx context.Context) (err error) {
		db, err = clickhouse.Open(ctx, w.config.Store())
		return err
	})
	if err != nil {
		return err
	}
	defer db.Close()
	// The pack is kept before it judges the first batch, so that the worker that must
	// replay the batch finds it.
	err = w.await(ctx, func(ctx context.Context) error {
		return db.SavePack(ctx, w.engine.Digest(), w.pack.ID, w.pack.Archive())
	})
	if err != nil {
		return err
	}
	var stream *nats.Sink
	err = w.await(ctx, func(ctx context.Context) (err error) {
		stream, err = nats.Open(ctx, w.config.NATS.Publisher())
		return err
	})
	if err != nil {
		return err
	}
	defer stream.Close()
	hazards := preflight.NewLookout(w.config, stream, w.registry, w.log)
	if err := hazards.Once(ctx); err != nil {
		return err
	}
	if w.config.NATS.ReconcileEvery > 0 {
		defer w.reconcile(ctx, db, stream)()
	}
	lib := pipeline.NewEngines(w.engine, db.LoadPack)
	reload := &reloader{files: &w.config.Rules, library: lib, inForce: w.inForce, bound: w.config.Worker.StepTimeout, log: w.log,
		keep: func(ctx context.Context, pack *rules.Pack) error {
			return db.SavePack(ctx, pack.Digest(), pack.ID, pack.Archive())
		}}
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { reload.run(ctx, w.reload) })
	beside.Go(func() { hazards.Run(ctx) })
	defer beside.Wait() // before the sinks are closed
	defer cancel()
	return w.loop(ctx, drain, db, stream, lib)
}

// reconcile starts the third actor, which ends with the worker: end waits for
// it, because the sinks are closed next.
func (w *assembly) reconcile(ctx context.Context, db *clickhouse.Sink, stream *nats.Sink) (end func()) {
	patrol := newPatrol(w.config, db, stream, w.registry, w.log)
	ctx, cancel := context.WithCancel(ctx)
	var group errgroup.Group
	group.Go(func() error {
		patrol.run(ctx)
		return nil
	})
	return func() {
		cancel()
		_ = group.Wait() // it has no error
	}
}

// loop runs the loop on the sinks.
func (w *assembly) loop(ctx context.Context, drain bool, store pipeline.Store, publisher pipeline.Publisher, lib pipeline.Library) error {
	loop := w.config.Loop()
	loop.Hooks = []kgo.Hook{kprom.NewMetrics("tocsin_kafka", kprom.Registry(w.registry))}
	tracer, end, err := newTracer(ctx, &w.config.Traces, w.log)
	if err != nil {
		return err
	}
	defer end()
	loop.Tracer = tracer
	worker, err := pipeline.New(*loop, store, publisher, lib, pipeline.NewMetrics(w.registry), w.health, w.log)
	if err != nil {
		return err
	}
	if drain {
		return worker.Drain(ctx)
	}
	return worker.Run(ctx)
}

// onlyRules is the library of a dry run, which promises nothing.
type onlyRules struct{ engine *rules.Engine }

func (o onlyRules) Current() *rules.Engine { return o.engine }

func (o onlyRules) ByDigest(_ context.Context, digest string) (*rules.Engine, error) {
	return nil, fmt.Errorf("a dry run under rules %s was broken off: delete its consumer group, whose name ends in -dry-run", digest)
}
