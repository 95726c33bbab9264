package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/tocsin/credentials"
)

// kafkaFile is a configuration with those lines in its section kafka.
func kafkaFile(t *testing.T, brokers, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tocsin.yaml")
	text := fmt.Sprintf("kafka:\n  brokers: [\"%s\"]\n  cluster: main\n  group: tocsin\n  topics: [ledger.events]\n%s"+
		"clickhouse: { addresses: [h:1], user: u }\nnats: { servers: [\"h:4222\"] }\nrules: { pack: sox409 }\n", brokers, lines)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// kafkaSection is that section.
func kafkaSection(t *testing.T, brokers, lines string) *Kafka {
	t.Helper()
	c, err := Read(kafkaFile(t, brokers, lines), getenv)
	if err != nil {
		t.Fatal(err)
	}
	return &c.Kafka
}

// reaches asks a broker over a new connection.
func reaches(t *testing.T, k *Kafka) error {
	t.Helper()
	client, err := kgo.NewClient(append(k.Client(), kgo.RequestRetries(0))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = kadm.NewClient(client).ListTopics(ctx)
	return err
}

func tlsLines(f authority.Files) string {
	return fmt.Sprintf("  tls: { ca: %s, cert: %s, key: %s }\n", f.CA, f.Cert, f.Key)
}

func TestKafkaIsReachedOverTLSAndSASL(t *testing.T) {
	a := authority.New(t, "first")
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(a.Server(a.Pool())), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "plain", "p-secret"), kfake.Superuser("SCRAM-SHA-256", "scram", "s-secret"), kfake.Superuser("SCRAM-SHA-512", "scram", "s-secret"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	files := authority.In(t.TempDir())
	a.Write(files, "client")
	password := filepath.Join(t.TempDir(), "password")
	for _, test := range []struct{ mechanism, user, secret string }{
		{"PLAIN", "plain", "p-secret"}, {"SCRAM-SHA-256", "scram", "s-secret"}, {"SCRAM-SHA-512", "scram", "s-secret"},
	} {
		authority.Replace(t, password, []byte("wrong"))
		k := kafkaSection(t, brokers, tlsLines(files)+fmt.Sprintf("  sasl: { mechanism: %s, user: %s, password: file:%s }\n", test.mechanism, test.user, password))
		if err := reaches(t, k); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s with a wrong password: %v", test.mechanism, err)
		}
		authority.Replace(t, password, []byte(test.secret+"\n"))
		if err := reaches(t, k); err != nil {
			t.Errorf("%s, after its password was put right on disk: %v", test.mechanism, err)
		}
	}
	k := kafkaSection(t, brokers, "  sasl: { mechanism: PLAIN, user: plain, password: p-secret }\n")
	if err := reaches(t, k); err == nil {
		t.Error("a broker of TLS is reached without")
	}
}

func TestMistakesOfLogins(t *testing.T) {
	f := func(lines, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "tocsin.yaml")
		sections := map[string]string{"kafka": "brokers: ['k:1'], cluster: main, group: g, topics: [t]", "clickhouse": "addresses: [h:1], user: u", "nats": "servers: ['h:4222']", "rules": "pack: sox409"}
		name, more, _ := strings.Cut(lines, ": ")
		sections[name] += ", " + more
		var text strings.Builder
		for name, members := range sections {
			fmt.Fprintf(&text, "%s: { %s }\n", name, members)
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path, getenv)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", lines, err, want)
		}
	}
	f("kafka: sasl: { mechanism: GSSAPI }", "want PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER")
	f("kafka: sasl: { mechanism: PLAIN, user: u }", "needs user and password")
	f("kafka: sasl: { mechanism: PLAIN, user: u, password: p, token: t }", "remove it")
	f("kafka: sasl: { mechanism: OAUTHBEARER }", "needs token")
	f("kafka: sasl: { mechanism: OAUTHBEARER, token: t, user: u }", "has no user")
	f("kafka: tls: { ca: /no/such/file }", `kafka.tls.ca is "/no/such/file", which cannot be read`)
	f("clickhouse: tls: { cert: /no/such/file }", "clickhouse.tls.cert and clickhouse.tls.key belong together")
	f("nats: tls: { key: /no/such/file }", "nats.tls.cert and nats.tls.key belong together")
	f("nats: tls: { insecure_skip_verify: true }", "unknown key")
	f("nats: user: u, password: p, nkey: /no/such/file", "more than one of user, creds and nkey")
	f("nats: user: u", "belong together")
	f("nats: nkey: /no/such/file", "nats.nkey names a file that cannot be read")
	f("nats: nkey: SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY", "nats.nkey is a seed and must be the path of a file")
	f("nats: creds: /no/such/file", "nats.creds names a file that cannot be read")
}

func TestMistakesOfTheProbesTLS(t *testing.T) {
	files := authority.In(t.TempDir())
	authority.New(t, "ours").Write(files, "worker")
	c := Defaults()
	for _, wrong := range []credentials.ServerTLS{{Cert: files.Cert, Key: files.CA}, {Cert: files.Cert}, {Cert: files.Cert, Key: files.Key, ClientCA: files.Key}, {Cert: files.Cert, Key: files.Key, ClientCA: "/no/such/file"}} {
		c.HTTP.TLS = &wrong
		if problems := fmt.Sprint(c.check()); !strings.Contains(problems, "http.tls.") {
			t.Errorf("%+v: %q", wrong, problems)
		}
	}
}
