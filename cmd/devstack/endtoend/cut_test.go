package endtoend

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/cmd/devstack/stack"
)

// TestAConnectionThatIsCutWhileAWorkerStarts: whichever request of its start has no answer,
// because the broker ends the connection, the worker asks again. It does not end with the
// advice to grant a right or to log in.
func TestAConnectionThatIsCutWhileAWorkerStarts(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	h := start(t, stack.Addresses{Kafka: cluster.ListenAddrs()[0]})
	h.sends(contract(0))

	var mu sync.Mutex
	var asked []kmsg.Key // of the worker at hand, each once, in order
	var cut kmsg.Key = -1
	cluster.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		key := kmsg.Key(req.Key())
		first := !slices.Contains(asked, key)
		if first {
			asked = append(asked, key)
		}
		if first && key == cut {
			return nil, errors.New("cut"), true
		}
		return nil, nil, false
	})
	starts := func(key kmsg.Key) []kmsg.Key {
		mu.Lock()
		cut, asked = key, nil
		mu.Unlock()
		h.end(h.worker()) // it fails the test unless it gets ready
		mu.Lock()
		defer mu.Unlock()
		return asked
	}
	all := starts(-1)
	for _, needed := range []kmsg.Key{kmsg.Metadata, kmsg.DescribeConfigs, kmsg.OffsetFetch, kmsg.JoinGroup, kmsg.Fetch} {
		if !slices.Contains(all, needed) {
			t.Errorf("a start does not ask %s", needed.Name())
		}
	}
	var names []string
	for _, key := range all[:slices.Index(all, kmsg.Fetch)+1] {
		if !slices.Contains(starts(key), key) {
			t.Errorf("%s is not asked", key.Name())
		}
		names = append(names, key.Name())
	}
	t.Logf("each was left without an answer once: %s", strings.Join(names, ", "))
	h.answers("rows, distinct records", []string{"1\t1"}, "SELECT count(), uniqExact(topic, partition, offset) FROM events")
}
