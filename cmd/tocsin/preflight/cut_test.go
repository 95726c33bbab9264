package preflight

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
)

// TestACutConnectionIsWaitedFor: a broker that ends during the check is no missing
// right, whichever request it leaves without an answer.
func TestACutConnectionIsWaitedFor(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "ledger.events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	path := filepath.Join(t.TempDir(), "tocsin.yaml")
	text := fmt.Sprintf("kafka:\n  brokers: [\"%s\"]\n  cluster: main\n  group: tocsin\n  topics: [ledger.events]\n"+
		"clickhouse: { addresses: [\"h:1\"], user: u }\nnats: { servers: [\"h:4222\"] }\nrules: { pack: sox409 }\n", strings.Join(cluster.ListenAddrs(), ","))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Read(path, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckKafka(t.Context(), &c); err != nil {
		t.Fatalf("without a cut: %v", err)
	}
	var cut atomic.Int32
	cut.Store(-1)
	var asked atomic.Bool
	cluster.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if int32(req.Key()) != cut.Load() {
			return nil, nil, false
		}
		asked.Store(true)
		return nil, errors.New("cut"), true
	})
	for _, key := range []kmsg.Key{kmsg.Metadata, kmsg.OffsetFetch, kmsg.DescribeGroups, kmsg.DescribeConfigs} {
		asked.Store(false)
		cut.Store(int32(key))
		err := CheckKafka(t.Context(), &c)
		if _, waits := pipeline.Waiting(err); !waits || strings.Contains(err.Error(), "Grant ") {
			t.Errorf("%s without an answer: %v", key.Name(), err)
		}
		if !asked.Load() {
			t.Errorf("%s is not asked", key.Name())
		}
	}
}
