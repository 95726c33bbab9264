// Package apachekafka runs Apache Kafka itself, one node or several, for
// integration tests: a worker's reliance on a broker is tested on the broker
// itself. It needs java (17 or newer) and, the first time, mvn.
package apachekafka

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"tocsin/cmd/devstack/loopback"
)

// Options say what cluster to start.
type Options struct {
	// Dir is an empty or absent directory for data, configuration and logs.
	Dir string
	// Nodes is the number of nodes, each controller and broker. Zero means 1.
	// Internal topics have as many replicas, up to 3.
	Nodes int
	// Properties are broker settings that override or add to those of
	// server.properties.tmpl.
	Properties map[string]string
	// Advertised are the addresses that clients are sent to, host:port, one for
	// each node in order, as of proxies in front of them (see Addrs). Empty
	// means those that the brokers listen on. Nodes reach each other past them.
	Advertised []string
	// Listeners are those that each broker has besides.
	Listeners []Listener
	// Progress, if not nil, receives a line about a fetch of the broker.
	Progress *os.File
}

// Cluster is a running cluster. Its nodes are numbered from 1. One goroutine
// at a time may use it.
type Cluster struct {
	nodes []*node
}

// Start starts a cluster and returns when every broker accepts connections,
// which it does only once clients can create topics and groups. The nodes end
// with this process, however that ends.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	c, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("apache kafka: %w", err)
	}
	return c, nil
}

func start(ctx context.Context, o Options) (*Cluster, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, errors.New("java is needed to run it and is not on the PATH: install a Java runtime, 17 or newer")
	}
	lib, err := jars(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	count := max(o.Nodes, 1)
	if len(o.Advertised) != 0 && len(o.Advertised) != count {
		return nil, fmt.Errorf("%d advertised addresses for %d nodes: give one for each, or none", len(o.Advertised), count)
	}
	for _, l := range o.Listeners {
		if len(l.Advertised) != 0 && len(l.Advertised) != count {
			return nil, fmt.Errorf("%d advertised addresses of listener %s for %d nodes: give one for each, or none", len(l.Advertised), l.Name, count)
		}
	}
	each := 3 + len(o.Listeners)
	ports, err := loopback.Ports(each * count)
	if err != nil {
		return nil, err
	}
	id, err := clusterID()
	if err != nil {
		return nil, err
	}

	c := &Cluster{}
	var voters []string
	for i := range count {
		n := &node{
			ID:             i + 1,
			BrokerAddr:     loopback.Addr(ports[each*i]),
			ControllerAddr: loopback.Addr(ports[each*i+1]),
			InternalAddr:   loopback.Addr(ports[each*i+2]),
			java:           java,
			lib:            lib,
			dir:            filepath.Join(dir, fmt.Sprint(i+1)),
		}
		n.Advertised = n.BrokerAddr
		if len(o.Advertised) != 0 {
			n.Advertised = o.Advertised[i]
		}
		for k := range o.Listeners {
			b := bound{Listener: &o.Listeners[k], Addr: loopback.Addr(ports[each*i+3+k])}
			b.Sent = b.Addr
			if len(b.Advertised) != 0 {
				b.Sent = b.Advertised[i]
			}
			n.Bound = append(n.Bound, b)
		}
		c.nodes = append(c.nodes, n)
		voters = append(voters, fmt.Sprintf("%d@%s", n.ID, n.ControllerAddr))
	}
	replicas := min(count, 3)
	shape := shape{Voters: strings.Join(voters, ","), Replicas: replicas, MinISR: max(replicas-1, 1), Properties: maps.Clone(o.Properties)}
	if shape.Properties == nil {
		shape.Properties = make(map[string]string)
	}
	for _, l := range o.Listeners {
		maps.Copy(shape.Properties, l.settings())
	}

	// All at once, here and below: a lone controller waits for its quorum.
	if err := c.each(func(n *node) error { return n.format(ctx, id, shape) }); err != nil {
		return nil, err
	}
	if err := c.each(func(n *node) error { return n.start(ctx) }); err != nil {
		c.kill()
		return nil, err
	}
	return c, nil
}

// Bootstrap is the addresses that clients are sent to, host:port, separated by
// commas. They stay the same when a node is killed and restarted.
func (c *Cluster) Bootstrap() string {
	addrs := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addrs[i] = n.Advertised
	}
	return strings.Join(addrs, ",")
}

// Addrs is where the brokers listen for clients, host:port, by node. It is
// what a proxy that Options.Advertised names passes connections on to.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addrs[i] = n.BrokerAddr
	}
	return addrs
}

// At is the addresses that clients are sent to by a listener of that name, as
// Bootstrap has them. Empty means that there is none.
func (c *Cluster) At(listener string) string {
	return c.joined(listener, func(b bound) string { return b.Sent })
}

// Behind is where the brokers listen by a listener of that name, as Addrs has
// them for the first.
func (c *Cluster) Behind(listener string) string {
	return c.joined(listener, func(b bound) string { return b.Addr })
}

func (c *Cluster) joined(listener string, addr func(bound) string) string {
	var addrs []string
	for _, n := range c.nodes {
		for _, b := range n.Bound {
			if b.Name == listener {
				addrs = append(addrs, addr(b))
			}
		}
	}
	return strings.Join(addrs, ",")
}

// Pid is the process id of a node.
func (c *Cluster) Pid(id int) int { return c.nodes[id-1].process.Pid() }

// Kill ends a node at once, as kill -9 does, and waits until it is gone.
func (c *Cluster) Kill(id int) { c.nodes[id-1].process.Kill() }

// Restart starts a node that has been killed, on the same ports and data, and
// returns when it accepts connections: that takes the broker's session
// timeout, 3 s here, and 2 to 3 s more.
func (c *Cluster) Restart(ctx context.Context, id int) error {
	if err := c.nodes[id-1].start(ctx); err != nil {
		return fmt.Errorf("apache kafka: %w", err)
	}
	return nil
}

// Stop ends the nodes in an orderly way, all at once, in 3 s for one node and
// 8 s for three. When ctx ends first they are killed, and that is an error.
// A cluster whose data is of no further use is better left to die with its
// process, or killed node by node.
func (c *Cluster) Stop(ctx context.Context) error {
	if err := c.each(func(n *node) error { return n.stop(ctx) }); err != nil {
		return fmt.Errorf("apache kafka: %w", err)
	}
	return nil
}

// each has every node do something at the same time.
func (c *Cluster) each(do func(*node) error) error {
	var g errgroup.Group
	for _, n := range c.nodes {
		g.Go(func() error {
			if err := do(n); err != nil {
				return fmt.Errorf("node %d: %w", n.ID, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// kill ends the nodes that have been started.
func (c *Cluster) kill() {
	for _, n := range c.nodes {
		if n.process != nil {
			n.process.Kill()
		}
	}
}

// clusterID makes an id as StorageTool wants it: 16 bytes in URL-safe base64,
// which must not begin with a dash.
func clusterID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make a cluster id: %w", err)
	}
	b[0] &= 0x7f // a dash is 62 of 64 in the first six bits
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
