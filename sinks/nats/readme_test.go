package nats_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
)

var (
	goProgram  = regexp.MustCompile("(?s)```go\n(.*?)```")
	durableAdd = regexp.MustCompile(`(?m)^nats consumer add DISCLOSURE (\S+)`)
)

// page is the README.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// subscriber builds the README's program.
func subscriber(t *testing.T) (binary string) {
	t.Helper()
	programs := goProgram.FindAllStringSubmatch(page(t), -1)
	if len(programs) != 1 {
		t.Fatalf("README.md has %d Go programs, want one subscriber", len(programs))
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte(programs[0][1]), 0o600); err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "subscriber")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// TestReadmeSubscriber runs the README's program on a stream where the README's
// commands have made their consumers. The program receives the two highest
// severities, states a due date only where there is one, and leaves the other
// consumers as they are.
func TestReadmeSubscriber(t *testing.T) {
	binary := subscriber(t)
	s := start(t)
	all := alerts(0, 4)
	none := all[1].Verdict.Finding // a clock without a due date
	none.Severity, none.Deadline, none.BusinessDaysLeft = rules.S2, calendar.Deadline{}, nil
	all[2].Verdict.Finding.Severity = rules.S3 // of no concern to the program
	beyond := all[3].Verdict.Finding
	beyond.Deadline, beyond.BusinessDaysLeft, beyond.DeadlineError = calendar.Deadline{}, nil, "the calendar ends in 2030"
	if err := open(t, config(s)).Publish(t.Context(), all); err != nil {
		t.Fatal(err)
	}

	js := admin(t, s)
	durables := map[string]jetstream.ConsumerConfig{}
	for _, m := range durableAdd.FindAllStringSubmatch(page(t), -1) {
		c, err := js.CreateConsumer(t.Context(), "DISCLOSURE", jetstream.ConsumerConfig{Durable: m[1], FilterSubject: "disclosure.candidate.>", AckPolicy: jetstream.AckExplicitPolicy})
		if err != nil {
			t.Fatal(err)
		}
		durables[m[1]] = c.CachedInfo().Config
	}
	if len(durables) < 3 {
		t.Fatalf("README.md makes %d durable consumers, want 3", len(durables))
	}

	if diff := cmp.Diff([]string{
		"S1, Item 1.01, due 2026-03-05T22:30:00Z: Material definitive agreement outside the ordinary course",
		"S2, Item 1.01, no due date: Material definitive agreement outside the ordinary course",
		"S1, Item 1.01, no due date (the calendar ends in 2030): Material definitive agreement outside the ordinary course",
	}, printed(t, 3, binary, s.ClientURL())); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
	for name, before := range durables {
		c, err := js.Consumer(t.Context(), "DISCLOSURE", name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, c.CachedInfo().Config); diff != "" {
			t.Errorf("the consumer %s was changed (-before +after):\n%s", name, diff)
		}
	}
}

// TestReadmeSubscriberResumes: what was acknowledged does not come again when the
// program is started again.
func TestReadmeSubscriberResumes(t *testing.T) {
	binary := subscriber(t)
	s := start(t)
	sink := open(t, config(s))
	publish := func(a pipeline.Alert, title string) {
		t.Helper()
		a.Verdict.Rule.Title = title
		if err := sink.Publish(t.Context(), []pipeline.Alert{a}); err != nil {
			t.Fatal(err)
		}
	}
	publish(alert(1), "first")
	first := printed(t, 1, binary, s.ClientURL())
	publish(alert(2), "second")
	if got, want := slices.Concat(first, printed(t, 1, binary, s.ClientURL())), []string{"S1, Item 1.01, due 2026-03-05T22:30:00Z: first", "S1, Item 1.01, due 2026-03-05T22:30:00Z: second"}; !slices.Equal(got, want) {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// printed runs a program, which takes a server's address, until every alert that
// it was sent is acknowledged, and returns the n lines that it printed.
func printed(t *testing.T, n int, binary, url string) (lines []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := time.AfterFunc(bound, func() { _ = cmd.Process.Kill() })
	defer end.Stop()
	in := bufio.NewScanner(out)
	for len(lines) < n && in.Scan() {
		lines = append(lines, in.Text())
	}
	_ = cmd.Process.Signal(os.Interrupt)
	for in.Scan() {
		lines = append(lines, in.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v", err)
	}
	return lines
}
