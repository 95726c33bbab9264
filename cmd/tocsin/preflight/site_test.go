package preflight_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/preflight"
	"tocsin/sinks/clickhouse"
)

func TestMain(m *testing.M) { chtest.Main(m) }

// site is a set of servers as they should be, and a configuration for them.
type site struct {
	t          *testing.T
	kafka      *kgo.Client
	topics     *kadm.Client
	clickhouse driver.Conn
	nats       jetstream.JetStream

	address string   // of ClickHouse
	config  []string // its lines
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t}
	brokers := s.brokers()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s.kafka, s.topics = client, kadm.NewClient(client)
	s.topic("ledger.events", 3, "retention.ms=604800000", "min.insync.replicas=2")

	ch := chtest.Server(t)
	s.address = ch.TCPAddr
	database := chtest.Database(t)
	db := clickhouse.Config{Addrs: []string{ch.TCPAddr}, Database: database, User: chserver.User, Password: ch.Password}
	if err := clickhouse.Migrate(t.Context(), db, func(string) {}); err != nil {
		t.Fatal(err)
	}
	s.clickhouse, err = driver.Open(&driver.Options{Addr: db.Addrs, Auth: driver.Auth{Database: db.Database, Username: db.User, Password: db.Password}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.clickhouse.Close() })

	alerts := alertServer(t)
	conn, err := natsgo.Connect(alerts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if s.nats, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	s.stream("DISCLOSURE", func(*jetstream.StreamConfig) {})

	s.config = []string{
		fmt.Sprintf(`kafka: { brokers: ["%s"], cluster: main, group: tocsin, topics: [ledger.events] }`, strings.Join(brokers, ",")),
		fmt.Sprintf(`clickhouse: { addresses: ["%s"], database: %s, user: %s, password: %s }`, ch.TCPAddr, database, chserver.User, ch.Password),
		fmt.Sprintf(`nats: { servers: ["%s"], max_age: 48h }`, alerts),
		`rules: { pack: sox409 }`,
		`production: false`,
		`worker: {}`,
		`http: { listen: "127.0.0.1:0" }`,
	}
	return s
}

// brokers are those of a Kafka that keeps everything three times.
func (s *site) brokers(opts ...kfake.Opt) []string {
	s.t.Helper()
	opts = append([]kfake.Opt{kfake.NumBrokers(3), kfake.BrokerConfigs(map[string]string{"offsets.retention.minutes": "20000"})}, opts...)
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()
}

// topic makes a topic with settings of its own, which ends with the test. Its records
// unpack to a bounded size, if the settings do not say otherwise.
func (s *site) topic(name string, replicas int16, settings ...string) {
	s.t.Helper()
	mebi := "1048576"
	configs := map[string]*string{"max.decompressed.message.bytes": &mebi}
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		if configs[key] = &value; value == "" {
			delete(configs, key) // as where the brokers have no such setting
		}
	}
	if _, err := s.topics.CreateTopic(s.t.Context(), 2, replicas, configs, name); err != nil {
		s.t.Fatal(err)
	}
}

// stream makes a stream that is as it should be but for a change.
func (s *site) stream(name string, change func(*jetstream.StreamConfig)) jetstream.Stream {
	s.t.Helper()
	c := jetstream.StreamConfig{Name: name, Subjects: []string{"disclosure.candidate.>"}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		MaxAge: 48 * time.Hour, DenyDelete: true, DenyPurge: true}
	change(&c)
	stream, err := s.nats.CreateStream(s.t.Context(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	return stream
}

// sql runs statements that must succeed.
func (s *site) sql(statements ...string) {
	s.t.Helper()
	for _, statement := range statements {
		if err := s.clickhouse.Exec(s.t.Context(), statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// file is the configuration with texts replaced: old, new, old, new.
func (s *site) file(replace ...string) string {
	s.t.Helper()
	text := strings.Join(s.config, "\n") + "\n"
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			s.t.Fatalf("the configuration does not show %q", replace[i])
		}
		text = strings.Replace(text, replace[i], replace[i+1], 1)
	}
	path := filepath.Join(s.t.TempDir(), "tocsin.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// check is what tocsin check prints, with texts of the configuration replaced.
func (s *site) check(replace ...string) string {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	code := preflight.Command.Run(s.t.Context(), []string{"--config", s.file(replace...)}, nil, &stdout, &stderr)
	if failed := strings.Contains(stdout.String(), "FAIL "); failed != (code == cli.Failed) || stderr.Len() > 0 {
		s.t.Errorf("exit code %d: %s%s", code, &stdout, &stderr)
	}
	return stdout.String()
}

// alertServer runs a NATS server until the test ends, and returns its address.
func alertServer(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	go s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server did not start")
	}
	return s.ClientURL()
}
