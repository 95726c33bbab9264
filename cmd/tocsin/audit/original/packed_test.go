package original

import (
	"crypto/sha256"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/tocsin/audit/trail"
	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// TestABatchThatCannotBeUnpackedIsPassed: its rows are dead letters without a value,
// and the records before and behind it are compared.
func TestABatchThatCannotBeUnpackedIsPassed(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ProducerLinger(time.Second), kgo.ProducerBatchMaxBytes(64<<20),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var values [][]byte
	for _, sizes := range [][]int{{10, 10}, {800 << 10, 800 << 10, 800 << 10}, {10}} { // each a batch
		var batch []*kgo.Record
		for _, size := range sizes {
			batch = append(batch, &kgo.Record{Topic: "t", Timestamp: time.UnixMilli(1_700_000_000_000), Value: []byte(strings.Repeat("x", size))})
			values = append(values, batch[len(batch)-1].Value)
		}
		if err := client.ProduceSync(t.Context(), batch...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	b, err := Open(t.Context(), &config.Kafka{Brokers: cluster.ListenAddrs(), Topics: []string{"t"}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.unpacked = 1 << 20
	compare := func(packed bool) (records int64, problems []string, err error) {
		var rows iter.Seq2[clickhouse.Link, error] = func(yield func(clickhouse.Link, error) bool) {
			for offset, value := range values {
				l := clickhouse.Link{Offset: int64(offset), Computed: pipeline.Hash(sha256.Sum256(value)), Packed: packed && len(value) > 10}
				l.Said = clickhouse.Said(l.Offset, 1_700_000_000_000, "", nil, nil, false, false)
				if !yield(l, nil) {
					return
				}
			}
		}
		records, err = b.Compare(t.Context(), rows, clickhouse.Part{Topic: "t"}, trail.Span{First: 0, Last: 5}, func(kind string, _, _ int64, _ string) { problems = append(problems, kind) })
		return records, problems, err
	}
	if records, problems, err := compare(true); records != 3 || len(problems) > 0 || err != nil {
		t.Errorf("%d records are compared, %v, %v; want 3 and no problem", records, problems, err)
	}
	if _, _, err := compare(false); err == nil {
		t.Error("rows with values behind a batch that cannot be read pass")
	}
}
