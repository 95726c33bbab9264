package endtoend

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/devstack/process"
	"tocsin/cmd/devstack/stack"
)

// demo is a run of make demo's program.
type demo struct {
	t     *testing.T
	state string
	child *process.Process
	said  strings.Builder
	lines chan string
}

// newDemo starts devstack demo.
func newDemo(t *testing.T, devstack string, args ...string) *demo {
	t.Helper()
	d := &demo{t: t, state: t.TempDir(), lines: make(chan string, 10_000)}
	cmd := exec.Command(devstack, append([]string{"demo", "-state", d.state, "-tocsin", program,
		"-config", filepath.Join("..", "..", "..", "deploy", "tocsin.example.yaml")}, args...)...)
	output, printed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d.child, err = process.Start(cmd, syscall.SIGKILL, printed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.child.Kill)
	go func() {
		<-d.child.Done()
		_ = printed.Close()
	}()
	go func() {
		defer close(d.lines)
		defer func() { _ = output.Close() }()
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			d.lines <- scanner.Text()
		}
	}()
	return d
}

// until reads lines until one matches; an empty pattern is the end.
func (d *demo) until(pattern string) {
	d.t.Helper()
	want := regexp.MustCompile(pattern)
	deadline := time.After(5 * time.Minute)
	for {
		select {
		case line, more := <-d.lines:
			if more {
				d.said.WriteString(line + "\n")
			}
			switch {
			case more && pattern != "" && want.MatchString(line):
				return
			case !more && pattern == "":
				return
			case !more:
				d.t.Fatalf("it ended without a line like %q:\n%s", pattern, &d.said)
			}
		case <-deadline:
			d.t.Fatalf("no line like %q:\n%s", pattern, &d.said)
		}
	}
}

// ends reads the rest. The exit code must be 0, and nothing be left.
func (d *demo) ends() string {
	d.t.Helper()
	d.until("")
	if err := d.child.Err(); err != nil {
		d.t.Errorf("%v, want exit code 0:\n%s", err, &d.said)
	}
	left, err := os.ReadDir(d.state)
	if err != nil || len(left) > 0 {
		d.t.Errorf("left behind: %v, %v", left, err)
	}
	return d.said.String()
}

// TestDemo runs what make demo runs.
func TestDemo(t *testing.T) {
	t.Parallel()
	devstack := filepath.Join(t.TempDir(), "devstack")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", devstack, "tocsin/cmd/devstack").CombinedOutput(); err != nil {
		t.Fatalf("build devstack: %v\n%s", err, out)
	}
	const exact = "The candidates are exactly the planted ones."

	t.Run("without a terminal", func(t *testing.T) {
		d := newDemo(t, devstack, "-events", "1600", "-one-in", "200")
		said := d.ends()
		compared := regexp.MustCompile(`(?m)^planted (\d+), arrived \d+, missing 0, unexpected 0, twice 0; events produced 1600, stored 1600$`).FindStringSubmatch(said)
		if compared == nil || !strings.Contains(said, exact) {
			t.Fatalf("the comparison is missing:\n%s", said)
		}
		for _, server := range []string{"stack.env", "Ctrl-C", "TOCSIN_"} {
			if strings.Contains(said, server) {
				t.Errorf("it shows %q, of servers that are stopped:\n%s", server, said)
			}
		}
		candidate := regexp.MustCompile(`(?m)^S[1-4] +\S+ +([A-Z]+-\d+) .*  \S.*  Northwind .*\n    \S.*\n    ([A-Z]+-\d+) fired: .*\.$`)
		all := candidate.FindAllStringSubmatch(said, -1)
		if planted := compared[1]; strconv.Itoa(len(all)) != planted || len(all) < 8 {
			t.Errorf("%d candidates with matter, company, title and reason, want %s, at least 8:\n%s", len(all), planted, said)
		}
		for _, c := range all {
			if c[1] != c[2] {
				t.Errorf("a candidate of %s has the reason of %s", c[1], c[2])
			}
		}
	})

	t.Run("its queries", func(t *testing.T) {
		d := newDemo(t, devstack, "-events", "1600", "-stay")
		d.until("Ctrl-C")
		addresses, err := stack.ReadDotenv(filepath.Join(d.state, "demo", "stack.env"))
		if err != nil {
			t.Fatal(err)
		}
		h := harness{t: t, Addresses: addresses}
		h.ClickHouseUser, h.ClickHousePassword = addresses.AnalystUser, addresses.AnalystPassword
		queries := regexp.MustCompile(`(?m)^  ask "(.*)"$`).FindAllStringSubmatch(d.said.String(), -1)
		if len(queries) != 3 {
			t.Errorf("it proposes %d queries, want 3:\n%s", len(queries), &d.said)
		}
		for _, q := range queries {
			if rows := h.query(q[1] + " FORMAT TSV"); rows == "" {
				t.Errorf("no rows for %s", q[1])
			}
		}
		if err := d.child.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if said := d.ends(); !strings.Contains(said, exact) || !strings.HasSuffix(said, "is left.\n") {
			t.Errorf("Ctrl-C at the end:\n%s", said)
		}
	})

	for moment, line := range map[string]string{
		"as servers start":   "^starting Kafka",
		"as a worker starts": "^starting a worker",
		"as it feeds":        "as they arrive",
		"as it compares":     `^S\d `,
	} {
		t.Run("Ctrl-C "+moment, func(t *testing.T) {
			d := newDemo(t, devstack)
			d.until(line)
			if err := d.child.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			if said := d.ends(); !strings.HasSuffix(said, "Stopped: servers and worker have ended, and nothing of them is left.\n") || strings.Contains(said, exact) {
				t.Errorf("it goes on, or does not report its end:\n%s", said)
			}
		})
	}
}
