package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"tocsin/cmd/devstack/process"
)

const (
	// readyBound is how long a worker may take until it is ready. The
	// group coordinator alone may hold a first member for some seconds.
	readyBound = 2 * time.Minute
	// readyPoll is how often it is asked.
	readyPoll = 20 * time.Millisecond
	// ready is the path, on its metrics address, at which a worker reports it.
	ready = "/readyz"
)

// Worker is a running tocsin process.
type Worker struct {
	process *process.Process
	metrics string
}

// StartWorker brings the database up to date by `tocsin migrate` and starts
// `tocsin run`, both of the program binary with the configuration file config
// and the addresses of the servers in the environment. It returns when the
// worker is ready. What they print goes to output. The worker ends with this
// process, however that ends.
func StartWorker(ctx context.Context, a Addresses, binary, config string, output io.Writer) (*Worker, error) {
	env := append(os.Environ(), a.Environ()...)
	migrate := exec.CommandContext(ctx, binary, "migrate", "--config", config)
	migrate.Env = env
	if said, err := migrate.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s migrate: %w: %s", binary, err, strings.TrimSpace(string(said)))
	}

	run := exec.Command(binary, "run", "--config", config)
	run.Env = env
	p, err := process.Start(run, syscall.SIGTERM, output)
	if err != nil {
		return nil, err
	}
	w := &Worker{process: p, metrics: a.Metrics}
	if err := w.await(ctx, "http://"+a.Metrics+ready); err != nil {
		p.Kill()
		return nil, fmt.Errorf("%s run: %w: %s", binary, err, strings.TrimSpace(p.Tail()))
	}
	return w, nil
}

// Pid is the worker's process id.
func (w *Worker) Pid() int { return w.process.Pid() }

// Metrics is where the worker serves metrics and health, host:port.
func (w *Worker) Metrics() string { return w.metrics }

// Done is closed when the worker has ended.
func (w *Worker) Done() <-chan struct{} { return w.process.Done() }

// String is "running", or the exit status of a worker that has ended.
func (w *Worker) String() string { return w.process.String() }

// Stop asks the worker to finish what it has begun and waits for it. When ctx
// ends first it is killed, and that is an error.
func (w *Worker) Stop(ctx context.Context) error {
	return w.process.Stop(ctx, func() error { return w.process.Signal(syscall.SIGTERM) })
}

// Kill ends the worker at once, as kill -9 does.
func (w *Worker) Kill() { w.process.Kill() }

// await waits until the worker answers 200 at url.
func (w *Worker) await(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyBound, errors.New("not ready in "+readyBound.String()))
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		if answersOK(ctx, url) {
			return nil
		}
		select {
		case <-w.process.Done():
			return fmt.Errorf("it ended while starting (%s)", w.process)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func answersOK(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}
