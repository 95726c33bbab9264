package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	"github.com/twmb/franz-go/pkg/kversion"

	"tocsin/cmd/devstack/authority"
	chserver "tocsin/cmd/devstack/clickhouse"
	"tocsin/cmd/devstack/clickhouse/chtest"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

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

	alerts := alertServer(t, server.RANDOM_PORT, t.TempDir())
	conn, err := natsgo.Connect(alerts.ClientURL())
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
		fmt.Sprintf(`nats: { servers: ["%s"], max_age: 48h }`, alerts.ClientURL()),
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

// topic makes a topic with settings of its own, which ends with the test.
func (s *site) topic(name string, replicas int16, settings ...string) {
	s.t.Helper()
	configs := map[string]*string{}
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		configs[key] = &value
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
	code := runCheck(s.t.Context(), []string{"--config", s.file(replace...)}, nil, &stdout, &stderr)
	if failed := strings.Contains(stdout.String(), "FAIL "); failed != (code == exitFailed) || stderr.Len() > 0 {
		s.t.Errorf("exit code %d: %s%s", code, &stdout, &stderr)
	}
	return stdout.String()
}

var (
	spaces = regexp.MustCompile(`\n {19}`)
	sound  = regexp.MustCompile(`(?m)^ok .*\n`)
)

// troubles are the findings that are none of ok, each in one line.
func troubles(printed string) []string {
	return strings.FieldsFunc(sound.ReplaceAllString(spaces.ReplaceAllString(printed, " "), ""), func(r rune) bool { return r == '\n' })
}

// TestHazards: servers and settings that would lose or double something, or
// will, each put right before the next: tocsin check says each with its mend,
// and nothing else.
func TestHazards(t *testing.T) {
	s := newSite(t)
	const once = "warn nats stream DISCLOSURE is kept once. Set nats.replicas to 3, and `nats stream edit DISCLOSURE --replicas=3` [one_replica]"
	type texts = []string
	// f checks what is said when the configuration is changed so: of each trouble,
	// in order, a text that it begins with and some that it has.
	f := func(name string, replace texts, want ...texts) {
		t.Helper()
		got := troubles(s.check(replace...))
		ok := len(got) == len(want)
		for i := 0; ok && i < len(want); i++ {
			line := strings.Join(strings.Fields(got[i]), " ")
			ok = strings.HasPrefix(line, want[i][0])
			for _, text := range want[i] {
				ok = ok && strings.Contains(line, text)
			}
		}
		if !ok {
			t.Errorf("%s: want %q in\n%s", name, want, strings.Join(got, "\n"))
		}
	}
	stream := texts{once}
	f("sound, but for one server of NATS", nil, stream)

	// The configuration.
	order := func(setting, want string) {
		t.Helper()
		f(setting, texts{"worker: {}", "worker: { " + setting + " }"}, texts{"FAIL configuration", want, "[E502]"})
	}
	order("step_timeout: 40s", "step_timeout 40s must be less than drain_timeout 30s")
	order("drain_timeout: 1m", "drain_timeout 1m0s must be less than session_timeout 45s")
	order("step_timeout: 10s", "clickhouse.insert_timeout 15s must be less than worker.step_timeout 10s")
	order("rebalance_grace: 50s", "rebalance_grace 50s must be less than session_timeout 45s")

	// Kafka.
	topics := func(name string) texts { return texts{"topics: [ledger.events]", "topics: [" + name + "]"} }
	f("a topic that is not there", topics("gone"), texts{"FAIL kafka", "topic gone cannot be read", "Create it, or grant READ and DESCRIBE on it"}, stream)
	s.topic("kept.long", 3, "retention.ms=8640000000", "min.insync.replicas=2")
	f("records outlive offsets", topics("kept.long"),
		texts{"FAIL kafka", "offsets.retention.minutes is 20000", "topic kept.long is 8640000000", "Raise offsets.retention.minutes to 144000 or more"}, stream)
	s.topic("single", 1)
	single := "kafka topic single has one replica. Give it 3 replicas and min.insync.replicas 2 [one_replica]"
	f("one replica", topics("single"), texts{"warn " + single}, stream)
	s.topic("loose", 3, "min.insync.replicas=1")
	loose := "kafka min.insync.replicas of topic loose is 1: what is acknowledged may be on one broker, and is lost with it. " +
		"`kafka-configs.sh --alter --topic loose --add-config min.insync.replicas=2` [one_in_sync]"
	f("one replica in sync", topics("loose"), texts{"warn " + loose}, stream)
	s.topic("compact", 3, "min.insync.replicas=2", "cleanup.policy=compact")
	compact := "kafka topic compact is compacted: of records with one key the last is kept, and the others are gone before a worker that was stopped has read them. " +
		"`kafka-configs.sh --alter --topic compact --add-config cleanup.policy=delete` [topic_compacted]"
	f("a topic that forgets", topics("compact"), texts{"warn " + compact}, stream)
	s.topic("early", 3, "min.insync.replicas=2")
	if err := s.kafka.ProduceSync(t.Context(), &kgo.Record{Topic: "early", Timestamp: time.Now().Add(time.Hour)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	f("a clock that is ahead", topics("early"), texts{"warn kafka the newest record is ", "in the future", "keep time by NTP", "[clock_skew]"}, stream)
	// What groups commit is kept like any record.
	s.topic(offsetsTopic, 3, "min.insync.replicas=1")
	f("commits that one broker has", nil, texts{"warn kafka min.insync.replicas of topic __consumer_offsets is 1", "--topic __consumer_offsets --add-config min.insync.replicas=2", "[one_in_sync]"}, stream)
	if _, err := s.topics.DeleteTopic(t.Context(), offsetsTopic); err != nil {
		t.Fatal(err)
	}
	old := s.brokers(kfake.MaxVersions(kversion.V3_6_0()), kfake.SeedTopics(1, "ledger.events"), kfake.BrokerConfigs(map[string]string{"min.insync.replicas": "2"}))
	brokers := s.config[0][strings.Index(s.config[0], "[")+1 : strings.Index(s.config[0], "]")]
	f("no server-side groups", texts{"group: tocsin", "group: tocsin, group_protocol: consumer", brokers, `"` + strings.Join(old, ",") + `"`},
		texts{"FAIL kafka broker 0 has no server-side group protocol", "set kafka.group_protocol to classic, or upgrade to Kafka 4.3"}, texts{"FAIL kafka broker 1"}, texts{"FAIL kafka broker 2"}, stream)

	// ClickHouse.
	wrong := func(name, statement, back string, want ...string) {
		t.Helper()
		s.sql(strings.Split(statement, "; ")...)
		f(name, nil, append(texts{"FAIL clickhouse"}, want...), stream)
		s.sql(strings.Split(back, "; ")...)
	}
	wrong("no deduplication", `ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 0`, `ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 100000`,
		"remembers 0 inserts and must remember 10000", "ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 100000")
	f("too little of it for that cycle", texts{"worker: {}", "worker: { intent_ttl: 30m }"},
		texts{"FAIL clickhouse", "remembers 100000 inserts and must remember 181500", "ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 181500; or lower worker.intent_ttl"}, stream)
	wrong("an engine that rewrites", `CREATE TABLE other ENGINE = ReplacingMergeTree ORDER BY offset AS SELECT * FROM events; EXCHANGE TABLES other AND events`,
		`EXCHANGE TABLES other AND events; DROP TABLE other`, "engine ReplacingMergeTree", "move the data to a database made by tocsin migrate")
	wrong("a newer schema", `INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'later', '')`,
		`ALTER TABLE schema_migrations DELETE WHERE version = 99 SETTINGS mutations_sync = 1`, "schema version 99", "upgrade tocsin")
	wrong("an older schema", `CREATE TABLE kept ORDER BY version AS SELECT * FROM schema_migrations; ALTER TABLE schema_migrations DELETE WHERE version = 5 SETTINGS mutations_sync = 1`,
		`INSERT INTO schema_migrations SELECT * FROM kept WHERE version = 5; DROP TABLE kept`, "schema version 4, this tocsin needs 5: run tocsin migrate")
	wrong("a column that is gone", `ALTER TABLE events DROP COLUMN header_text`, `ALTER TABLE events ADD COLUMN header_text String`, "header_text String is missing", "alter it back")

	// NATS.
	flawed := func(name string, change func(*jetstream.StreamConfig), want ...string) {
		t.Helper()
		if err := s.nats.DeleteStream(t.Context(), "DISCLOSURE"); err != nil {
			t.Fatal(err)
		}
		s.stream("DISCLOSURE", change)
		f(name, nil, append(texts{"FAIL nats nats: the stream DISCLOSURE cannot be trusted with alerts"}, want...))
	}
	flawed("alerts that go once read", func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }, "retention is workqueue", "make another stream with `tocsin migrate` and name it in nats.stream")
	flawed("alerts that expire", func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "max age is 1h0m0s, shorter than nats.max_age (48h0m0s)", "`nats stream edit DISCLOSURE --max-age=48h0m0s`")
	flawed("alerts that can be purged", func(c *jetstream.StreamConfig) { c.DenyPurge = false }, "`nats stream edit DISCLOSURE --deny-purge`")
	flawed("alerts that can be deleted", func(c *jetstream.StreamConfig) { c.DenyDelete = false }, "`nats stream edit DISCLOSURE --deny-delete`")
	if err := s.nats.DeleteStream(t.Context(), "DISCLOSURE"); err != nil {
		t.Fatal(err)
	}
	f("no stream", nil, texts{"FAIL nats nats: there is no stream DISCLOSURE", "create it with `tocsin migrate`"})
	s.stream("DISCLOSURE", func(c *jetstream.StreamConfig) { c.MaxBytes = 4096 })
	if _, err := s.nats.Publish(t.Context(), "disclosure.candidate.a.b.c.d", make([]byte, 3800)); err != nil {
		t.Fatal(err)
	}
	f("a stream that is nearly full", nil, texts{"warn nats stream DISCLOSURE holds ", "of 4096 bytes. Raise the stream's max_bytes; when it is full, workers wait [disk_nearly_full]"}, stream)

	if err := s.nats.DeleteStream(t.Context(), "DISCLOSURE"); err != nil {
		t.Fatal(err)
	}
	s.stream("DISCLOSURE", func(*jetstream.StreamConfig) {})

	// Connections.
	ours := authority.New(t, "ours")
	front := authority.NewFront(t, s.address, ours.Server(ours.Pool()))
	files := authority.In(t.TempDir())
	ours.Write(files, "client") // for an hour
	secured := func(more string) texts {
		return texts{`addresses: ["` + s.address, fmt.Sprintf(`tls: { %scert: %s, key: %s }, addresses: ["%s`, more, files.Cert, files.Key, front.Addr)}
	}
	f("a certificate that ends soon", secured("ca: "+files.CA+", "), texts{"warn clickhouse " + files.Cert + ": the certificate expires at ", "Replace the file; no restart is needed [certificate_expires]"}, stream)
	f("any certificate", secured("insecure_accept_any_certificate: true, "),
		texts{"warn clickhouse insecure_accept_any_certificate is set", "Name the server's authority in clickhouse.tls.ca, and take the key away [any_certificate_accepted]"},
		texts{"warn clickhouse", "[certificate_expires]"}, stream)
	cert, key := ours.Pair("client", -time.Hour)
	authority.Replace(t, files.Cert, cert)
	authority.Replace(t, files.Key, key)
	f("a certificate that has ended", secured("ca: "+files.CA+", "), texts{"FAIL clickhouse " + files.Cert + ": the certificate has expired at ", "Replace the file [certificate_expires]"},
		texts{"FAIL clickhouse ClickHouse: a certificate that is accepted"}, texts{"FAIL clickhouse ClickHouse: a certificate that is accepted"}, stream)
	// Linux takes 0.0.0.0 for this machine, and it is no loopback address.
	f("a password in clear", texts{s.address, strings.Replace(s.address, "127.0.0.1", "0.0.0.0", 1)},
		texts{"warn clickhouse a secret travels without encryption, and what it protects. Set clickhouse.tls [password_in_clear]"}, stream)

	// Production is promised more than one copy.
	production := func(name, topic string, want ...texts) {
		t.Helper()
		f(name, append(topics(topic), "production: false", "production: true"), append(want,
			texts{"warn clickhouse it writes until a disk has no space left", "Set keep_free_space_bytes of its disks, to a gigabyte or more [disk_may_fill_up]"},
			texts{"warn clickhouse table events is kept once. Keep the disk mirrored and backed up [one_replica]"},
			texts{strings.Replace(once, "warn", "FAIL", 1)})...)
	}
	production("production", "ledger.events")
	production("production with one replica", "single", texts{"FAIL " + single})
	production("production with one replica in sync", "loose", texts{"FAIL " + loose})
	production("production on a topic that forgets", "compact", texts{"FAIL " + compact})
	var stderr bytes.Buffer
	code := runWorker(t.Context(), []string{"--config", s.file(append(topics("loose"), "production: false", "production: true")...)}, nil, io.Discard, &stderr)
	if code != exitFailed || !strings.Contains(stderr.String(), "production is true, and min.insync.replicas of topic loose is 1") || !strings.Contains(stderr.String(), "DISCLOSURE is kept once") {
		t.Errorf("a worker: exit code %d: %s", code, &stderr)
	}
}

// TestClocks: a server whose clock is off is told of. This machine's is the one
// that a test can put wrong.
func TestClocks(t *testing.T) {
	s := newSite(t)
	c, err := loadConfig(s.file(), getenv)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := nats.Open(t.Context(), c.NATS.sink())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := s.kafka.ProduceSync(t.Context(), &kgo.Record{Topic: "ledger.events"}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	f := func(off time.Duration, want ...string) {
		t.Helper()
		clock := func() time.Time { return time.Now().Add(off) }
		var got []string
		for _, found := range slices.Concat(c.lookAtKafka(t.Context(), clock), c.lookAtClickHouse(t.Context(), clock), c.lookAtNATS(t.Context(), stream, clock)) {
			if found.Code == warnClock && strings.Contains(found.Mend, "NTP") {
				got = append(got, found.Part+" "+regexp.MustCompile(` \S+ (ahead of|behind|in the future)`).FindStringSubmatch(found.Says)[1])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s off: %q, want %q", off, got, want)
		}
	}
	f(0)
	f(-time.Hour, "kafka in the future", "clickhouse ahead of", "nats ahead of")
	f(time.Hour, "clickhouse behind", "nats behind") // of a broker's clock that is behind nothing tells
}

// TestDiskNearlyFull: merges need room, so a disk is told of before it is full.
func TestDiskNearlyFull(t *testing.T) {
	chtest.NeedsRoot(t)
	s := newSite(t)
	small, err := chserver.Start(t.Context(), chserver.Options{Dir: t.TempDir(), DataSize: 128 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := small.Release(); err != nil {
			t.Error(err)
		}
	})
	db := clickhouse.Config{Addrs: []string{small.TCPAddr}, User: chserver.User, Password: small.Password}
	if err := clickhouse.Migrate(t.Context(), db, func(string) {}); err != nil {
		t.Fatal(err)
	}
	s.config[1] = fmt.Sprintf(`clickhouse: { addresses: ["%s"], user: %s, password: %s }`, small.TCPAddr, db.User, db.Password)
	const want = "clickhouse    its fullest disk has "
	if got := s.check(); strings.Contains(got, want) {
		t.Errorf("with room: %s", got)
	}
	if err := small.FillTo(12 << 20); err != nil {
		t.Fatal(err)
	}
	if got := s.check(); !strings.Contains(got, "warn "+want) || !strings.Contains(got, "bytes left. Free or add space; when it is full, workers wait [disk_nearly_full]") {
		t.Errorf("without: %s", got)
	}
}
