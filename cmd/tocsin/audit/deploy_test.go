package audit

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The alert rules use only metrics that the file has, and the operator's page and the
// file have the same.
func TestDeployNamesTheMetrics(t *testing.T) {
	families, err := (&textfile{}).metrics(time.Now(), time.Now(), true).Gather()
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, f := range families {
		have = append(have, f.GetName())
	}
	name := regexp.MustCompile(`\btocsin_audit_[a-z_]+\b`)
	for _, page := range []string{"README.md", "prometheus/rules.yaml"} {
		named := slices.Compact(slices.Sorted(slices.Values(name.FindAllString(deployed(t, page), -1))))
		for _, n := range named {
			if !slices.Contains(have, n) {
				t.Errorf("%s: no audit writes %s", page, n)
			}
		}
		if page == "README.md" && !slices.Equal(named, have) {
			t.Errorf("%s names %v, an audit writes %v", page, named, have)
		}
	}
}

// The unit and the CronJob call the audit with flags that it has. Their window spans
// the time until TocsinAuditStale fires, so no row is left out without an alert.
func TestDeployCallsTheAudit(t *testing.T) {
	unit := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/tocsin audit (.*)$`).FindStringSubmatch(deployed(t, "systemd/tocsin-audit.service"))
	job := regexp.MustCompile(`(?m)^ +args: \[audit, (.*)\]$`).FindStringSubmatch(deployed(t, "kubernetes/audit.yaml"))
	if unit == nil || job == nil {
		t.Fatalf("the unit calls %q, the CronJob %q", unit, job)
	}
	for _, args := range []string{unit[1], strings.ReplaceAll(job[1], ", ", " ")} {
		flags := flag.NewFlagSet("audit", flag.ContinueOnError)
		Command.Define(flags)
		var last time.Duration
		words := strings.Fields(args)
		for i := 0; i+1 < len(words); i += 2 {
			name := strings.TrimPrefix(words[i], "--")
			if err := flags.Set(name, words[i+1]); err != nil {
				t.Errorf("%s: %v", args, err)
			}
			if name == "last" {
				last, _ = time.ParseDuration(words[i+1])
			}
		}
		if last < 49*time.Hour {
			t.Errorf("%s: want a window of more than the two days and the hour of TocsinAuditStale", args)
		}
	}
}

// deployed returns the text of a file of deploy.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
