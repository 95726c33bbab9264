package config

import (
	"fmt"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/credentials"
)

// sound is a configuration without a mistake, by its lines.
const sound = `kafka:
  brokers: [k:9092]
  cluster: main
  group: g
  topics: [t]
clickhouse:
  addresses: [ch:9000]
  user: u
nats:
  servers: ["nats://n:4222"]
rules:
  pack: sox409
`

// TestAWrongValueHasItsPlace: the mistake is at the key, with its line, and names
// the positions of the keys that the value contradicts.
func TestAWrongValueHasItsPlace(t *testing.T) {
	f := func(text string, want string) {
		t.Helper()
		if got := printed(t, text, getenv); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	// One value.
	f(strings.Replace(sound, "nats:\n", "nats:\n  replicas: 9\n", 1), `c.yaml:10:3: nats.replicas is 9: want 1 to 5 [E502]
   10 |   replicas: 9
      |   ^~~~~~~~~~~
`)
	f(strings.Replace(sound, "nats:\n", "nats: \n  payload: \"all\"  # of it\n", 1), `c.yaml:10:3: nats.payload is "all": want minimal or full [E502]
   10 |   payload: "all"  # of it
      |   ^~~~~~~~~~~~~~
`)
	f(sound+"log: { level: loud }\n", `c.yaml:13:8: log.level is "loud": want debug, info, warn or error [E502]
   13 | log: { level: loud }
      |        ^~~~~~~~~~~
`)
	f(strings.Replace(sound, "  group: g\n", "  group: g\n  group_protocol: new\n  first_start: now\n", 1), `c.yaml:5:3: kafka.group_protocol is "new": want classic or consumer [E502]
    5 |   group_protocol: new
      |   ^~~~~~~~~~~~~~~~~~~
c.yaml:6:3: kafka.first_start is "now": want refuse, earliest or latest [E502]
    6 |   first_start: now
      |   ^~~~~~~~~~~~~~~~
`)
	f(strings.Replace(sound, "  topics: [t]\n", "  topics: []\n", 1), `c.yaml:5:3: kafka.topics is empty: name at least one topic [E502]
    5 |   topics: []
      |   ^~~~~~
`)
	f(sound+"worker:\n  max_records: 0\n", `c.yaml:14:3: worker.max_records is 0: want at least 1 [E502]
   14 |   max_records: 0
      |   ^~~~~~~~~~~~~~
`)
	// Two, of which one has its default.
	f(sound+"worker:\n  step_timeout: 10s\n", `c.yaml:14:3: clickhouse.insert_timeout 15s must be less than worker.step_timeout 10s [E502]
   14 |   step_timeout: 10s
      |   ^~~~~~~~~~~~~~~~~
      = clickhouse.insert_timeout is not set in the file
`)
	// Two that are both given.
	f(strings.Replace(sound, "  user: u\n", "  user: u\n  insert_timeout: 12s\n", 1)+"worker:\n  step_timeout: 10s\n", `c.yaml:9:3: clickhouse.insert_timeout 12s must be less than worker.step_timeout 10s [E502]
    9 |   insert_timeout: 12s
      |   ^~~~~~~~~~~~~~~~~~~
      = worker.step_timeout is set at c.yaml:15:3
`)
	f(strings.Replace(sound, "  topics: [t]\n", "  topics: [t]\n  session_timeout: 20s\n", 1), `c.yaml:6:3: worker.drain_timeout 30s must be less than kafka.session_timeout 20s [E502]
    6 |   session_timeout: 20s
      |   ^~~~~~~~~~~~~~~~~~~~
      = worker.drain_timeout is not set in the file
`)
	f(strings.Replace(sound, "nats:\n", "nats:\n  creds: /no/such\n  user: u\n", 1), `c.yaml:10:3: nats.creds names a file that cannot be read (no such file or directory): create it, or correct the path [E502]
   10 |   creds: ********
      |   ^~~~~~~~~~~~~~~
c.yaml:11:3: nats has more than one of user, creds and nkey: the server takes one, keep that [E502]
   11 |   user: *
      |   ^~~~~~~
      = nats.creds is set at c.yaml:10:3
c.yaml:11:3: nats.user and nats.password belong together: give both or none [E502]
   11 |   user: *
      |   ^~~~~~~
      = nats.password is not set in the file
`)
	// A section.
	f(strings.Replace(sound, "nats:\n", "nats:\n  tls: { ca: /no/such }\n", 1), `c.yaml:10:10: nats.tls.ca is "/no/such", which cannot be read (no such file or directory): create it, or correct the path [E502]
   10 |   tls: { ca: /no/such }
      |          ^~~~~~~~~~~~
`)
	f(strings.Replace(sound, "  topics: [t]\n", "  topics: [t]\n  sasl:\n    mechanism: PLAIN\n", 1), `c.yaml:7:5: kafka.sasl.mechanism PLAIN needs user and password: give both [E502]
    7 |     mechanism: PLAIN
      |     ^~~~~~~~~~~~~~~~
      = kafka.sasl.user is not set in the file; kafka.sasl.password is not set in the file
`)
	f(sound+"traces: { endpoint: \"http://c:4318\", tls: {} }\n", `c.yaml:13:38: traces.tls is set and traces.endpoint is http: write https, or remove tls [E502]
   13 | traces: { endpoint: "http://c:4318", tls: {} }
      |                                      ^~~
      = traces.endpoint is set at c.yaml:13:11
`)
}

// TestEveryKeyOfAProblemExists: a problem with an unknown key would have no place.
func TestEveryKeyOfAProblemExists(t *testing.T) {
	known := map[string]bool{}
	for _, key := range keysOf(Config{}) {
		known[key.path] = true
	}
	var c Config // everything in it is wrong
	c.Kafka.SASL = &SASL{Mechanism: "none"}
	c.NATS.User, c.NATS.Creds, c.NATS.NKey = credentials.Written("u"), "/no/such", "/no/such"
	c.Traces.Endpoint = "nowhere"
	c.ClickHouse.InsertTimeout = 1
	problems := c.check()
	for _, p := range problems {
		if len(p.Keys) == 0 {
			t.Errorf("no key: %s", p)
		}
		for _, key := range p.Keys {
			if !known[key] {
				t.Errorf("there is no key %s: %s", key, p)
			}
		}
	}
	if len(problems) < 20 {
		t.Errorf("%d problems: %s", len(problems), fmt.Sprint(problems))
	}
}
