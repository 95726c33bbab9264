package preflight

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
)

// TestRefusalsAreNamed: what Apache Kafka itself reports is in package endtoend.
func TestRefusalsAreNamed(t *testing.T) {
	a, stranger := authority.New(t, "first"), authority.New(t, "stranger")
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(a.Server(a.Pool())), kfake.EnableSASL(), kfake.Superuser("PLAIN", "plain", "p-secret"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	own, other := authority.In(t.TempDir()), authority.In(t.TempDir())
	a.Write(own, "client")
	stranger.Write(other, "client")
	const right = "  sasl: { mechanism: PLAIN, user: plain, password: p-secret }\n"
	f := func(lines, place, remedy string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "tocsin.yaml")
		text := fmt.Sprintf("kafka:\n  brokers: [\"%s\"]\n  cluster: main\n  group: tocsin\n  topics: [ledger.events]\n%s"+
			"clickhouse: { addresses: [h:1], user: u }\nnats: { servers: [\"h:4222\"] }\nrules: { pack: sox409 }\n", brokers, lines)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Read(path, os.LookupEnv)
		if err != nil {
			t.Fatal(err)
		}
		err = CheckKafka(t.Context(), &c)
		if _, ok := pipeline.Waiting(err); !ok {
			t.Errorf("%s: %v is not waited for", lines, err)
			return
		}
		found := failures(partKafka, err)[0]
		shown, errJSON := json.Marshal(found)
		if errJSON != nil || found.Place != place || found.Level != levelFailure || found.Message == "" || !strings.Contains(found.Remedy, remedy) || strings.Contains(string(shown), "CANARY") {
			t.Errorf("%s: %s, want place %q, remedy %q", lines, shown, place, remedy)
		}
	}
	f(certified(authority.Files{CA: other.CA, Cert: own.Cert, Key: own.Key})+right, "kafka.tls.ca", "add its authority")
	f(certified(authority.Files{CA: own.CA, Cert: other.Cert, Key: other.Key})+right, "kafka.tls.cert", "replace the file")
	f(fmt.Sprintf("  tls: { ca: %s }\n", own.CA)+right, "kafka.tls.cert", "give kafka.tls.cert and kafka.tls.key")
	f("  tls: {}\n"+right, "kafka.tls", "name its authority in kafka.tls.ca")
	f(certified(own)+"  sasl: { mechanism: OAUTHBEARER, token: CANARY-2 }\n", "kafka.sasl.mechanism", "sasl.enabled.mechanisms")
}

func certified(f authority.Files) string {
	return fmt.Sprintf("  tls: { ca: %s, cert: %s, key: %s }\n", f.CA, f.Cert, f.Key)
}
