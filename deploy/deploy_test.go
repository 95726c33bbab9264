// Package deploy holds no code: its tests read the files beside them.
package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// documents reads the YAML documents of a file. strict rejects unknown keys.
func documents[T any](t *testing.T, path string, strict bool) (all []T) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(strict)
	for {
		var doc T
		switch err := decoder.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, doc)
	}
}

func TestEveryFileIsWellFormed(t *testing.T) {
	n := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch filepath.Ext(path) {
		case ".yaml":
			n++
			if len(documents[any](t, path, false)) == 0 {
				t.Errorf("%s is empty", path)
			}
		case ".json":
			n++
			text, err := os.ReadFile(path)
			if err != nil || !json.Valid(text) {
				t.Errorf("%s is no JSON: %v", path, err)
			}
		}
		return err
	})
	if err != nil || n < 10 {
		t.Errorf("%d files, %v", n, err)
	}
}

// ruleFile is a file of Prometheus rules.
type ruleFile struct {
	Groups []struct {
		Name     string
		Interval string
		Rules    []struct {
			Record, Alert, Expr, For string
			Labels, Annotations      map[string]string
		}
	}
}

// ruleTests is a file of tests for promtool.
type ruleTests struct {
	RuleFiles []string `yaml:"rule_files"`
	Tests     []struct {
		Alerts []struct {
			Alertname string
			Expect    []any `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

// Every alert has a summary, a severity and a heading in the runbook. The runbook
// has no heading without an alert. promtool tests make each alert fire and keep
// each silent.
func TestEveryAlertHasARunbookAndTests(t *testing.T) {
	runbook, err := os.ReadFile("runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := map[string]string{} // by name: "fires ", "silent ", as the tests show
	for _, g := range documents[ruleFile](t, "prometheus/rules.yaml", true)[0].Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			alerts[r.Alert] = ""
			if s := r.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("%s: severity %q", r.Alert, s)
			}
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s lacks a summary or a description", r.Alert)
			}
			if want := "deploy/runbook.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
				t.Errorf("%s: runbook_url is %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
			}
			if !strings.Contains(string(runbook), "\n## "+r.Alert+"\n") {
				t.Errorf("the runbook has no %s", r.Alert)
			}
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(string(runbook), -1) {
		if _, ok := alerts[heading[1]]; !ok {
			t.Errorf("the runbook has %s, which is no alert", heading[1])
		}
	}
	for _, test := range documents[ruleTests](t, "prometheus/rules_test.yaml", false)[0].Tests {
		for _, a := range test.Alerts {
			word := "silent"
			if len(a.Expect) > 0 {
				word = "fires"
			}
			if !strings.Contains(alerts[a.Alertname], word) {
				alerts[a.Alertname] += word + " "
			}
		}
	}
	for name, shown := range alerts {
		if diff := cmp.Diff(len("fires silent "), len(shown)); diff != "" {
			t.Errorf("the tests of %s show only: %s", name, shown)
		}
	}
}

// The configuration reads every variable that the manifests and the units set.
func TestManifestsUseTheConfigurationsVariables(t *testing.T) {
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for path, config := range map[string]string{
		"compose.yaml":                    "tocsin.example.yaml",
		"systemd/tocsin.service":          "tocsin.example.yaml",
		"systemd/tocsin-audit.service":    "tocsin.example.yaml",
		"kubernetes/worker.yaml":          "kubernetes/config/tocsin.yaml",
		"kubernetes/audit.yaml":           "kubernetes/config/tocsin.yaml",
		"kubernetes/migrate/migrate.yaml": "kubernetes/config/tocsin.yaml",
	} {
		for _, name := range regexp.MustCompile(`TOCSIN_[A-Z_]+`).FindAllString(read(path), -1) {
			if !strings.Contains(read(config), "${"+name) {
				t.Errorf("%s sets %s, which %s does not read", path, name, config)
			}
		}
	}
}

// The audit's unit restricts itself as the worker's does. Its user is its own, because
// the directory of a dynamic user is closed to the node exporter.
func TestUnitsAreRestrictedAlike(t *testing.T) {
	restrictions := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, after, found := strings.Cut(string(text), "\nNoNewPrivileges=yes\n")
		if !found {
			t.Fatalf("%s restricts nothing", path)
		}
		after, _, _ = strings.Cut(after, "\n[Install]")
		return strings.TrimSpace(after)
	}
	if diff := cmp.Diff(restrictions("systemd/tocsin.service"), restrictions("systemd/tocsin-audit.service")); diff != "" {
		t.Errorf("(-tocsin.service +tocsin-audit.service)\n%s", diff)
	}
}
