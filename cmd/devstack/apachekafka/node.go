package apachekafka

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"tocsin/cmd/devstack/process"
)

const (
	// heap of one node. 64 MB are enough for a test that produces at 100 MB/s;
	// the rest is room.
	heap = "192m"
	// startBound is how long a node may take until it accepts connections.
	startBound = 90 * time.Second
	// startPoll is how often a starting node is tried.
	startPoll = 20 * time.Millisecond
)

//go:embed server.properties.tmpl
var propertiesText string

var propertiesTemplate = template.Must(template.New("server.properties").Parse(propertiesText))

// shape is what all nodes of a cluster have in common.
type shape struct {
	Voters           string
	Replicas, MinISR int
	Properties       map[string]string
}

// node is one process, controller and broker.
type node struct {
	ID                                       int
	BrokerAddr, ControllerAddr, InternalAddr string // where it listens
	Advertised                               string // where clients are sent instead of BrokerAddr
	Bound                                    []bound

	java, lib, dir string
	process        *process.Process // nil until the first start
}

// Data is where the node keeps its logs.
func (n *node) Data() string { return filepath.Join(n.dir, "data") }

func (n *node) properties() string { return filepath.Join(n.dir, "server.properties") }

// format writes the node's configuration and prepares its data directory.
func (n *node) format(ctx context.Context, clusterID string, s shape) error {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return fmt.Errorf("make its directory: %w", err)
	}
	var b bytes.Buffer
	err := propertiesTemplate.Execute(&b, struct {
		*node
		shape
	}{n, s})
	if err != nil {
		return fmt.Errorf("render its properties: %w", err)
	}
	if err := os.WriteFile(n.properties(), b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write its properties: %w", err)
	}
	cmd := exec.CommandContext(ctx, n.java, "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:+UseSerialGC",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(n.lib, "*"),
		"kafka.tools.StorageTool", "format", "-t", clusterID, "-c", n.properties())
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("format its storage: %w: %s", err, strings.TrimSpace(string(said)))
	}
	return nil
}

// keys are the URLs of the files of keys that the broker may read: none by itself.
func (n *node) keys() string {
	var urls []string
	for _, b := range n.Bound {
		if b.Keys != "" {
			urls = append(urls, "file://"+b.Keys)
		}
	}
	return strings.Join(urls, ",")
}

// start starts the process and waits until its broker accepts connections.
// The serial collector, the small heap and the bound on direct memory keep a
// node at 200 MB instead of twice that.
func (n *node) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startBound, errors.New("not up in "+startBound.String()))
	defer cancel()
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open its log: %w", err)
	}
	cmd := exec.Command(n.java, "-Xms"+heap, "-Xmx"+heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-XX:MaxDirectMemorySize=128m", "-Xss512k",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls="+n.keys(), "-cp", filepath.Join(n.lib, "*"),
		"kafka.Kafka", n.properties())
	p, err := process.Start(cmd, syscall.SIGKILL, log)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	go func() {
		<-p.Done()
		_ = log.Close() // what is in it is for a human to read
	}()
	n.process = p
	return n.await(ctx)
}

// await waits until the broker's port accepts.
func (n *node) await(ctx context.Context) error {
	tick := time.NewTicker(startPoll)
	defer tick.Stop()
	for {
		var d net.Dialer
		if c, err := d.DialContext(ctx, "tcp", n.BrokerAddr); err == nil {
			return c.Close()
		}
		select {
		case <-n.process.Done():
			return fmt.Errorf("it ended while starting (%s): %s", n.process, strings.TrimSpace(n.process.Tail()))
		case <-ctx.Done():
			n.process.Kill()
			return fmt.Errorf("it did not start: %w: %s", context.Cause(ctx), strings.TrimSpace(n.process.Tail()))
		case <-tick.C:
		}
	}
}

// stop has the node hand over and end.
func (n *node) stop(ctx context.Context) error {
	return n.process.Stop(ctx, func() error { return n.process.Signal(syscall.SIGTERM) })
}
