package main

import (
	"context"
	"flag"
	"net"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"tocsin/cmd/devstack/stack"
)

// dialBound is how long a server on this machine may take to accept.
const dialBound = 2 * time.Second

// status reports which of the stack's servers answer.
func status(ctx context.Context, args []string) (int, error) {
	flags := flag.NewFlagSet("status", flag.ContinueOnError)
	dir := stateFlag(flags)
	if code, err := parse(flags, args); err != nil {
		return code, err
	}
	s := state(*dir)
	pids, err := s.running()
	if err != nil {
		return exitFailed, err
	}
	if pids == nil {
		say(os.Stdout, "nothing runs in %s", s)
		return exitNotRunning, nil
	}
	a, err := stack.ReadDotenv(s.dotenv())
	if err != nil {
		return exitFailed, err
	}
	code := exitDone
	out := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	say(out, "devstack\tprocess %d\tlog %s", pids[0], s.log())
	for _, server := range []struct{ name, addr string }{
		{"kafka", a.Kafka}, {"clickhouse", a.ClickHouse}, {"clickhouse http", a.ClickHouseHTTP},
		{"nats", a.NATS}, {"worker", a.Metrics},
	} {
		said := "answers"
		switch {
		case answers(ctx, server.addr):
		case server.name == "worker" && !hasWorker(s):
			said = "not started"
		default:
			said, code = "does not answer", exitFailed
		}
		say(out, "%s\t%s\t%s", server.name, server.addr, said)
	}
	return code, out.Flush()
}

// hasWorker reports whether a worker was started with the stack.
func hasWorker(s state) bool {
	_, err := os.Stat(s.workerLog())
	return err == nil
}

// answers reports whether the first of the addresses accepts connections.
func answers(ctx context.Context, addr string) bool {
	addr, _, _ = strings.Cut(addr, ",")
	if _, rest, scheme := strings.Cut(addr, "://"); scheme {
		addr = rest
	}
	d := net.Dialer{Timeout: dialBound}
	c, err := d.DialContext(ctx, "tcp", addr)
	return err == nil && c.Close() == nil
}
