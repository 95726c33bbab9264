//go:build integration

package apachekafka_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/apachekafka"
	"tocsin/cmd/devstack/netfault"
)

// proxied starts a cluster whose clients are sent through proxies, one a node.
func proxied(t *testing.T, nodes int) (*apachekafka.Cluster, []*netfault.Proxy) {
	t.Helper()
	var proxies []*netfault.Proxy
	var advertised []string
	for range nodes {
		p, err := netfault.Listen("")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		proxies, advertised = append(proxies, p), append(advertised, p.Addr())
	}
	c, err := apachekafka.Start(t.Context(), apachekafka.Options{
		Dir: t.TempDir(), Nodes: nodes, Advertised: advertised, Progress: os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for id := range nodes {
			c.Kill(id + 1)
		}
	})
	for i, addr := range c.Addrs() {
		proxies[i].SetTarget(addr)
	}
	if got, want := c.Bootstrap(), strings.Join(advertised, ","); got != want {
		t.Fatalf("clients are sent to %s, want %s", got, want)
	}
	return c, proxies
}

// TestIntegrationFaultsHeal: a producer and a member of a group reach the
// broker only through the proxy, and go on after the break ends.
func TestIntegrationFaultsHeal(t *testing.T) {
	c, proxies := proxied(t, 1)
	p := proxies[0]
	create(t, c, 1)
	// Half-open connections are given up by these bounds.
	bounds := []kgo.Opt{kgo.RequestTimeoutOverhead(2 * time.Second), kgo.RetryTimeout(time.Minute)}
	producer := client(t, c, append(bounds, kgo.DefaultProduceTopic(topic))...)
	member := client(t, c, append(bounds, kgo.ConsumeTopics(topic), kgo.ConsumerGroup("g"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(time.Second))...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	var want, got []string
	pass := func(name string) {
		t.Helper()
		began := time.Now()
		for i := range 20 {
			want = append(want, fmt.Sprintf("%s-%02d", name, i))
			if err := producer.ProduceSync(ctx, kgo.StringRecord(want[len(want)-1])).FirstErr(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for len(got) < len(want) {
			member.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
			if ctx.Err() != nil {
				t.Fatalf("%s: %d of %d records consumed", name, len(got), len(want))
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), got); diff != "" {
			t.Fatalf("%s: records (-want +got):\n%s", name, diff)
		}
		if err := member.CommitUncommittedOffsets(ctx); err != nil {
			t.Fatalf("%s: commit: %v", name, err)
		}
		t.Logf("%s: passed in %v", name, time.Since(began).Round(time.Millisecond))
	}
	pass("whole")
	p.Cut()
	pass("cut")

	for name, freeze := range map[string]func(){"frozen": p.Freeze, "answers frozen": p.FreezeAnswers} {
		freeze()
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		if err := producer.Ping(short); err == nil {
			t.Errorf("%s: the broker answers past the proxy", name)
		}
		cancel()
		p.Thaw()
		pass(name)
	}

	p.Refuse(true)
	p.Cut()
	short, cancel := context.WithTimeout(ctx, time.Second)
	if err := producer.Ping(short); err == nil {
		t.Error("refused: the broker answers past the proxy")
	}
	cancel()
	p.Refuse(false)
	pass("refused")
}

// TestIntegrationNodesReachEachOtherPastTheProxies: a record is acknowledged
// only when a second node has it (min.insync.replicas is 2), which it is while
// no proxy lets anyone through.
func TestIntegrationNodesReachEachOtherPastTheProxies(t *testing.T) {
	c, proxies := proxied(t, 3)
	past := map[string]string{}
	for i, p := range proxies {
		p.Refuse(true)
		p.Cut()
		past[p.Addr()] = c.Addrs()[i]
	}
	cl := client(t, c, kgo.DefaultProduceTopic(topic), kgo.Dialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, past[addr])
	}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := kadm.NewClient(cl).CreateTopic(ctx, 1, 3, nil, topic); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := cl.ProduceSync(ctx, kgo.StringRecord("a")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIntegrationAdvertisedOneANode(t *testing.T) {
	_, err := apachekafka.Start(t.Context(), apachekafka.Options{Dir: t.TempDir(), Nodes: 3, Advertised: []string{"127.0.0.1:1"}})
	if err == nil || !strings.Contains(err.Error(), "1 advertised addresses for 3 nodes") {
		t.Errorf("error = %v, want one that counts", err)
	}
	_, err = apachekafka.Start(t.Context(), apachekafka.Options{Dir: t.TempDir(), Listeners: []apachekafka.Listener{{Name: "TLS", Advertised: []string{"127.0.0.1:1", "127.0.0.1:2"}}}})
	if err == nil || !strings.Contains(err.Error(), "2 advertised addresses of listener TLS for 1 nodes") {
		t.Errorf("error = %v, want one that counts those of the listener", err)
	}
}
