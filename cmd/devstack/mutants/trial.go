package main

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"time"
)

// fate is what became of a mutant.
type fate int

const (
	survived  fate = iota
	killed         // a test failed
	hung           // the tests did not end in time
	unreached      // no test runs the line
	invalid        // it does not compile, and does not count
)

func (f fate) String() string {
	return [...]string{"survived", "killed", "hung", "unreached", "invalid"}[f]
}

// noticed reports whether the tests tell the mutant from the program.
func (f fate) noticed() bool { return f == killed || f == hung }

// verdict is the outcome of one trial.
type verdict struct {
	mutation
	fate  fate
	by    string // the test that failed first
	tests int    // that ran
	took  time.Duration
}

// quick bounds the first tests that run, by the time that they took alone. Most
// mutants are killed by them.
const quick = 4 * time.Second

// try compiles a mutant and runs the tests that reach it.
func (s *suite) try(ctx context.Context, m *mutation) (v verdict, err error) {
	began := time.Now()
	v.mutation = *m
	defer func() { v.took = time.Since(began) }()
	tests := s.reaching(m)
	if len(tests) == 0 {
		v.fate = unreached
		return v, nil
	}
	overlay, err := s.overlay(m)
	if err != nil {
		return v, fmt.Errorf("write the mutant: %w", err)
	}
	path := filepath.Join(s.work, "mutant.test")
	if err := s.compile(ctx, path, "-overlay", overlay); err != nil {
		v.fate = invalid
		return v, nil
	}
	for len(tests) > 0 {
		n, sum := 1, tests[0].took
		for n < len(tests) && (v.tests > 0 || sum+tests[n].took <= quick) {
			sum += tests[n].took
			n++
		}
		v.fate, v.by = s.run(ctx, path, tests[:n], sum)
		v.tests += n
		if v.fate.noticed() {
			return v, nil
		}
		tests = tests[n:]
	}
	return v, nil
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)|^(panic: test timed out)`)

// run runs some tests of a binary, in one process that is killed long after they
// should have ended.
func (s *suite) run(ctx context.Context, path string, tests []test, took time.Duration) (fate, string) {
	bound := 4*took + s.grace
	ctx, cancel := context.WithTimeout(ctx, bound+10*time.Second)
	defer cancel()
	names := make([]string, len(tests))
	for i := range tests {
		names[i] = tests[i].name
	}
	out, err := s.binary(ctx, path, "-test.run", only(names...), "-test.failfast", "-test.timeout", bound.String()).CombinedOutput()
	if err == nil {
		return survived, ""
	}
	m := failed.FindSubmatch(out)
	switch {
	case ctx.Err() != nil, m != nil && len(m[2]) > 0:
		return hung, ""
	case m == nil:
		return killed, "a panic or the end of the process"
	}
	return killed, string(m[1])
}
