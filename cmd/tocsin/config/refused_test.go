package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrongValuesAreRefused: each has place, cause and remedy, in one line.
func TestWrongValuesAreRefused(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got := printed(t, text, func(name string) (string, bool) { return "", name == "EMPTY" })
		if first, _, _ := strings.Cut(got, "\n"); first != want+" [E502]" || strings.Count(got, "c.yaml:") != 1 {
			t.Errorf("want %s\nin\n%s", want, got)
		}
	}
	// The stream.
	f(within("nats", "max_age: -1h"), "c.yaml:10:3: nats.max_age is -1h0m0s: want at least 2m0s, or 0 to keep alerts for ever")
	f(within("nats", "max_age: 1m"), "c.yaml:10:3: nats.max_age is 1m0s: want at least 2m0s, or 0 to keep alerts for ever")
	f(within("nats", `stream: "a.b c"`), `c.yaml:10:3: nats.stream is "a.b c": want a name without spaces, dots, slashes, * and >`)
	f(within("nats", `stream: ""`), `c.yaml:10:3: nats.stream is empty: write a value, or leave the key out for DISCLOSURE`)
	f(within("nats", `subject_prefix: "x..y>"`), `c.yaml:10:3: nats.subject_prefix is "x..y>": want words of letters, digits, - and _, with a dot between them`)

	// Addresses.
	for _, list := range []struct{ old, key, place, example string }{
		{"brokers: [k:9092]", "brokers", "c.yaml:2:3: %kafka.brokers", "kafka:9092"},
		{"addresses: [ch:9000]", "addresses", "c.yaml:7:3: %clickhouse.addresses", "clickhouse:9000"},
		{`servers: ["nats://n:4222"]`, "servers", "c.yaml:10:3: %nats.servers", "nats://nats:4222"},
	} {
		place := strings.Replace(list.place, "%", "", 1)
		item := func(number string) string { return strings.Replace(list.place, "%", "address "+number+" of ", 1) }
		want := ": write it as " + list.example
		for _, empty := range []string{`[]`, `[""]`, `["${EMPTY}"]`, `[" , ", "${EMPTY}"]`} {
			f(instead(list.old, list.key+": "+empty), place+" is empty: name at least one, as "+list.example)
		}
		f(instead(list.old, list.key+": [h]"), item("1")+" has no port"+want)
		f(instead(list.old, list.key+": [\"h:1, h\"]"), item("2")+" has no port"+want)
		f(instead(list.old, list.key+": [\"h:1\", \"h:\"]"), item("2")+" has no port"+want)
		f(instead(list.old, list.key+": [\":1\"]"), item("1")+" has no host"+want)
		f(instead(list.old, list.key+": [\"h:0\"]"), item("1")+" has a port that is not a number from 1 to 65535"+want)
		f(instead(list.old, list.key+": [\"h:65536\"]"), item("1")+" has a port that is not a number from 1 to 65535"+want)
		f(instead(list.old, list.key+": [\"h:http\"]"), item("1")+" has a port that is not a number from 1 to 65535"+want)
		f(instead(list.old, list.key+": [\"h h:1\"]"), item("1")+" has a host that is neither a name nor an IP address"+want)
		f(instead(list.old, list.key+": [\"a:b:1\"]"), item("1")+" is not an address"+want)
		f(instead(list.old, list.key+": [\"http://h:1\"]"), item("1")+" has a scheme that is not accepted here"+want)
		f(instead(list.old, list.key+": [\"h:1/x\"]"), item("1")+" has more than host and port"+want)
		if got := printed(t, instead(list.old, list.key+`: ["h-1.x_y:1", "10.0.0.1:65535,[::1]:2"]`), getenv); got != "" {
			t.Errorf("sound addresses are refused:\n%s", got)
		}
	}
	f(instead("nats://n:4222", "nats://n:4222/x"), "c.yaml:10:3: address 1 of nats.servers has more than host and port: write it as nats://nats:4222")
	f(sound+"http: { listen: \"9464\" }\n", `c.yaml:13:9: http.listen is "9464": want host:port, as 127.0.0.1:9464, or :9464 for every address of this machine`)
	f(sound+"http: { listen: localhost }\n", `c.yaml:13:9: http.listen is "localhost": want host:port, as 127.0.0.1:9464, or :9464 for every address of this machine`)
	f(sound+"http: { listen: \"h:99999\" }\n", `c.yaml:13:9: http.listen is "h:99999": want host:port, as 127.0.0.1:9464, or :9464 for every address of this machine`)
	for _, listen := range []string{":0", "127.0.0.1:9464", "[::]:9464", "localhost:9464"} {
		if got := printed(t, sound+"http: { listen: \""+listen+"\" }\n", getenv); got != "" {
			t.Errorf("%s is refused:\n%s", listen, got)
		}
	}

	// Topics, the group, the session.
	name := `: want 1 to 249 letters, digits, dots, - and _`
	f(instead("[t]", "[]"), "c.yaml:5:3: kafka.topics is empty: name at least one topic")
	f(instead("[t]", `[t, ""]`), "c.yaml:5:15: kafka.topics[1] is \"\""+name)
	f(instead("[t]", `[t, " t"]`), "c.yaml:5:15: kafka.topics[1] is \" t\""+name)
	f(instead("[t]", `["a,b"]`), "c.yaml:5:12: kafka.topics[0] is \"a,b\""+name)
	f(instead("[t]", `[..]`), "c.yaml:5:12: kafka.topics[0] is \"..\""+name)
	f(instead("[t]", "\n    - t\n    - u\n    - t"), "c.yaml:8:7: kafka.topics[2] is \"t\", which is in the list already: remove one of the two")
	f(instead("group: g", `group: ""`), "c.yaml:4:3: kafka.group is empty: name the consumer group")
	f(instead("group: g", `group: "  "`), "c.yaml:4:3: kafka.group is empty: name the consumer group")
	f(instead("group: g", `group: " g"`), `c.yaml:4:3: kafka.group is " g": remove the blanks around it`)
	f(instead("cluster: main", `cluster: " "`), "c.yaml:3:3: kafka.cluster is empty: name the Kafka cluster, the name is part of every insert token")
	f(within("kafka", "session_timeout: 48h"), "c.yaml:2:3: kafka.session_timeout is 48h0m0s: want at most 30m0s, the most that brokers accept by default (group.max.session.timeout.ms)")

	// Texts that may not be empty.
	f(within("clickhouse", `database: ""`), "c.yaml:7:3: clickhouse.database is empty: write a value, or leave the key out for tocsin")
	f(instead("user: u", `user: ""`), "c.yaml:8:3: clickhouse.user is empty: name the user")
	f(instead("pack: sox409", `pack: ""`), "c.yaml:12:3: rules.pack is empty: write a value")
	f(sound+"http: { listen: \"\" }\n", "c.yaml:13:9: http.listen is empty: write a value, or leave the key out for 127.0.0.1:9464")

	// Times.
	f(within("clickhouse", "insert_timeout: -1s"), "c.yaml:7:3: clickhouse.insert_timeout is -1s: want more than 0s")
	f(within("clickhouse", "insert_timeout: 0s"), "c.yaml:7:3: clickhouse.insert_timeout is 0s: want more than 0s")
	f(sound+"worker: { max_record_bytes: 0 }\n", "c.yaml:13:11: worker.max_record_bytes is 0: want at least 1")
}

// TestMistakesOfDecodingHideNoOther: what cannot be read and what is wrong are
// reported together. A key that cannot be read is reported once.
func TestMistakesOfDecodingHideNoOther(t *testing.T) {
	f := func(text string, wants ...string) {
		t.Helper()
		got := printed(t, text, getenv)
		lines := 0
		for line := range strings.Lines(got) {
			if strings.HasPrefix(line, "c.yaml") {
				if lines >= len(wants) || !strings.HasPrefix(line, wants[lines]) {
					t.Errorf("want %q in\n%s", wants, got)
					return
				}
				lines++
			}
		}
		if lines != len(wants) {
			t.Errorf("want %q in\n%s", wants, got)
		}
	}
	f(within("nats", "replicas: 9", "max_age: long"), "c.yaml:10:3: nats.replicas is 9", "c.yaml:11:12: max_age is not a duration")
	f(within("nats", "replicas: 9")+"worker: { lingr: 1s }\n", "c.yaml:10:3: nats.replicas is 9", `c.yaml:14:11: unknown key "lingr"`)
	f(instead("  group: g\n", "")+"log: { level: loud }\n", `c.yaml:2:3: key "group" is missing`, "c.yaml:12:8: log.level is")
	f(instead("  group: g\n", "  grop: g\n")+"log: { level: loud }\n", `c.yaml:4:3: unknown key "grop"`, "c.yaml:13:8: log.level is")
	f(instead("brokers: [k:9092]", "brokers: k:9092")+"log: { level: loud }\n", "c.yaml:2:12: brokers is a single value", "c.yaml:13:8: log.level is")
	f(instead("topics: [t]", "topics: [t, [u]]")+"log: { level: loud }\n", "c.yaml:5:15: item 2 of topics is a list", "c.yaml:13:8: log.level is")
	f(instead("[k:9092]", `["${NO_SUCH}"]`)+"log: { level: loud }\n", "c.yaml:2:13: item 1 of brokers: the environment has no NO_SUCH", "c.yaml:13:8: log.level is")
	f(strings.Replace(sound, "rules:\n  pack: sox409\n", "log: { level: loud }\n", 1), `c.yaml:1:1: key "rules" is missing`, "c.yaml:11:8: log.level is")
	f(sound+"log: { level: loud }\nworker: [a]\n", "c.yaml:13:8: log.level is", "c.yaml:14:9: worker is a list")
	// A setting that cannot be read contradicts nothing, and neither does the default
	// of one that is mistyped.
	f(sound+"worker:\n  step_timeout: 40s\n  drain_timeout: long\n", "c.yaml:15:18: drain_timeout is not a duration")
	f(sound+"worker:\n  step_timeout: 40s\n  drain_timeot: 43s\n", `c.yaml:15:3: unknown key "drain_timeot"`)
	f(sound+"worker:\n  step_timeout: 40s\nlog: { lvl: loud }\n", "c.yaml:14:3: worker.step_timeout 40s must be less than worker.drain_timeout 30s", `c.yaml:15:8: unknown key "lvl"`)
	f(within("nats", "replicas: 9", "stream: [")+"x: y\n", "c.yaml:1") // not YAML: nothing else is known
}

// TestRulesThatAreNotThere: opening them gives the mistake the place of its key, and
// shows no value of the environment.
func TestRulesThatAreNotThere(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Read(path, func(name string) (string, bool) { return canary, name == "PW" })
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = c.Rules.Open(); err == nil || strings.ReplaceAll(err.Error(), path, "c.yaml") != want+" [E502]" {
			t.Errorf("want %s, got %v", want, err)
		}
	}
	const neither = ", which is neither a directory nor a shipped pack: name one of sox409, or the directory that holds pack.yaml"
	f(instead("sox409", "sox4"), `c.yaml:12:3: rules.pack is "sox4"`+neither)
	f(instead("sox409", `"${PW}"`), `c.yaml:12:3: rules.pack is ${PW}`+neither)
	const gone = ", which cannot be read (no such file or directory): create it, or correct the path"
	f(within("rules", "calendar: /no/such"), `c.yaml:12:3: rules.calendar is "/no/such"`+gone)
	f(within("rules", `calendar: "/x/${PW}"`), `c.yaml:12:3: rules.calendar is ${PW}`+gone)
}
