package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// slowest is how many tests are named at the end.
const slowest = 10

// event is a line of go test -json, as go doc test2json describes it.
type event struct {
	Time    time.Time
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

// test names a test, or by an empty name a package as a whole.
type test struct{ pkg, name string }

func (t test) String() string {
	pkg := t.pkg[strings.LastIndexByte(t.pkg, '/')+1:]
	if t.name == "" {
		return pkg
	}
	return pkg + "." + t.name
}

// tests reports a go test -json.
type tests struct {
	verbose bool
	output  map[test]*strings.Builder // of what runs
	started map[test]time.Time        // of what runs; tests that wait for others are left out
	ended   []ended
	skipped []string
	failed  []string
	counts  struct{ packages, tests int }
}

// ended is a top-level test that has ended.
type ended struct {
	test
	took float64 // seconds
}

func newTests(verbose bool) *tests {
	return &tests{verbose: verbose, output: make(map[test]*strings.Builder), started: make(map[test]time.Time)}
}

func (t *tests) line(text []byte, out io.Writer) {
	var e event
	if json.Unmarshal(text, &e) != nil { // of go itself: a download, a wrong flag
		_, _ = out.Write(text)
		return
	}
	at := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		_, _ = io.WriteString(out, e.Output)
	case "start", "run", "cont":
		t.started[at] = e.Time
	case "pause":
		delete(t.started, at)
	case "output":
		t.printed(at, e.Output, out)
	case "pass", "fail", "skip":
		t.testEnded(at, e, out)
	}
}

// printed keeps what a test prints for the case that it fails.
func (t *tests) printed(at test, text string, out io.Writer) {
	if t.verbose {
		_, _ = io.WriteString(out, text)
		return
	}
	if t.output[at] == nil {
		t.output[at] = &strings.Builder{}
	}
	t.output[at].WriteString(text)
}

// testEnded takes in the end of a test or a package.
func (t *tests) testEnded(at test, e event, out io.Writer) {
	text := t.output[at]
	delete(t.output, at)
	delete(t.started, at)
	switch {
	case e.Action == "fail":
		t.failed = append(t.failed, at.String())
		if text != nil {
			_, _ = io.WriteString(out, text.String())
		}
	case e.Action == "skip" && at.name != "":
		t.skipped = append(t.skipped, at.String())
	}
	if at.name == "" {
		t.packageEnded(at.pkg, e, text, out)
		return
	}
	t.counts.tests++
	if !strings.Contains(at.name, "/") {
		t.ended = append(t.ended, ended{at, e.Elapsed})
	}
}

// packageEnded prints a package that has passed; one that failed has printed
// its own line.
func (t *tests) packageEnded(pkg string, e event, text *strings.Builder, out io.Writer) {
	if e.Action == "skip" { // it has no test files
		return
	}
	t.counts.packages++
	if e.Action != "pass" {
		return
	}
	cached := ""
	if text != nil && strings.Contains(text.String(), "(cached)") {
		cached = "  (cached)"
	}
	_, _ = fmt.Fprintf(out, "ok    %-50s %6.1f s%s\n", pkg, e.Elapsed, cached)
}

func (t *tests) now(at time.Time) string {
	type running struct {
		test
		took time.Duration
	}
	var all []running
	for name, began := range t.started {
		if name.name != "" && !strings.Contains(name.name, "/") {
			all = append(all, running{name, at.Sub(began)})
		}
	}
	if len(all) == 0 {
		return fmt.Sprintf("      %d packages done; compiling", t.counts.packages)
	}
	slices.SortFunc(all, func(a, b running) int {
		return cmp.Or(cmp.Compare(b.took, a.took), cmp.Compare(a.String(), b.String()))
	})
	var names []string
	for _, r := range all[:min(len(all), 4)] {
		names = append(names, fmt.Sprintf("%s (%.0f s)", r.test, r.took.Seconds()))
	}
	if more := len(all) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("      %d packages, %d tests done; running %s", t.counts.packages, t.counts.tests, strings.Join(names, ", "))
}

func (t *tests) end(took time.Duration, out io.Writer) {
	// What a test printed that never ended is why go test broke off.
	for at, text := range t.output {
		_, _ = fmt.Fprintf(out, "--- did not end: %s\n%s", at, text)
	}
	slices.SortStableFunc(t.ended, func(a, b ended) int { return cmp.Compare(b.took, a.took) })
	if n := min(len(t.ended), slowest); n > 1 {
		_, _ = fmt.Fprintln(out, "\nslowest tests:")
		for _, e := range t.ended[:n] {
			_, _ = fmt.Fprintf(out, "  %7.1f s  %s\n", e.took, e.test)
		}
	}
	if len(t.skipped) > 0 {
		_, _ = fmt.Fprintf(out, "skipped: %s\n", strings.Join(t.skipped, ", "))
	}
	_, _ = fmt.Fprintf(out, "%d tests of %d packages in %s", t.counts.tests, t.counts.packages, took.Round(time.Second))
	if len(t.failed) > 0 {
		_, _ = fmt.Fprintf(out, "; FAILED: %s\n", strings.Join(t.failed, ", "))
		return
	}
	_, _ = fmt.Fprintln(out)
}
