package nats_test

import (
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
	"tocsin/rules"
)

// cluster runs three servers.
func cluster(t *testing.T) []*server.Server {
	t.Helper()
	var routes []*url.URL
	ports := make([]int, 3)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = l.Addr().(*net.TCPAddr).Port
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var servers []*server.Server
	for i, port := range ports {
		s, err := server.NewServer(&server.Options{ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true,
			StoreDir: t.TempDir(), NoSigs: true, NoLog: true, Routes: routes, Cluster: server.ClusterOpts{Name: "C", Host: "127.0.0.1", Port: port}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stop(s) })
		go s.Start()
		servers = append(servers, s)
	}
	for _, s := range servers {
		if !s.ReadyForConnections(bound) {
			t.Fatal("a server of the cluster did not start")
		}
	}
	return servers
}

// TestReplicatedOnce: on three replicas, where a repeat may be refused while
// the first is still on its way, workers that publish the same matters at once
// deliver each once; also while the stream's leader changes.
func TestReplicatedOnce(t *testing.T) {
	servers := cluster(t)
	c := config(servers[0])
	c.Replicas = 3
	c.Servers = nil
	for _, s := range servers {
		c.Servers = append(c.Servers, s.ClientURL())
	}
	limit := time.After(bound)
	c.PublishTimeout = time.Second // a cluster without a leader answers nothing
	open(t, c)
	js := admin(t, servers[0])

	const workers, batches, size = 4, 12, 10
	var group sync.WaitGroup
	for i := range workers {
		sink := open(t, c)
		group.Go(func() {
			for b := range batches {
				mine := alerts(b*size, size)
				for j := range mine {
					mine[j].Verdict.Finding.Severity = rules.Severity(1 + i)
				}
				for {
					err := sink.Publish(t.Context(), mine)
					if err == nil {
						break
					}
					if _, ok := pipeline.Waiting(err); !ok {
						t.Error(err)
						return
					}
					select {
					case <-limit:
						t.Errorf("still %v", err)
						return
					case <-time.After(20 * time.Millisecond): // the loop's back-off
					}
				}
				if i == 0 && b == batches/2 {
					stepDown(t, js)
				}
			}
		})
	}
	group.Wait()
	exactly(t, js, batches*size)
}

// stepDown makes another server the stream's leader.
func stepDown(t *testing.T, js jetstream.JetStream) {
	if _, err := js.Conn().Request("$JS.API.STREAM.LEADER.STEPDOWN.DISCLOSURE", nil, bound); err != nil {
		t.Errorf("step down: %v", err)
	}
}
