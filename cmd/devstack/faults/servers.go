package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"tocsin/cmd/devstack/apachekafka"
	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/natsserver"
	"tocsin/cmd/devstack/netfault"
)

// The servers of a run.
const (
	kafkaServer      = "kafka"
	clickhouseServer = "clickhouse"
	natsServer       = "nats"
)

// servers are the three servers and the network before them. Workers reach
// them through the proxies, the harness directly.
type servers struct {
	broker string   // the broker's own address
	http   database // ClickHouse over HTTP
	alerts string   // NATS' own address

	front map[string]*netfault.Proxy
	turn  map[string]*sync.Mutex // held by who has broken the network before a server
	life  map[string]*sync.Mutex // held by who starts or ends a server

	kafka      *apachekafka.Cluster
	clickhouse *chserver.Server
	nats       *natsserver.Server
	store      chserver.Options
	stream     natsserver.Options
	aim        aim
	made       *logs // the topics as they were made, without records
}

// startBound is how long a server may take to be there.
const startBound = 90 * time.Second

// startServers starts the servers below dir, with the topics and nothing else
// in them.
func startServers(ctx context.Context, dir string, progress *os.File) (s *servers, err error) {
	s = &servers{front: make(map[string]*netfault.Proxy), turn: make(map[string]*sync.Mutex), life: make(map[string]*sync.Mutex)}
	defer func() {
		if err != nil {
			s.end()
		}
	}()
	for _, name := range []string{kafkaServer, clickhouseServer, natsServer} {
		s.turn[name], s.life[name] = new(sync.Mutex), new(sync.Mutex)
		if s.front[name], err = netfault.Listen(""); err != nil {
			return s, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	var group errgroup.Group
	group.Go(func() (err error) {
		s.kafka, err = apachekafka.Start(ctx, apachekafka.Options{Dir: filepath.Join(dir, kafkaServer), Progress: progress, Advertised: []string{s.front[kafkaServer].Addr()}, Properties: map[string]string{
			// A transaction whose producer died holds readers of committed
			// records up for no longer than a fault.
			"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
		}})
		return err
	})
	group.Go(func() (err error) {
		s.store = chserver.Options{Dir: filepath.Join(dir, clickhouseServer), Progress: progress, Renames: s.aim.answer}
		if os.Geteuid() == 0 {
			s.store.DataSize, s.store.KeepFree = diskSize, keepFree
		}
		s.clickhouse, err = chserver.Start(ctx, s.store)
		return err
	})
	group.Go(func() (err error) {
		s.stream = natsserver.Options{Dir: filepath.Join(dir, natsServer), SyncAlways: true}
		s.nats, err = natsserver.Start(ctx, s.stream)
		return err
	})
	if err := group.Wait(); err != nil {
		return s, err
	}
	s.broker, s.alerts = s.kafka.Addrs()[0], s.nats.Addr
	s.http = database{s.clickhouse.HTTPAddr, chserver.User, s.clickhouse.Password}
	s.store.TCPPort, s.store.HTTPPort, s.stream.Port = port(s.clickhouse.TCPAddr), port(s.clickhouse.HTTPAddr), port(s.nats.Addr)
	s.front[kafkaServer].SetTarget(s.broker)
	s.front[clickhouseServer].SetTarget(s.clickhouse.TCPAddr)
	s.front[natsServer].SetTarget(s.alerts)
	return s, s.makeTopics(ctx)
}

// port is the port of an address that a server listens on.
func port(addr string) (n int) {
	_, _ = fmt.Sscanf(addr[len("127.0.0.1:"):], "%d", &n)
	return n
}

func (s *servers) makeTopics(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.broker), directly(s.broker))
	if err != nil {
		return fmt.Errorf("make the topics: %w", err)
	}
	defer client.Close()
	made, err := kadm.NewClient(client).CreateTopics(ctx, partitions, 1, nil, contractTopic, outageTopic)
	if err == nil {
		err = made.Error()
	}
	if err == nil {
		bounded, cancel := context.WithTimeout(ctx, deletedBound)
		defer cancel()
		// The broker hears of a topic a moment after the controller has made it.
		s.made, err = describeLogs(bounded, client, contractTopic, outageTopic)
		for errors.Is(err, kerr.UnknownTopicOrPartition) && bounded.Err() == nil {
			sleep(bounded, 50*time.Millisecond)
			s.made, err = describeLogs(bounded, client, contractTopic, outageTopic)
		}
	}
	if err != nil {
		return fmt.Errorf("make the topics: %w", err)
	}
	return nil
}

// environ is the environment in which a worker finds the servers.
func (s *servers) environ() []string {
	return append(os.Environ(),
		"FAULTS_KAFKA="+s.front[kafkaServer].Addr(),
		"FAULTS_CLICKHOUSE="+s.front[clickhouseServer].Addr(),
		"FAULTS_PASSWORD="+s.http.password,
		"FAULTS_NATS=nats://"+s.front[natsServer].Addr(),
		fmt.Sprintf("GOMEMLIMIT=%dMiB", softLimit))
}

// kill ends a server as kill -9 does and starts it again where it was.
func (s *servers) kill(ctx context.Context, name string) (err error) {
	s.life[name].Lock()
	defer s.life[name].Unlock()
	// The run may be over before the server is back, and needs it then.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startBound)
	defer cancel()
	switch name {
	case kafkaServer:
		s.kafka.Kill(1)
		err = s.kafka.Restart(ctx, 1)
	case clickhouseServer:
		s.clickhouse.Kill()
		s.clickhouse, err = chserver.Start(ctx, s.store)
	case natsServer:
		s.nats.Kill()
		s.nats, err = natsserver.Start(ctx, s.stream)
	}
	if err != nil {
		return fmt.Errorf("start %s again: %w", name, err)
	}
	return nil
}

// diskSize is the size of ClickHouse's disk, in bytes. It is memory, all of it
// for as long as the disk is full.
const diskSize = 2 << 30

// keepFree is how many bytes of it ClickHouse leaves alone. A fill leaves half
// of them: ClickHouse refuses to write, and what it is writing finds space.
const keepFree = 128 << 20

// refill is how often a full disk is filled again, because merges give space
// back.
const refill = 200 * time.Millisecond

// fill keeps ClickHouse's disk full for a while. False: there is no disk that
// can be filled, because making one takes root.
//
// It is full for ClickHouse and not in truth (keep_free_space_bytes): where
// space runs out in truth, ClickHouse 26.7 was seen to take a merge for good
// whose file of marks was empty, and to acknowledge an insert whose columns.txt
// was (seed 16 of the first series; the parts were detached at the next start).
// Acknowledged rows are lost then, which no writer can prevent.
func (s *servers) fill(ctx context.Context, hold time.Duration) (happened bool, err error) {
	if s.store.DataSize == 0 {
		return false, nil
	}
	s.life[clickhouseServer].Lock()
	defer s.life[clickhouseServer].Unlock()
	for end := time.Now().Add(hold); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, refill) {
		if err := s.clickhouse.FillTo(keepFree / 2); err != nil {
			return false, errors.Join(err, s.clickhouse.Drain())
		}
	}
	return true, s.clickhouse.Drain()
}

// disturb breaks the network in front of a server by verb for a while, and then
// repairs it. One fault at a time has the network.
func (s *servers) disturb(ctx context.Context, name string, hold time.Duration, verb func(*netfault.Proxy)) {
	s.turn[name].Lock()
	defer s.turn[name].Unlock()
	if ctx.Err() != nil {
		return
	}
	verb(s.front[name])
	sleep(ctx, hold)
	repair(s.front[name])
}

func repair(p *netfault.Proxy) {
	p.Delay(0)
	p.Thaw()
	p.Refuse(false)
}

// sleep waits for d, or until ctx is cancelled.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// end ends the servers at once. What they hold is of no further use.
func (s *servers) end() {
	if s.kafka != nil {
		s.kafka.Kill(1)
	}
	if s.clickhouse != nil {
		s.clickhouse.Kill()
		if s.store.DataSize != 0 {
			_ = s.clickhouse.Release() // the kernel lets go of it with this process
		}
	}
	if s.nats != nil {
		s.nats.Kill()
	}
	for _, p := range s.front {
		_ = p.Close()
	}
}

// died returns an error if a server ended by itself.
func (s *servers) died() error {
	s.life[clickhouseServer].Lock()
	defer s.life[clickhouseServer].Unlock()
	s.life[natsServer].Lock()
	defer s.life[natsServer].Unlock()
	select {
	case <-s.clickhouse.Done():
		return errors.New("ClickHouse ended by itself")
	case <-s.nats.Done():
		return errors.New("NATS ended by itself")
	default:
		return nil
	}
}
