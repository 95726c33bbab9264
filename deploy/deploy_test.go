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

// documents reads the YAML documents of a file. Unknown keys are mistakes when
// the type says so.
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

// Every alert says what it is, how urgent, and what to do; the runbook has no
// heading without an alert; a promtool test makes each fire and keeps each silent.
func TestEveryAlertHasARunbookAndTests(t *testing.T) {
	runbook, err := os.ReadFile("runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := map[string]string{} // which of fires, silent the tests show
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

// What the manifests set is read by the configuration.
func TestManifestsUseTheConfigurationsVariables(t *testing.T) {
	example, err := os.ReadFile("tocsin.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"compose.yaml", "kubernetes/worker.yaml", "kubernetes/migrate/migrate.yaml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`TOCSIN_[A-Z_]+`).FindAllString(string(text), -1) {
			if !strings.Contains(string(example), "${"+name) {
				t.Errorf("%s sets %s, which the configuration does not read", path, name)
			}
		}
	}
}
