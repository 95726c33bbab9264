package endtoend

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/devstack/stack"
)

// edit is a text to be replaced in a file of the source.
type edit struct{ file, old, new string }

// built builds the program from a changed source.
func built(t *testing.T, edits ...edit) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := map[string]string{}
	for _, e := range edits {
		path := filepath.Join(root, e.file)
		if _, twice := overlay[path]; twice {
			t.Fatalf("%s is edited twice", e.file)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), e.old) {
			t.Fatalf("%s has no %q", e.file, e.old)
		}
		overlay[path] = filepath.Join(dir, filepath.Base(e.file))
		if err := os.WriteFile(overlay[path], []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	list, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "tocsin")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", list, "-o", binary, "tocsin/cmd/tocsin").CombinedOutput(); err != nil {
		t.Fatalf("build the program from a changed source: %v\n%s", err, out)
	}
	return binary
}

// later builds a later version of the program. Its engine 2 gives every match
// severity S4, and it ships another closed day. Under engine 1 it judges as
// this one does, if it knows engine 1.
func later(t *testing.T, known string) string {
	t.Helper()
	const newEngine = "e := newEngine(p.digest"
	return built(t,
		edit{"rules/version.go", "const EngineVersion = \"1\"\n\n// engineVersions are the versions that this program can judge by.\nvar engineVersions = []string{EngineVersion}",
			"const EngineVersion = \"2\"\n\nvar engineVersions = []string{" + known + "}"},
		edit{"rules/judge.go", newEngine, "if p.engine == \"2\" {\nfor _, r := range p.rules {\nr.Severity = S4\n}\n}\n" + newEngine},
		edit{"rules/calendar/closures.csv", "2025-12-26,sec,closed", "2026-11-25,sec,closed,National day of mourning,Executive order,\n2025-12-26,sec,closed"})
}

// refused runs a worker that must stop by itself and returns its log.
func (h *harness) refused(binary, config string) string {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "run", "--config", config)
	cmd.Env = append(os.Environ(), h.Environ()...)
	out, err := cmd.CombinedOutput()
	if err == nil || ctx.Err() != nil {
		h.t.Fatalf("it did not stop with an error in time: %v\n%s", err, out)
	}
	return string(out)
}

// TestVersionsOfTheProgram alternates programs with different engines and
// shipped calendars. A batch that was promised under one is finished under it,
// by a program that knows it; one that does not know it stops with a message, and loses
// nothing.
func TestVersionsOfTheProgram(t *testing.T) {
	t.Parallel()
	first, second, only := program, later(t, `"1", EngineVersion`), later(t, `EngineVersion`)
	for binary, engines := range map[string]string{first: "\nengine 1\n", second: "\nengine 1, 2\n", only: "\nengine 2\n"} {
		if said, err := exec.CommandContext(t.Context(), binary, "version").Output(); err != nil || !strings.HasSuffix(string(said), engines) {
			t.Errorf("tocsin version says %q, want %q at its end: %v", said, engines, err)
		}
	}
	h := start(t, stack.Addresses{})
	config := h.judging(pack(t, "1_000", "S2"))
	// alerted waits for the alerts of each engine, told by its severity.
	alerted := func(first, second int) {
		t.Helper()
		h.eventually(time.Minute, "every candidate alerted", func() bool { return len(h.alerts()) == first+second })
		severities := map[string]int{}
		for _, body := range h.bodies() {
			var alert struct{ Data struct{ Severity string } }
			if err := json.Unmarshal([]byte(body), &alert); err != nil {
				t.Fatal(err)
			}
			severities[alert.Data.Severity]++
		}
		if severities["S2"] != first || severities["S4"] != second {
			t.Errorf("alerts by severity: %v, want %d of S2 and %d of S4", severities, first, second)
		}
	}
	// brokenOff has a worker store n records more and killed before it alerts.
	brokenOff := func(w *stack.Worker, from, n int) {
		t.Helper()
		h.deleteStream()
		h.together(from, n)
		h.stored(from + n)
		w.Kill()
		h.tocsin("migrate", "--config", config) // the stream again
	}
	stops := func(binary, says string) {
		t.Helper()
		rows := h.query("SELECT count() FROM events")
		if said := h.refused(binary, config); !strings.Contains(said, says) {
			t.Errorf("it does not say %q:\n%s", says, said)
		}
		if now := h.query("SELECT count() FROM events"); now != rows || h.promised() != 1 || len(h.alerts()) != 0 {
			t.Errorf("%s rows became %s, %d batches are promised, %d candidates alerted", rows, now, h.promised(), len(h.alerts()))
		}
	}

	brokenOff(h.workerOf(first, config), 0, 20)
	stops(only, "engine 1 made it and this program judges by engine 2: start a release of which `tocsin version` names engine 1")
	w := h.workerOf(first, config)
	alerted(20, 0)

	brokenOff(w, 20, 20)
	w = h.workerOf(second, config)
	alerted(20, 0)
	h.together(40, 20)
	alerted(20, 20)
	// Rows follow alerts. The next records must not join a batch that is in hand.
	h.eventually(time.Minute, "the rows of the alerts settled", func() bool { return h.promised() == 0 })

	brokenOff(w, 60, 20)
	stops(first, "engine 2 made it and this program judges by engine 1: start a release of which `tocsin version` names engine 2")
	w = h.workerOf(second, config)
	alerted(0, 20)
	h.end(w)
	if n := h.promised(); n != 0 {
		t.Errorf("a worker that ended in order left %d batches promised", n)
	}

	h.answers("rows by engine", []string{"tocsin engine 1\t0\t39\t40\t['S2']\t2026-11-30", "tocsin engine 2\t40\t79\t40\t['S4']\t2026-12-01"},
		"SELECT substring(archive, 1, 15), min(offset), max(offset), uniqExact(candidate_id), groupUniqArray(severity), max(due_date) FROM candidates "+
			"JOIN packs ON rules_digest = digest GROUP BY 1 ORDER BY 1")
	if n := h.query("SELECT count(), uniqExact(offset) FROM events"); n != "80\t80" {
		t.Errorf("rows and offsets: %s, want 80 of each", n)
	}
}
