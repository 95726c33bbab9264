package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
	"time"

	"tocsin/cmd/devstack/stack"
)

const (
	// serveCommand is what up starts in the background. It is not for people.
	serveCommand = "serve"
	// reportFD is the descriptor it writes readyWord to when all is ready; it
	// closes it without a word otherwise.
	reportFD  = 3
	readyWord = "ready"
	// stopBound is how long all of a stack may take to stop; a worker's own
	// drain_timeout, 30 s by default, must fit in.
	stopBound = 45 * time.Second
)

// serve runs the stack until it is asked to stop.
func serve(ctx context.Context, args []string) (int, error) {
	var o order
	if code, err := parse(o.flags(serveCommand), args); err != nil {
		return code, err
	}
	syscall.CloseOnExec(reportFD) // or the stack's children would hold it open
	report := os.NewFile(reportFD, "report")
	err := o.serve(ctx, slog.New(slog.NewTextHandler(os.Stderr, nil)), func() error {
		_, err := report.WriteString(readyWord)
		return errors.Join(err, report.Close())
	})
	if err != nil {
		return exitFailed, err
	}
	return exitDone, nil
}

// serve starts what was ordered, calls ready, waits until ctx ends or a server
// dies, and stops everything again.
func (o order) serve(ctx context.Context, log *slog.Logger, ready func() error) (err error) {
	claimed, err := o.state.claim()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(o.state.pids()), claimed.Close()) }()
	if err := record(claimed); err != nil {
		return err
	}

	// Stopping goes on when ctx, which asked for it, has ended.
	late := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.WithoutCancel(ctx), stopBound)
	}
	servers, err := stack.Start(ctx, stack.Config{
		Dir: o.state.data(), Present: stack.FromEnviron(os.Getenv), Ports: o.ports, Progress: os.Stderr,
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := late()
		defer cancel()
		err = errors.Join(err, servers.Stop(ctx))
		log.Info("stopped")
	}()
	pids := servers.Pids
	if err := os.Remove(o.state.workerLog()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the log of the last worker: %w", err)
	}

	var workerDone <-chan struct{} // nil, which never yields, without a worker
	if o.tocsin != "" {
		out, err := os.Create(o.state.workerLog())
		if err != nil {
			return fmt.Errorf("make the worker's log: %w", err)
		}
		defer func() { _ = out.Close() }() // of what the worker wrote
		worker, err := stack.StartWorker(ctx, servers.Addresses, o.tocsin, o.config, out)
		if err != nil {
			return err
		}
		defer func() {
			ctx, cancel := late()
			defer cancel()
			err = errors.Join(err, worker.Stop(ctx))
			log.Info("worker ended", "status", worker.String())
		}()
		workerDone = worker.Done()
		pids = append(pids, worker.Pid())
	}
	if err := errors.Join(record(claimed, pids...), servers.Addresses.WriteDotenv(o.state.dotenv())); err != nil {
		return err
	}
	defer func() {
		if gone := os.Remove(o.state.dotenv()); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	if err := ready(); err != nil {
		return fmt.Errorf("report that all is ready: %w", err)
	}
	log.Info("ready", "dotenv", o.state.dotenv())
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-servers.Died():
			return err
		case <-workerDone:
			// The servers stay, so that what happened can be looked at.
			log.Error("the worker ended by itself", "log", o.state.workerLog())
			workerDone = nil
		}
	}
}
