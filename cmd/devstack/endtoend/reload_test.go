package endtoend

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/devstack/stack"
)

// metrics is what a worker's metrics address answers at a path.
func (h *harness) metrics(w *stack.Worker, path string) string {
	h.t.Helper()
	resp, err := http.Get("http://" + w.Metrics() + path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// TestReloadUnderLoad changes the rules of a worker at work: by its pack's
// files alone, by SIGHUP, and by mistake. Every row's verdicts are those of the
// pack that is kept under its digest.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	dir := pack(t, "500_000_000", "S2")
	w := h.workerOf(program, h.judging(dir))
	l := produce(t, h.Kafka, 1000)
	file := filepath.Join(dir, "rules", "BIG.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	digests := func(n int) func() bool {
		return func() bool {
			got, err := h.ask("SELECT uniqExact(rules_digest) FROM events")
			return err == nil && got == fmt.Sprint(n)
		}
	}
	const reloaded = "tocsin_rules_last_reload_successful "

	l.wait(h, 2000)
	for i, severity := range []string{"S1", "S3", "S4"} {
		write(strings.Replace(string(good), "severity: S2", "severity: "+severity, 1))
		if i%2 == 0 { // otherwise it is seen
			if err := syscall.Kill(w.Pid(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
		h.eventually(time.Minute, "rows under the next rules", digests(i+2))
	}
	write("severity: [\n")
	h.eventually(time.Minute, "the mistake seen", func() bool { return strings.Contains(h.metrics(w, "/metrics"), reloaded+"0\n") })
	if status := h.metrics(w, "/status"); !strings.Contains(status, "BIG.yaml:") {
		t.Errorf("/status does not say which file is wrong:\n%s", status)
	}
	if ready := h.metrics(w, "/readyz"); !strings.Contains(ready, `"ready":true`) {
		t.Errorf("a worker that goes on by its old rules says %s", ready)
	}
	l.wait(h, 1000)
	write(string(good))
	h.eventually(time.Minute, "the mistake mended", func() bool { return strings.Contains(h.metrics(w, "/metrics"), reloaded+"1\n") })
	l.wait(h, 2000)
	h.exact(l.stop(t))

	rows := h.rejudged()
	t.Logf("rows by digest: %v", rows)
	if len(rows) != 4 {
		t.Errorf("%d digests, want those of the four severities", len(rows))
	}
	h.answers("batches of more than one digest", []string{""}, "SELECT topic, partition, batch_first FROM events GROUP BY ALL HAVING uniqExact(rules_digest) > 1")
	h.end(w)
}

// TestADemandAtTheVeryStartIsNoEnd: SIGHUP while a worker still reads its
// configuration, which comes through a pipe here, does not end it.
func TestADemandAtTheVeryStartIsNoEnd(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "tocsin.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "run", "--config", pipe)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // once the worker has opened it
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("no_such_key: 1\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(said.String(), "no_such_key") {
		t.Errorf("%v (exit code %d), want it to read its configuration and refuse it:\n%s", err, code, said.String())
	}
}
