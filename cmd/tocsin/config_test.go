package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/rules/diag"
)

// environment is what the example configuration needs.
var environment = map[string]string{
	"TOCSIN_KAFKA": "k1:9092,k2:9092", "TOCSIN_CLICKHOUSE": "ch:9000", "TOCSIN_CLICKHOUSE_PASSWORD": "canary-secret", "TOCSIN_NATS": "nats://n:4222",
}

func getenv(name string) (string, bool) {
	v, ok := environment[name]
	return v, ok
}

func TestExampleConfiguration(t *testing.T) {
	c, err := loadConfig(filepath.Join("..", "..", "deploy", "tocsin.example.yaml"), getenv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"k1:9092", "k2:9092"}, c.Kafka.Brokers); diff != "" {
		t.Error(diff)
	}
	login, err := c.ClickHouse.login()
	if err != nil || login.Password != "canary-secret" || login.User != "tocsin" || login.TLS != nil || c.HTTP.Listen != "127.0.0.1:9464" || c.Worker.Linger != 250*time.Millisecond {
		t.Errorf("%+v", c)
	}
}

var keyed = regexp.MustCompile(`^[a-z_]+$`)

// prose are words of the example's comments that look like keys, and keys of
// which the example shows a use and no default: there is none.
var prose = map[string]bool{"message": true, "tls": true, "sasl": true, "creds": true, "nkey": true, "user": true, "password": true, "headers": true}

// Every key that the example shows commented out, with the value it shows, is
// the default.
func TestExampleShowsTheDefaults(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "tocsin.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	shown := 0
	for line := range strings.Lines(string(text)) {
		trimmed := strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(trimmed, "# "); ok && strings.HasPrefix(line, "  # ") {
			if key, _, ok := strings.Cut(rest, ": "); ok && keyed.MatchString(key) && key != "calendar" && !prose[key] {
				line = "  " + rest + "\n"
				shown++
			}
		}
		lines = append(lines, line)
	}
	path := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := loadConfig(path, getenv)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := loadConfig(filepath.Join("..", "..", "deploy", "tocsin.example.yaml"), getenv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, all, cmp.Comparer(func(a, b credentials.Secret) bool { return a == b })); diff != "" || shown < 12 {
		t.Errorf("%d keys shown\n%s", shown, diff)
	}
}

func TestConfigurationMistakes(t *testing.T) {
	const good = `kafka: { brokers: [k:9092], cluster: main, group: g, topics: [t] }
clickhouse: { addresses: [ch:9000], user: u, password: "${SECRET:-canary-secret}" }
nats: { servers: ["nats://n:4222"] }
rules: { pack: sox409 }
`
	f := func(text string, wants ...string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadConfig(path, getenv)
		var mistakes diag.List
		if !errors.As(err, &mistakes) {
			t.Errorf("%s: %v", text, err)
			return
		}
		var out bytes.Buffer
		if err := mistakes.Write(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("want %q in\n%s", want, out.String())
			}
		}
		if strings.Contains(out.String(), "canary") {
			t.Errorf("a secret is shown:\n%s", out.String())
		}
	}
	f(good+"worker: { lingr: 1s, max_records: 0 }\n", `unknown key "lingr"`, "linger")
	f(good+"worker: { max_records: 0, step_timeout: 40s }\n", "max_records is 0: want at least 1", "step_timeout 40s must be less than drain_timeout 30s")
	f(good+"worker: { linger: fast }\n", "c.yaml:5:")
	f(good+"log: { level: loud }\n", "log.level", "want debug, info, warn or error")
	f(strings.Replace(good, "[k:9092]", "[\"${NO_SUCH}\"]", 1), "the environment has no NO_SUCH", "c.yaml:1:")
	f(strings.Replace(good, "password: \"${SECRET:-canary-secret}\"", "password: file:/no/such/file", 1), "the secret's file cannot be read", "c.yaml:2:")
	f(strings.Replace(good, "pack: sox409", "pak: sox409", 1), `unknown key "pak"`)
	f(good+"traces: { sample: 1.5 }\n", "c.yaml:5:", "is not a share")
	f(good+"traces: { sample: NaN }\n", "is not a share")
	f(good+"traces: { endpoint: \"collector:4317\" }\n", "traces.endpoint: want http://host:4318 or https://host:4318")
	f(good+"traces: { endpoint: \"http://u:canary-secret@c:4318\" }\n", "traces.endpoint: it holds a user")
	f(good+"traces: { endpoint: \"http://c:4318\", tls: {} }\n", "write https, or take tls away")
	f(good+"traces: { endpoint: \"https://c:4318\", tls: { ca: /no/such/file } }\n", "traces.tls: ", "/no/such/file")
	// Secrets that stand on the line of a mistake, or are it.
	const hidden = "*************"
	f(strings.Replace(good, "user: u, ", "user: u, lingr: 1, ", 1), `unknown key "lingr"`, "addresses: [ch:9000], user: *, lingr: *, password:", "^~~~~")
	f(strings.Replace(good, "user: u, password: \"${SECRET:-canary-secret}\"", "user: u, pasword: canary-secret", 1), `unknown key "pasword"`, "pasword: "+hidden+" }")
	f(strings.Replace(good, "topics: [t]", "topics: [t], sasl: { mechanism: PLAIN, user: u, password: [canary-secret], token: 'canary secret', x: 1 }", 1), "password is a list", "mechanism: PLAIN")
	f(strings.Replace(good, `"nats://n:4222"]`, `"nats://u:canary-secret@n:4222"], max_age: long`, 1), "max_age is not a duration", `servers: ["nats://***************@n:4222"], max_age: long`)
	f(strings.Replace(good, "password: \"${SECRET:-canary-secret}\" }", "password:\n  [\n  canary-secret,\n  x: y ] }", 1), "password is a list")
	f(strings.Replace(good, "password: \"${SECRET:-canary-secret}\"", "password: \"canary-secret", 1), "E1")
	f("kafka: {}\n", "brokers", "cluster", "clickhouse", "nats")
}

// TestRemembered: an alert may be gone once nats.max_age has passed.
func TestRemembered(t *testing.T) {
	at := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	if got := (&natsConfig{MaxAge: 24 * time.Hour}).remembered(at); !got.Equal(at.AddDate(0, 0, -1)) {
		t.Errorf("with a max_age of a day: %s", got)
	}
	if got := (&natsConfig{}).remembered(at); !got.IsZero() {
		t.Errorf("for ever: %s", got)
	}
}

func TestReconcileSettings(t *testing.T) {
	base, err := loadConfig(filepath.Join("..", "..", "deploy", "tocsin.example.yaml"), getenv)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		every, window time.Duration
		ok            bool
	}{{0, 0, true}, {-1, time.Hour, false}, {10 * time.Minute, 11 * time.Minute, false}, {10 * time.Minute, 12 * time.Minute, true}} {
		c := base
		c.NATS.ReconcileEvery, c.NATS.ReconcileWindow = f.every, f.window
		if problems := c.validate(); (len(problems) == 0) != f.ok {
			t.Errorf("every %s, window %s: %v", f.every, f.window, problems)
		}
	}
}
