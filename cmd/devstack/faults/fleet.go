package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"tocsin/cmd/devstack/process"
)

// fleet is the workers of a run: a fixed number of slots. In each slot a worker
// runs, except for moments. A worker that ends by itself is noted and
// replaced.
type fleet struct {
	dir     string
	plain   string // the program as it is
	stepped string // the program with the steps of points.go
	environ []string
	packs   []string // directories

	lonely bool // a worker that ended by itself, as ordered, is not replaced

	slots []*slot

	mu      sync.Mutex
	closed  bool
	started int
	peaks   []int    // the greatest memory of each worker, in MiB
	alone   []string // how workers ended without an order, and their last lines
}

// slot is the place of one worker. A goroutine that acts on it holds its lock.
type slot struct {
	sync.Mutex
	pack   int    // index of the pack that its link points at
	link   string // what the configuration names as the pack
	config string
	worker *worker
}

// worker is a process of the program.
type worker struct {
	number  int
	armed   bool // it will end itself
	process *process.Process
	ordered chan struct{} // closed before it is made to end
	once    sync.Once
}

// struck reports whether a worker that has ended killed itself at a step.
func (w *worker) struck() bool { return w.armed && w.process.String() == "signal: killed" }

func (w *worker) order() { w.once.Do(func() { close(w.ordered) }) }

// stopBound is how long a worker may take to stop: it drains, leaves the
// group, and closes its connections, each with a bound of its own.
const stopBound = 20 * time.Second

// newFleet makes a fleet without workers yet, whose slots have the packs in
// turn and configurations of the given group protocol and lifetime of intents.
func newFleet(dir, plain, stepped string, environ, packs []string, workers int, protocol string, ttl time.Duration) (*fleet, error) {
	f := &fleet{dir: dir, plain: plain, stepped: stepped, environ: environ, packs: packs}
	for i := range workers {
		s := &slot{link: filepath.Join(dir, fmt.Sprintf("rules-of-%d", i))}
		if err := f.point(s, 0); err != nil {
			return nil, err
		}
		var err error
		if s.config, err = writeConfig(dir, i, s.link, protocol, ttl); err != nil {
			return nil, err
		}
		f.slots = append(f.slots, s)
	}
	return f, nil
}

// point has the link of a slot that is held point at a pack, whole at any moment.
func (f *fleet) point(s *slot, pack int) error {
	s.pack = pack % len(f.packs)
	beside := s.link + ".new"
	if err := os.Symlink(f.packs[s.pack], beside); err != nil {
		return fmt.Errorf("exchange a pack: %w", err)
	}
	if err := os.Rename(beside, s.link); err != nil {
		return fmt.Errorf("exchange a pack: %w", err)
	}
	return nil
}

// order makes a worker end, or stop, at a passing of a step.
type order struct {
	step, passing int
	signal        syscall.Signal
}

// start starts a worker in a slot that has none; o is nil for one that does
// nothing of its own.
func (f *fleet) start(s *slot, o *order) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.started++
	f.peaks = append(f.peaks, 0)
	w := &worker{number: f.started, armed: o != nil && o.signal == syscall.SIGKILL, ordered: make(chan struct{})}
	f.mu.Unlock()
	log, err := os.Create(f.log(w))
	if err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
	program, environ := f.plain, f.environ
	if o != nil {
		program = f.stepped
		environ = append(environ[:len(environ):len(environ)], fmt.Sprintf("TOCSIN_FAULT=%d:%d:%d", o.step, o.passing, o.signal))
	}
	cmd := exec.Command(program, "run", "--config", s.config)
	cmd.Env = environ
	if w.process, err = process.Start(cmd, syscall.SIGKILL, log); err != nil {
		return errors.Join(fmt.Errorf("start a worker: %w", err), log.Close())
	}
	s.worker = w
	go f.watch(s, w, log)
	go f.measure(w)
	return nil
}

func (f *fleet) log(w *worker) string {
	return filepath.Join(f.dir, fmt.Sprintf("worker-%d.log", w.number))
}

// watch waits for the end of a worker. An end without an order is
// noted, and another is started.
func (f *fleet) watch(s *slot, w *worker, log *os.File) {
	<-w.process.Done()
	_ = log.Close()
	select {
	case <-w.ordered:
		return
	default:
	}
	if !w.struck() {
		f.note("worker %d ended by itself: %s: %s", w.number, w.process, lastLines(w.process.Tail(), 3))
	}
	s.Lock()
	defer s.Unlock()
	if s.worker != w || f.lonely {
		return
	}
	time.Sleep(restartPause)
	if err := f.start(s, nil); err != nil {
		f.note("%v", err)
	}
}

// restartPause is how long a slot stays empty after its worker ended by itself.
const restartPause = 300 * time.Millisecond

func (f *fleet) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alone = append(f.alone, fmt.Sprintf(format, args...))
}

// end ends the worker of a slot that is held: politely, within stopBound, or
// at once. A polite end that takes too long, or has another exit code than 0,
// is noted.
func (f *fleet) end(s *slot, politely bool) {
	w := s.worker
	if w == nil {
		return
	}
	select {
	case <-w.process.Done(): // by itself: watch reports it
		s.worker = nil
		return
	default:
	}
	w.order()
	s.worker = nil
	if !politely {
		w.process.Kill()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopBound)
	defer cancel()
	if err := w.process.Stop(ctx, func() error { return w.process.Signal(syscall.SIGTERM) }); err != nil {
		f.note("worker %d: %v: %s", w.number, err, lastLines(w.process.Tail(), 3))
		return
	}
	// A signal can come before the program listens for it.
	if err := w.process.Err(); err != nil && !w.armed && w.process.Tail() != "" {
		f.note("worker %d, asked to stop, ended with %s: %s", w.number, w.process, lastLines(w.process.Tail(), 3))
	}
}

// restart ends the worker of a slot and starts another, perhaps under another
// pack, perhaps with an order.
func (f *fleet) restart(number, pack int, politely bool, o *order) (*worker, error) {
	s := f.slots[number]
	s.Lock()
	defer s.Unlock()
	return f.replace(s, pack, politely, o)
}

// replace is restart in a slot that is held.
func (f *fleet) replace(s *slot, pack int, politely bool, o *order) (*worker, error) {
	f.end(s, politely)
	if err := f.point(s, s.pack+pack); err != nil {
		return nil, err
	}
	if err := f.start(s, o); err != nil {
		return nil, err
	}
	return s.worker, nil
}

// without ends every worker, does something that no worker may see, and starts others.
// No other fault has a worker meanwhile.
func (f *fleet) without(ctx context.Context, politely bool, do func(ctx context.Context) error) (err error) {
	for _, s := range f.slots {
		s.Lock()
		defer s.Unlock()
	}
	var all sync.WaitGroup
	for _, s := range f.slots {
		all.Go(func() { f.end(s, politely) })
	}
	all.Wait()
	err = do(ctx)
	for _, s := range f.slots {
		err = errors.Join(err, f.start(s, nil))
	}
	return err
}

// pause stops a worker's process for a while; it does not know.
func (f *fleet) pause(ctx context.Context, number int, hold time.Duration) error {
	s := f.slots[number]
	s.Lock()
	defer s.Unlock()
	if s.worker == nil {
		return nil
	}
	if err := s.worker.process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	sleep(ctx, hold)
	return s.worker.process.Signal(syscall.SIGCONT)
}

// Texts of a worker's log.
const (
	listens  = "msg=starting" // it answers a demand for a reload, now or soon
	reloaded = "the rules have changed"
)

// reload gives a running worker the other pack and a signal, and reports whether
// it took it within bound. It may be without ClickHouse, which must keep it first.
func (f *fleet) reload(ctx context.Context, number int, bound time.Duration) (bool, error) {
	s := f.slots[number]
	s.Lock()
	defer s.Unlock()
	if s.worker == nil {
		return false, nil
	}
	said := func(what string) int {
		text, _ := os.ReadFile(f.log(s.worker)) // none yet: nothing said
		return strings.Count(string(text), what)
	}
	before := said(reloaded)
	if err := f.point(s, s.pack+1); err != nil {
		return false, err
	}
	if said(listens) == 0 || s.worker.process.Signal(syscall.SIGHUP) != nil {
		return false, nil // it has just begun, or ended
	}
	for end := time.Now().Add(bound); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, 100*time.Millisecond) {
		if said(reloaded) > before {
			return true, nil
		}
	}
	return false, nil
}

// stopAll ends every worker, politely and at the same time, or at once.
func (f *fleet) stopAll(politely bool) {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	var all sync.WaitGroup
	for _, s := range f.slots {
		all.Go(func() {
			s.Lock()
			defer s.Unlock()
			f.end(s, politely)
		})
	}
	all.Wait()
}

// lastLines are the last lines of what a process said.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
