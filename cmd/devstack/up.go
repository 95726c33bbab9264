package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"tocsin/cmd/devstack/stack"
)

// order is what is to be started.
type order struct {
	state  state
	tocsin string // path of the worker's program; empty: no worker
	config string // its configuration file
	ports  stack.Ports
}

// flags declares the flags of up, which serve is given too.
func (o *order) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.StringVar((*string)(&o.state), "state", defaultState, "directory of data, logs and stack.env")
	f.StringVar(&o.tocsin, "tocsin", "", "path of the tocsin program: migrate the database and run a worker")
	f.StringVar(&o.config, "config", "deploy/tocsin.example.yaml", "configuration file of the worker")
	f.IntVar(&o.ports.Kafka, "kafka-port", 0, "port of Kafka; 0 is any free one, here and below")
	f.IntVar(&o.ports.NATS, "nats-port", 0, "port of NATS")
	f.IntVar(&o.ports.ClickHouse, "clickhouse-port", 0, "port of ClickHouse's native protocol")
	f.IntVar(&o.ports.ClickHouseHTTP, "clickhouse-http-port", 0, "port of ClickHouse's HTTP interface")
	f.IntVar(&o.ports.Metrics, "metrics-port", 0, "port of the worker's metrics and health")
	return f
}

// up starts the stack in a process of its own, which outlives this one, and
// returns when all of it is ready.
func up(ctx context.Context, args []string) (int, error) {
	var o order
	if code, err := parse(o.flags("up"), args); err != nil {
		return code, err
	}
	pids, err := o.state.running()
	if err != nil {
		return exitFailed, err
	}
	if pids != nil {
		return exitFailed, fmt.Errorf("the stack in %s runs already, process %d: devstack status shows it, devstack down stops it", o.state, pids[0])
	}
	if o.tocsin != "" {
		if _, err := exec.LookPath(o.tocsin); err != nil {
			return exitFailed, fmt.Errorf("the worker's program: %w (make build makes bin/tocsin)", err)
		}
	}
	if err := stack.Fetch(ctx, stack.FromEnviron(os.Getenv), os.Stderr); err != nil {
		return exitFailed, err
	}
	if err := detach(ctx, o.state, args); err != nil {
		return exitFailed, err
	}
	a, err := stack.ReadDotenv(o.state.dotenv())
	if err != nil {
		return exitFailed, err
	}
	describe(o, a)
	return exitDone, nil
}

// detach starts `devstack serve` with the same flags, in a session of its own,
// and waits until it reports that it is ready. If ctx ends first, or it fails, it
// is gone when detach returns.
func detach(ctx context.Context, s state, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program to start it again: %w", err)
	}
	if err := os.MkdirAll(string(s), 0o755); err != nil {
		return fmt.Errorf("make the state directory: %w", err)
	}
	log, err := os.Create(s.log())
	if err != nil {
		return fmt.Errorf("make the log: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has it too
	report, word, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the pipe to report on: %w", err)
	}
	defer func() { _ = report.Close() }()

	cmd := exec.Command(self, append([]string{serveCommand}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{word} // descriptor reportFD there
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := errors.Join(cmd.Start(), word.Close()); err != nil {
		return fmt.Errorf("start the stack's process: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	said, err := io.ReadAll(report) // until it is ready, or gone
	if err == nil && string(said) == readyWord {
		return cmd.Process.Release()
	}
	ended := cmd.Wait()
	if ctx.Err() != nil {
		return errors.New("interrupted; what had been started is stopped")
	}
	return fmt.Errorf("the stack did not start (%w); the end of %s:\n%s", errors.Join(ended, err), s.log(), tail(s.log()))
}

// describe prints where everything is.
func describe(o order, a stack.Addresses) {
	say(os.Stdout, "Kafka            %s   topics %s, %s", a.Kafka, stack.LedgerTopic, stack.SystemTopic)
	say(os.Stdout, "ClickHouse       %s   native protocol", a.ClickHouse)
	say(os.Stdout, "ClickHouse HTTP  %s", a.ClickHouseHTTP)
	say(os.Stdout, "NATS             %s", a.NATS)
	if o.tocsin != "" {
		say(os.Stdout, "worker           http://%s/metrics   log %s", a.Metrics, o.state.workerLog())
	}
	say(os.Stdout, "\nAddresses and passwords are in %s:\n", o.state.dotenv())
	say(os.Stdout, "  %s", strings.Join([]string{
		"set -a; . " + o.state.dotenv() + "; set +a",
		`curl "$TOCSIN_CLICKHOUSE_HTTP/?database=tocsin" -u "$TOCSIN_ANALYST_USER:$TOCSIN_ANALYST_PASSWORD" -d 'SHOW TABLES'`,
	}, "\n  "))
}
