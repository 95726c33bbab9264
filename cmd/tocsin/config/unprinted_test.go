package config

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/rules/diag"
)

// canary stands wherever a configuration has, or may have by mistake, a secret.
const canary = "CANARY-77120"

// canarySeed is a seed of a user's NKey that no server knows.
const canarySeed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"

// printed returns the mistakes of a configuration as they are printed, with c.yaml
// as the file's name; "" when it has none.
func printed(t *testing.T, text string, getenv func(string) (string, bool)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Read(path, getenv)
	if err == nil {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("settings", c.Settings()...)
		if strings.Contains(log.String(), canary) {
			t.Errorf("the log of the settings shows a secret:\n%s", &log)
		}
		return ""
	}
	var mistakes diag.List
	if !errors.As(err, &mistakes) {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := mistakes.Write(&out); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), path, "c.yaml")
}

// within returns the sound configuration with lines put below the line of a key.
func within(section string, lines ...string) string {
	return strings.Replace(sound, section+":\n", section+":\n  "+strings.Join(lines, "\n  ")+"\n", 1)
}

// instead returns the sound configuration with another line in place of old.
func instead(old, line string) string { return strings.Replace(sound, old, line, 1) }

// TestASecretInAPlaceOfAPathIsNotPrinted: a seed, the text of credentials or of a
// key stands where the path of its file belongs.
func TestASecretInPlaceOfAPathIsNotPrinted(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got := printed(t, text, getenv)
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
		for _, secret := range []string{canary, canarySeed, canarySeed[:20]} {
			if strings.Contains(got, secret) {
				t.Errorf("a secret is printed:\n%s", got)
			}
		}
	}
	seeded := "c.yaml:10:3: nats.nkey is a seed and must be the path of a file: write the seed into one"
	f(within("nats", `nkey: `+canarySeed), seeded)
	f(within("nats", `nkey: " `+canarySeed+`"`), seeded)
	f(within("nats", `nkey: "`+canarySeed+`\n"`), seeded)
	f(within("nats", "nkey: |", "  "+canarySeed), seeded)
	f(within("nats", `nkey: "${SEED:- `+canarySeed+`}"`), seeded)
	f(within("nats", `nkey: `+canary), "c.yaml:10:3: nats.nkey names a file that cannot be read (no such file or directory)")
	f(within("nats", `nkey: `+canarySeed[:30]), "c.yaml:10:3: nats.nkey names a file that cannot be read")
	f(within("nats", `creds: `+canary), "c.yaml:10:3: nats.creds names a file that cannot be read (no such file or directory)")
	f(within("nats", "creds: |", "  -----BEGIN NATS USER JWT-----", "  "+canary), "c.yaml:10:3: nats.creds is the text of a file and must be its path: write the text into a file")
	f(within("nats", `creds: "`+canarySeed+`"`), "c.yaml:10:3: nats.creds is a seed and must be the path of a file")
	for _, section := range []string{"kafka", "clickhouse", "nats"} {
		f(within(section, "tls:", "  cert: /no/such", `  key: "-----BEGIN PRIVATE KEY-----\n`+canary+`\n"`), section+".tls.key is the text of a file and must be its path")
		f(within(section, "tls:", "  cert: /no/such", `  key: `+canary), section+".tls.key names a file that cannot be read")
		f(within(section, "tls:", `  cert: "-----BEGIN PRIVATE KEY-----\n`+canary+`\n"`, "  key: /no/such"), section+".tls.cert is the text of a file and must be its path")
		f(within(section, "tls:", `  ca: "-----BEGIN PRIVATE KEY-----\n`+canary+`\n"`), section+".tls.ca is the text of a file and must be its path")
	}
	f(sound+"http: { tls: { cert: /no/such, key: "+canary+" } }\n", "c.yaml:13:32: http.tls.key names a file that cannot be read")
}

// TestAValueOfTheEnvironmentIsNotPrinted: the message names the variable.
func TestAValueOfTheEnvironmentIsNotPrinted(t *testing.T) {
	f := func(value, text, want string) {
		t.Helper()
		got := printed(t, text, func(name string) (string, bool) { return value, name == "PW" })
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
		if value != "" && strings.Contains(got, value) {
			t.Errorf("%q is printed:\n%s", value, got)
		}
	}
	f(canary, within("kafka", `first_start: "${PW}"`), "c.yaml:2:3: kafka.first_start is ${PW}: want refuse, earliest or latest [E502]")
	f(canary, within("kafka", `group_protocol: "x${PW}${PW:-y}"`), "kafka.group_protocol is ${PW}: want classic or consumer")
	f(canary, within("nats", `payload: "${PW}"`), "nats.payload is ${PW}: want")
	f(canary, sound+`log: { level: "${PW}", format: "${PW}" }`, "log.level is ${PW}: want")
	f(canary, within("kafka", `sasl: { mechanism: "${PW}" }`), "kafka.sasl.mechanism is ${PW}: want")
	f(canary+" x", within("nats", `stream: "${PW}"`), "nats.stream is ${PW}: ")
	f(canary+" x", within("nats", `subject_prefix: "${PW}"`), "nats.subject_prefix is ${PW}: ")
	f(canary+" x", instead("topics: [t]", `topics: [t, "${PW}"]`), "kafka.topics[1] is ${PW}: ")
	f(canary+" x", instead("[k:9092]", `["${PW}"]`), "kafka.brokers is set by ${PW}")
	f(canary+" x", instead("[ch:9000]", `["${PW}"]`), "clickhouse.addresses is set by ${PW}")
	f(canary, instead(`["nats://n:4222"]`, `["${PW}"]`), "nats.servers is set by ${PW}")
	f(canary, sound+`http: { listen: "${PW}" }`, "http.listen is ${PW}: ")
	f(canary, sound+`traces: { endpoint: "${PW}" }`, "traces.endpoint is set by ${PW}")
	f("771204", within("nats", `replicas: "${PW}"`), "nats.replicas is ${PW}: want 1 to 5")
	f("-771204", sound+`worker: { max_records: "${PW}" }`, "worker.max_records is ${PW}: want at least 1")
	f("13m37s", sound+`worker: { step_timeout: "${PW}" }`, "worker.step_timeout ${PW} must be less than worker.drain_timeout 30s")
	f("-13m37s", within("nats", `max_age: "${PW}"`), "nats.max_age is ${PW}: ")
	f("13m37s", within("clickhouse", `insert_timeout: "${PW}"`), "clickhouse.insert_timeout ${PW} must be less than worker.step_timeout 20s")
	f(canary, within("nats", `tls: { ca: "${PW}" }`), "nats.tls.ca is ${PW}, ")
	f("file:"+canary, within("clickhouse", `password: "${PW}"`), "clickhouse.password is ${PW}, ")
	f(canary, sound+`traces: { sample: "${PW}" }`, "sample cannot be read")
	f(canary, within("nats", `max_age: "${PW}"`), "nats.max_age is set by ${PW}")
	f("", instead("group: g", `group: "${PW}"`), "kafka.group is set by ${PW}")
	f("", instead("[k:9092]", `["${PW}"]`), "kafka.brokers is set by ${PW}")
}

// TestASlipOfYAMLPrintsNoSecret: a secret becomes the name of an anchor, of a tag or
// of a key, or the end of the value above.
func TestASlipOfYAMLPrintsNoSecret(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := printed(t, text, getenv); !strings.Contains(got, want) || strings.Contains(got, canary) {
			t.Errorf("want %q and no secret in\n%s", want, got)
		}
	}
	f(within("clickhouse", "password: !"+canary), "tags are not accepted")
	f(within("clickhouse", "password: &"+canary+" x"), "anchors are not accepted")
	f(within("clickhouse", "password: !"+canary+" x"), "tags are not accepted")
	f(within("clickhouse", "password: *"+canary), "c.yaml")
	f(within("kafka", "sasl: { mechanism: PLAIN, password "+canary+", user: u }"), "this is no key")
	f(within("kafka", "sasl: { mechanism: PLAIN, password="+canary+", user: u }"), "this is no key")
	f(within("kafka", "sasl: { mechanism: PLAIN, password:"+canary+", user: u }"), "this is no key")
	f(sound+"log:\n  level: info\n    password "+canary+"\n", "log.level is ***: want debug")
	f(within("kafka", "sasl: { mechanism: plain, password "+canary+" }"), "this is no key")
}

// TestCredentialsInAddressesAreNotPrinted: neither in a mistake nor in the log of the
// settings.
func TestCredentialsInAddressesAreNotPrinted(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got := printed(t, text, getenv)
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("want %q in\n%s", want, got)
		}
		if strings.Contains(got, canary) {
			t.Errorf("a secret is printed:\n%s", got)
		}
	}
	for _, credentials := range []string{"u:" + canary, canary, "u:p/" + canary, "u:p?" + canary, "u:p#" + canary, "u:p w" + canary, "u:p@" + canary, "u:12/" + canary} {
		f(instead("[k:9092]", `["`+credentials+`@k:9092"]`), "c.yaml:2:3: address 1 of kafka.brokers")
		f(instead("[ch:9000]", `["ch:9000", "`+credentials+`@ch:9000"]`), "c.yaml:7:3: address 2 of clickhouse.addresses")
		f(instead("n:4222", credentials+"@n"), "c.yaml:10:3: address 1 of nats.servers")
		f(sound+`traces: { endpoint: "https://`+credentials+`@c:4318" }`, "c.yaml:13:11: traces.endpoint ")
		f(sound+`http: { listen: "`+credentials+`@c:4318" }`, "c.yaml:13:9: http.listen ")
	}
	f(instead("n:4222", "u:"+canary+"@n:4222"), "")
	f(instead("n:4222", canary+"@n:4222"), "")
	f(instead("n:4222", "n:4222?token="+canary), "address 1 of nats.servers")
	for _, end := range []string{"?key=" + canary, "/v1?a=b&key=" + canary, "#" + canary} {
		f(sound+`traces: { endpoint: "https://c:4318`+end+`" }`, "c.yaml:13:11: traces.endpoint has a query or a fragment, which may hold a secret: put it into traces.headers [E502]")
		f(sound+`traces: { sample: 2, endpoint: "https://c:4318`+end+`" }`, "sample is not a share")
		f(sound+`traces: { sample: 2, endpoint: "c:4318`+end+`" }`, "sample is not a share")
	}
}
