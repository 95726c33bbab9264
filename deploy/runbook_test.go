package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The runbook quotes the messages and the codes of the log as the code has them,
// and it has every code that package pipeline logs.
func TestRunbookQuotesTheLog(t *testing.T) {
	text, err := os.ReadFile("runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, dir := range []string{"../pipeline", "../sinks/clickhouse"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%d files in %s: %v", len(files), dir, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(source)
		}
	}
	firstCell := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")
	cells := func(header string) (all []string) {
		for _, table := range strings.Split(string(text), header)[1:] {
			table, _, _ = strings.Cut(table, "\n\n")
			for _, m := range firstCell.FindAllStringSubmatch(table, -1) {
				all = append(all, m[1])
			}
		}
		return all
	}
	messages, codes := cells("| the message has |"), cells("| log code |")
	for _, message := range messages {
		for _, part := range strings.Split(message, " ... ") {
			if !strings.Contains(code.String(), part) {
				t.Errorf("no message has %q", part)
			}
		}
	}
	logged := regexp.MustCompile(`"code", "(\w+)"`).FindAllStringSubmatch(code.String(), -1)
	known := make(map[string]bool)
	for _, m := range logged {
		known[m[1]] = true
	}
	for _, c := range codes {
		if !known[c] {
			t.Errorf("no line of the log has the code %s", c)
		}
		delete(known, c)
	}
	for c := range known {
		t.Errorf("the runbook does not explain the code %s", c)
	}
	if len(messages) == 0 || len(codes) == 0 {
		t.Errorf("the runbook quotes %d messages and %d codes", len(messages), len(codes))
	}
}
