// Command mutants alters the program, one place at a time, and reports which
// alterations the tests of the package do not notice.
//
//	mutants [-n 300] [-seed 1] [-in PATH] [PACKAGE]...
//
// It draws n mutants from the packages: a comparison or its boundary turned, a
// clause of a condition or a statement deleted, a condition never true, a constant
// or a sign changed, the error of a return dropped. First it runs each test of a
// package alone, for its time and the lines that it reaches. A mutant is compiled
// over an overlay, so no file of the tree changes, and the tests that reach it run,
// the quick ones first. A mutant that does not compile is replaced by the next; one
// that does not end in time counts as noticed.
//
// Each survivor is printed with file and line, and as a line for the list of
// explained survivors (-explained), where people write the reason.
//
// Exit codes: 0 every survivor is explained; 1 one is not, or the run failed;
// 2 wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	exitSurvivor = 1
	exitUsage    = 2
)

// packages are those whose mistakes lose, double or misjudge a record.
var packages = []string{"pipeline", "sinks/clickhouse", "sinks/nats", "rules/calendar", "rules", "rules/dialect", "rules/money"}

// plan is what a run was asked for.
type plan struct {
	module    string
	packages  []string
	tags      string
	in        string // only mutations in files, or at places, that begin so
	explained string // path of the list
	n         int
	seed      uint64
	grace     time.Duration // that tests have beyond four times their usual time
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := plan{grace: 20 * time.Second}
	flag.IntVar(&p.n, "n", 300, "`number` of mutants; 0: all")
	flag.Uint64Var(&p.seed, "seed", 1, "`seed` of the draw")
	flag.StringVar(&p.in, "in", "", "only mutants whose place, as pipeline/batch.go:61:9, begins with this `path`")
	flag.StringVar(&p.tags, "tags", "synctests", "build `tags`")
	flag.StringVar(&p.explained, "explained", "cmd/devstack/mutants/survivors.md", "`file` of the explained survivors, below the module")
	flag.Parse()
	if p.packages = flag.Args(); len(p.packages) == 0 {
		p.packages = packages
	}
	for i := range p.packages {
		p.packages[i] = strings.TrimPrefix(filepath.ToSlash(filepath.Clean(p.packages[i])), "./")
	}
	if p.n < 0 {
		fmt.Fprintln(os.Stderr, "mutants: -n is negative: want 0 or more")
		os.Exit(exitUsage)
	}
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		fmt.Fprintf(os.Stderr, "mutants: find the module: %v (run it inside the project, with go on the PATH)\n", err)
		os.Exit(exitSurvivor)
	}
	p.module = strings.TrimSpace(string(out))
	open, err := p.run(ctx, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	if err != nil || open > 0 {
		os.Exit(exitSurvivor)
	}
}

// run tries the mutants, prints each outcome and then the counts. It returns the
// number of survivors without an explanation.
func (p *plan) run(ctx context.Context, out io.Writer) (unexplained int, err error) {
	reasons, err := p.reasons()
	if err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	suites := map[string]*suite{}
	var all []mutation
	for _, dir := range p.packages {
		s, err := open(ctx, p.module, dir, p.tags, work, p.grace)
		if err != nil {
			return 0, err
		}
		some, err := s.mutations()
		if err != nil {
			return 0, err
		}
		suites[dir] = s
		for _, m := range some {
			if strings.HasPrefix(fmt.Sprintf("%s:%d:%d", m.file, m.at.Line, m.at.Column), p.in) {
				all = append(all, m)
			}
		}
	}
	random := rand.New(rand.NewPCG(p.seed, 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })

	counts := map[fate]int{}
	explainedOnes, tried := 0, 0
	for i := range all {
		if p.n > 0 && tried == p.n || ctx.Err() != nil {
			break
		}
		m := &all[i]
		s := suites[filepath.ToSlash(filepath.Dir(m.file))]
		if s.tests == nil {
			began := time.Now()
			if err := s.survey(ctx); err != nil {
				return unexplained, err
			}
			fmt.Fprintf(out, "%s: %d tests, each run alone in %s together\n", s.dir, len(s.tests), time.Since(began).Round(time.Second))
		}
		v, err := s.try(ctx, m)
		if ctx.Err() != nil {
			break // what was tried until then is counted below
		}
		if err != nil {
			return unexplained, err
		}
		counts[v.fate]++
		if v.fate == invalid {
			continue
		}
		tried++
		reason := reasons[m.name()]
		fmt.Fprintf(out, "%4d %-9s %s:%d:%d %s (%s)\n", tried, v.fate, m.file, m.at.Line, m.at.Column, m.change, v.detail())
		switch {
		case v.fate.noticed() && reason != "":
			fmt.Fprintln(out, "     is explained as a survivor, and is noticed: take the line away")
			unexplained++
		case v.fate.noticed():
		case reason != "":
			fmt.Fprintln(out, "     explained:", reason)
			explainedOnes++
		default:
			fmt.Fprintln(out, "     "+m.line())
			unexplained++
		}
	}
	fmt.Fprintf(out, "seed %d: %d mutants of %d: %d killed, %d hung, %d survived, %d unreached; %d of these are explained. %d more do not compile.\n",
		p.seed, tried, len(all), counts[killed], counts[hung], counts[survived], counts[unreached], explainedOnes, counts[invalid])
	return unexplained, ctx.Err()
}

// detail is what a trial took.
func (v *verdict) detail() string {
	took := v.took.Round(100 * time.Millisecond)
	if v.by != "" {
		return fmt.Sprintf("by %s, %s", v.by, took)
	}
	return fmt.Sprintf("%d tests, %s", v.tests, took)
}

// reasons reads the list of explained survivors, if there is one.
func (p *plan) reasons() (explained, error) {
	text, err := os.ReadFile(filepath.Join(p.module, p.explained))
	if errors.Is(err, fs.ErrNotExist) {
		return explained{}, nil
	}
	if err != nil {
		return nil, err
	}
	return read(text)
}
