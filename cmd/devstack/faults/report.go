package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Report is what a run came to.
type Report struct {
	Seed     uint64        `json:"seed"`
	Duration time.Duration `json:"duration_ns"`
	Protocol string        `json:"group_protocol"`
	Scenario string        `json:"scenario,omitempty"` // of a directed run
	Without  string        `json:"without,omitempty"`  // the mechanism that was taken out
	result
	Faults       map[string]int `json:"faults"`          // how many happened, by kind
	Unstruck     map[string]int `json:"faults_unstruck"` // how many were due and did not happen
	Workers      int            `json:"workers_started"`
	Peaks        []int          `json:"worker_peaks_mib"`      // the greatest memory of each
	Bound        int            `json:"worker_bound_mib"`      // that none may exceed
	LongestStall float64        `json:"longest_stall_seconds"` // that no row was stored while records waited
	Revived      int            `json:"aborted_records_shown"` // by the broker, to readers of committed records
	// Failures are what else must not be: workers that ended by themselves or
	// would not stop, topics that were not drained in time.
	Failures []string `json:"failures,omitempty"`
	// Dir holds logs and data of a run that failed; empty after another.
	Dir string `json:"dir,omitempty"`
}

// Passed reports whether nothing was wrong.
func (r *Report) Passed() bool {
	return r.Lost.Count+r.Doubled.Count+r.Wrong.Count+len(r.Failures) == 0
}

// WriteJSON writes the report for a program.
func (r *Report) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// Write writes the report for people. Its last line is the result.
func (r *Report) Write(w io.Writer) error {
	var b []byte
	say := func(format string, args ...any) { b = fmt.Appendf(b, format+"\n", args...) }
	say("faults by kind:")
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(r.Faults)) {
		say("  %-24s %4d", kind, r.Faults[kind])
		total += r.Faults[kind]
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Unstruck)) {
		say("  %-24s %4d did not happen", kind, r.Unstruck[kind])
	}
	if len(r.Unstruck) > 0 {
		say("A fault does not happen if its worker does not come so far in time, another fault is in its way, the machine cannot make it, or the run ends.")
	}
	say("workers started: %d, group protocol %s", r.Workers, r.Protocol)
	say("peak memory of each, in MiB, of %d: %s", r.Bound, strings.Trim(fmt.Sprint(r.Peaks), "[]"))
	for _, t := range []struct {
		name string
		tally
	}{{"lost", r.Lost}, {"doubled", r.Doubled}, {"wrong", r.Wrong}} {
		for _, line := range t.First {
			say("%s: %s", t.name, line)
		}
		if more := t.Count - len(t.First); more > 0 {
			say("%s: and %d more", t.name, more)
		}
	}
	if r.Revived > 0 {
		say("note: the broker shows %d records of aborted transactions to readers of committed ones; they count as produced", r.Revived)
	}
	if r.Unraised > 0 {
		say("note: %d alerts were sent of promises that were deleted with their topic or their mark", r.Unraised)
	}
	if r.Forgone+r.Unalerted > 0 {
		say("note: %d records were deleted with their topic before they were stored, and %d alerts before they were sent", r.Forgone, r.Unalerted)
	}
	for _, line := range r.Failures {
		say("failed: %s", line)
	}
	if r.Dir != "" {
		say("logs and data: %s", r.Dir)
	}
	what := fmt.Sprintf("seed %d", r.Seed)
	if r.Scenario != "" {
		what = "scenario " + r.Scenario
	}
	if r.Without != "" {
		what += " without " + r.Without
	}
	say("%s: produced %d, stored %d, candidates %d, faults %d, lost %d, doubled %d, wrong %d, longest stall %.1f s",
		what, r.Produced, r.Stored, r.Candidates, total, r.Lost.Count, r.Doubled.Count, r.Wrong.Count, r.LongestStall)
	_, err := w.Write(b)
	return err
}
