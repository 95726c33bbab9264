//go:build integration

package endtoend

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// shipped are GOMEMLIMIT and the limit of a worker's memory in deploy/kubernetes, in
// MiB.
func shipped(t *testing.T) (soft, hard int64) {
	t.Helper()
	text, err := os.ReadFile("../../../deploy/kubernetes/worker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	number := func(pattern string) int64 {
		found := regexp.MustCompile(pattern).FindSubmatch(text)
		if found == nil {
			t.Fatalf("worker.yaml has no %s", pattern)
		}
		n, err := strconv.ParseInt(string(found[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return number(`GOMEMLIMIT, value: (\d+)MiB`), 1024 * number(`limits: \{ memory: (\d+)Gi \}`)
}

// bounds wants the check to warn of records of any unpacked size, and the setting that
// it names to stop them: the topic is then as it was before.
func (h *harness) bounds() {
	h.t.Helper()
	warns := func(want bool) {
		h.t.Helper()
		if out := h.tocsin("check", "--config", h.config); strings.Contains(out, "topic ledger.events takes a record that unpacks to ") != want {
			h.t.Errorf("the check warns of ledger.events is %v, want %v:\n%s", !want, want, out)
		}
	}
	alter := func(op kadm.IncrementalOp, value string) {
		h.t.Helper()
		altered, err := kadm.NewClient(h.kafka).AlterTopicConfigs(h.t.Context(), []kadm.AlterConfig{{Op: op, Name: "max.decompressed.message.bytes", Value: &value}}, loadTopic)
		if err == nil {
			err = altered[0].Err
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	warns(true)
	alter(kadm.SetConfig, fmt.Sprint(256<<20))
	warns(false)
	if err := h.sending(&kgo.Record{Topic: loadTopic, Value: make([]byte, 300<<20)}); !errors.Is(err, kerr.InvalidRecord) {
		h.t.Errorf("a record of 300 MiB where 256 are allowed: %v", err)
	}
	alter(kadm.DeleteConfig, "")
}

// TestIntegrationHostileBatches: Apache Kafka accepts a batch of 41 kB that unpacks
// to 300 MiB, and eight batches of 260 records of 1 MB. A worker survives both, and
// the demonstration's day, in a cgroup of the memory that deploy/ gives it. The first
// becomes a dead letter, the others are judged.
func TestIntegrationHostileBatches(t *testing.T) {
	h, _ := onApacheKafka(t)
	const partitions, records = 8, 260
	h.widened(partitions)
	h.tocsin("migrate", "--config", h.config)
	soft, hard := shipped(t)
	t.Setenv("GOMEMLIMIT", fmt.Sprintf("%dMiB", soft))
	run := func(name string) {
		t.Helper()
		cage := newCage(t, hard)
		h.within = cage.enter()
		defer func() { h.within = nil }()
		began := time.Now()
		mib, _ := h.peak(0, nil, "run", "--drain")
		t.Logf("%s: peak %d MiB in %s, with GOMEMLIMIT=%dMiB and a limit of %d MiB; %s", name, mib, time.Since(began).Round(time.Millisecond), soft, hard, cage)
		if mib >= hard {
			t.Errorf("%s: the worker took %d MiB, and the limit is %d", name, mib, hard)
		}
	}

	h.bounds()

	h.sends(contract(0))
	h.sends(&kgo.Record{Topic: loadTopic, Value: make([]byte, 300<<20)})
	h.sends(contract(1))
	run("41 kB that unpack to 300 MiB")
	h.answers("the rows", []string{"0\t", "1\tbatch_too_large", "2\t"}, "SELECT offset, failure_code FROM events ORDER BY offset")

	for p := range int32(partitions) {
		var large []*kgo.Record
		for i := range records {
			r := inflated(candidatesIn*(int(p)*records+i)+2, 999_000)
			r.Partition = p
			large = append(large, r)
		}
		h.sends(large...)
	}
	run("eight batches of 260 MB")
	h.answers("rows, distinct offsets, dead letters of a batch", []string{fmt.Sprintf("%[1]d\t%[1]d\t1", 3+partitions*records)},
		"SELECT count(), uniqExact(partition, offset), countIf(failure_stage = 'unpack') FROM events")
	const events = 20_000
	next, today := day(), make([]*kgo.Record, events)
	for i := range today {
		today[i] = next(i)
	}
	for some := range slices.Chunk(today, 5000) { // what a broker accepts in one batch
		h.sends(some...)
	}
	run("the demonstration's day")
	h.answers("rows, distinct records", []string{fmt.Sprintf("%[1]d\t%[1]d", 3+partitions*records+events)}, "SELECT count(), uniqExact(topic, partition, offset) FROM events")
	h.audits("the rows of all", nil, "--rejudge")
}
