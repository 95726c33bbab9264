package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/cmd/tocsin/credentials"
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
	c, err := Read(filepath.Join("..", "..", "..", "deploy", "tocsin.example.yaml"), getenv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"k1:9092", "k2:9092"}, c.Kafka.Brokers); diff != "" {
		t.Error(diff)
	}
	login, err := c.ClickHouse.login()
	if err != nil || login.Password != "canary-secret" || login.User != "tocsin" || login.TLS != nil || c.HTTP.Listen != "127.0.0.1:9464" || c.Worker.Linger != time.Second {
		t.Errorf("%+v", c)
	}
}

var keyed = regexp.MustCompile(`^[a-z_]+$`)

// prose holds words of the example's comments that look like keys, and keys without
// a default, of which the example shows a use.
var prose = map[string]bool{"message": true, "tls": true, "sasl": true, "creds": true, "nkey": true, "user": true, "password": true, "headers": true}

// Each key that the example shows commented out has its default as the value.
func TestExampleShowsTheDefaults(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "tocsin.example.yaml"))
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
	all, err := Read(path, getenv)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Read(filepath.Join("..", "..", "..", "deploy", "tocsin.example.yaml"), getenv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, all, cmp.Comparer(func(a, b credentials.Secret) bool { return a == b }), cmpopts.IgnoreUnexported(Rules{})); diff != "" || shown < 12 {
		t.Errorf("%d keys shown\n%s", shown, diff)
	}
}

// The example shows every key of every section.
func TestExampleShowsEveryKey(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "tocsin.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	section := ""
	for line := range strings.Lines(string(text)) {
		if key, _, ok := strings.Cut(line, ":"); ok && keyed.MatchString(key) {
			section = key
		}
		sections[section] += line
	}
	key := func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		return name
	}
	for _, of := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		shown, ok := sections[key(of)]
		if !ok {
			t.Errorf("the example does not show %s", key(of))
		}
		if of.Type.Kind() != reflect.Struct {
			continue
		}
		for _, f := range reflect.VisibleFields(of.Type) {
			if key(f) != "" && !strings.Contains(shown, "  "+key(f)+": ") && !strings.Contains(shown, "  # "+key(f)+": ") {
				t.Errorf("the example does not show %s.%s", key(of), key(f))
			}
		}
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
		got := printed(t, text, getenv)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("want %q in\n%s", want, got)
			}
		}
		if strings.Contains(got, "canary") {
			t.Errorf("a secret is shown:\n%s", got)
		}
	}
	f(good+"worker: { lingr: 1s, max_records: 0 }\n", `unknown key "lingr"`, "linger")
	f(good+"worker: { max_records: 0, step_timeout: 40s }\n", "worker.max_records is 0: want at least 1", "worker.step_timeout 40s must be less than worker.drain_timeout 30s")
	f(good+"worker: { max_unpacked_bytes: 1MiB }\n", "worker.max_unpacked_bytes is 1048576: want more than worker.max_record_bytes, 1048576")
	f(good+"worker: { linger: fast }\n", "c.yaml:5:")
	f(good+"log: { level: loud }\n", "log.level", "want debug, info, warn or error")
	f(strings.Replace(good, "[k:9092]", "[\"${NO_SUCH}\"]", 1), "c.yaml:1:20: item 1 of brokers: the environment has no NO_SUCH [E111]\n", "\n      = set the variable, or write ${NAME:-default}\n", "c.yaml:1:")
	f(strings.Replace(good, "password: \"${SECRET:-canary-secret}\"", "password: file:/no/such/file", 1), "clickhouse.password is \"file:/no/such/file\", which cannot be read (no such file or directory): create it, or correct the path", "c.yaml:2:")
	f(strings.Replace(good, "pack: sox409", "pak: sox409", 1), `unknown key "pak"`)
	f(good+"traces: { sample: 1.5 }\n", "c.yaml:5:", "is not a share")
	f(good+"traces: { sample: NaN }\n", "is not a share")
	f(good+"traces: { endpoint: \"collector:4317\" }\n", "traces.endpoint is not the address of a collector: want http://host:4318 or https://host:4318")
	f(good+"traces: { endpoint: \"http://u:canary-secret@c:4318\" }\n", "traces.endpoint holds a user: put the authorization into traces.headers")
	f(good+"traces: { endpoint: \"http://c:4318\", tls: {} }\n", "write https, or remove tls")
	f(good+"traces: { endpoint: \"https://c:4318\", tls: { ca: /no/such/file } }\n", `traces.tls.ca is "/no/such/file", which cannot be read`)
	// Secrets that stand on the line of a mistake, or are it.
	const hidden = "*************"
	f(strings.Replace(good, "user: u, ", "user: u, lingr: 1, ", 1), `unknown key "lingr"`, "addresses: [ch:9000], user: *, lingr: *, password:", "^~~~~")
	f(strings.Replace(good, "user: u, password: \"${SECRET:-canary-secret}\"", "user: u, pasword: canary-secret", 1), `unknown key "pasword"`, "pasword: "+hidden+" }")
	f(strings.Replace(good, "topics: [t]", "topics: [t], sasl: { mechanism: PLAIN, user: u, password: [canary-secret], token: 'canary secret', x: 1 }", 1), "password is a list", "mechanism: PLAIN")
	f(strings.Replace(good, `"nats://n:4222"]`, `"nats://u:canary-secret@n:4222"], max_age: long`, 1), "max_age is not a duration", `servers: ["nats://***************@n:4222"], max_age: long`)
	f(strings.Replace(good, "password: \"${SECRET:-canary-secret}\" }", "password:\n  [\n  canary-secret,\n  x: y ] }", 1), "password is a list")
	f(strings.Replace(good, "password: \"${SECRET:-canary-secret}\"", "password: \"canary-secret", 1), "E1")
	for _, sign := range []string{"!", "*", "&"} { // YAML's own: a tag, an alias, an anchor
		f(strings.Replace(good, "\"${SECRET:-canary-secret}\"", sign+"canary-secret", 1), "quotes", "c.yaml:2:")
	}
	f(strings.Replace(good, "\"${SECRET:-canary-secret}\"", "canary-secret1,000", 1), "a comma inside { } ends the value", "c.yaml:2:")
	f(strings.Replace(good, "password: \"${SECRET:-canary-secret}\"", "password:canary-secret", 1), "a space stands behind the colon", "c.yaml:2:")
	f("kafka: {}\n", "brokers", "cluster", "clickhouse", "nats")
}

// TestRemembered: an alert may be gone once nats.max_age has passed.
func TestRemembered(t *testing.T) {
	at := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	if got := (&NATS{MaxAge: 24 * time.Hour}).Remembered(at); !got.Equal(at.AddDate(0, 0, -1)) {
		t.Errorf("with a max_age of a day: %s", got)
	}
	if got := (&NATS{}).Remembered(at); !got.IsZero() {
		t.Errorf("for ever: %s", got)
	}
}

func TestReconcileSettings(t *testing.T) {
	base, err := Read(filepath.Join("..", "..", "..", "deploy", "tocsin.example.yaml"), getenv)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		every, window time.Duration
		ok            bool
	}{{0, 0, true}, {-1, time.Hour, false}, {10 * time.Minute, 11 * time.Minute, false}, {10 * time.Minute, 12 * time.Minute, true}} {
		c := base
		c.NATS.ReconcileEvery, c.NATS.ReconcileWindow = f.every, f.window
		if problems := c.check(); (len(problems) == 0) != f.ok {
			t.Errorf("every %s, window %s: %v", f.every, f.window, problems)
		}
	}
}
