package preflight_test

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

	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/cmd/tocsin/preflight"
	"tocsin/cmd/tocsin/worker"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

var (
	spaces = regexp.MustCompile(`\n {19}`)
	sound  = regexp.MustCompile(`(?m)^ok .*\n`)
)

// troubles returns the results other than ok, each in one line.
func troubles(printed string) []string {
	return strings.FieldsFunc(sound.ReplaceAllString(spaces.ReplaceAllString(printed, " "), ""), func(r rune) bool { return r == '\n' })
}

// TestHazards makes servers and settings hazardous one after the other, and repairs
// each before the next. tocsin check reports each hazard with its remedy, and
// nothing else.
func TestHazards(t *testing.T) {
	s := newSite(t)
	const once = "warn nats stream DISCLOSURE is kept once. Set nats.replicas to 3, and `nats stream edit DISCLOSURE --replicas=3` [one_replica]"
	type texts = []string
	// f checks the report under a changed configuration: of each trouble, in order, a
	// text that it begins with and texts that it contains.
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
	order("step_timeout: 40s", "worker.step_timeout 40s must be less than worker.drain_timeout 30s")
	order("drain_timeout: 1m", "worker.drain_timeout 1m0s must be less than kafka.session_timeout 45s")
	order("step_timeout: 10s", "clickhouse.insert_timeout 15s must be less than worker.step_timeout 10s")
	order("rebalance_grace: 50s", "worker.rebalance_grace 50s must be less than kafka.session_timeout 45s")

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
	f("a clock that is ahead", topics("early"), texts{"warn kafka the newest record is ", "in the future", "keep time by NTP", "[clock_skew]"},
		texts{"FAIL marks", "group tocsin has no committed offset, and no row of it is stored", "choose first_start: earliest or latest"}, stream)
	s.topic("free", 3, "min.insync.replicas=2", "max.decompressed.message.bytes=2147483647")
	free := texts{"warn kafka topic free takes a record that unpacks to 2147483647 bytes, and a worker unpacks 268435456 at most (worker.max_unpacked_bytes)",
		"`kafka-configs.sh --alter --topic free --add-config max.decompressed.message.bytes=268435456` [unpacked_size_unbounded]"}
	f("records of any unpacked size", topics("free"), free, stream)
	s.topic("unknown", 3, "min.insync.replicas=2", "max.decompressed.message.bytes=")
	f("brokers that do not bound it", topics("unknown, free"), free, texts{"warn kafka the brokers have no max.decompressed.message.bytes for unknown:", "Set it of the topics on Kafka 4.4 or newer; on older brokers have producers bound their records [unpacked_size_unbounded]"}, stream)
	// Commits of groups must be kept like any record.
	s.topic("__consumer_offsets", 3, "min.insync.replicas=1")
	f("commits that one broker has", nil, texts{"warn kafka min.insync.replicas of topic __consumer_offsets is 1", "--topic __consumer_offsets --add-config min.insync.replicas=2", "[one_in_sync]"}, stream)
	if _, err := s.topics.DeleteTopic(t.Context(), "__consumer_offsets"); err != nil {
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
	wrong("an engine that rewrites", `CREATE TABLE other ENGINE = ReplacingMergeTree ORDER BY offset AS SELECT * FROM events SETTINGS asterisk_include_alias_columns = 1; EXCHANGE TABLES other AND events`,
		`EXCHANGE TABLES other AND events; DROP TABLE other`, "engine ReplacingMergeTree", "move the data to a database made by tocsin migrate")
	wrong("a newer schema", `INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'later', '')`,
		`ALTER TABLE schema_migrations DELETE WHERE version = 99 SETTINGS mutations_sync = 1`, "schema version 99", "upgrade tocsin")
	migrations, err := filepath.Glob("../../../sinks/clickhouse/migrations/*.sql")
	last := len(migrations)
	if err != nil || last < 5 {
		t.Fatalf("%d migrations, %v", last, err)
	}
	wrong("an older schema", fmt.Sprintf(`CREATE TABLE kept ORDER BY version AS SELECT * FROM schema_migrations; ALTER TABLE schema_migrations DELETE WHERE version = %d SETTINGS mutations_sync = 1`, last),
		fmt.Sprintf(`INSERT INTO schema_migrations SELECT * FROM kept WHERE version = %d; DROP TABLE kept`, last), fmt.Sprintf("schema version %d, this tocsin needs %d: run tocsin migrate", last-1, last))
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
		texts{"warn clickhouse insecure_accept_any_certificate is set", "Name the server's authority in clickhouse.tls.ca, and remove the key insecure_accept_any_certificate [any_certificate_accepted]"},
		texts{"warn clickhouse", "[certificate_expires]"}, stream)
	cert, key := ours.Pair("client", -time.Hour)
	authority.Replace(t, files.Cert, cert)
	authority.Replace(t, files.Key, key)
	f("a certificate that has ended", secured("ca: "+files.CA+", "), texts{"FAIL clickhouse " + files.Cert + ": the certificate has expired at ", "Replace the file [certificate_expires]"},
		texts{"FAIL clickhouse ClickHouse: a certificate that is accepted"}, texts{"FAIL clickhouse ClickHouse: a certificate that is accepted"}, stream)
	// Linux takes 0.0.0.0 for this machine, and it is no loopback address.
	f("a password in clear", texts{s.address, strings.Replace(s.address, "127.0.0.1", "0.0.0.0", 1)},
		texts{"warn clickhouse the secret, and the data it protects, travel without encryption. Set clickhouse.tls [password_in_clear]"}, stream)

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
	code := worker.Command.Run(t.Context(), []string{"--config", s.file(append(topics("loose"), "production: false", "production: true")...)}, nil, io.Discard, &stderr)
	if code != cli.Failed || !strings.Contains(stderr.String(), "production is true, and min.insync.replicas of topic loose is 1") || !strings.Contains(stderr.String(), "DISCLOSURE is kept once") {
		t.Errorf("a worker: exit code %d: %s", code, &stderr)
	}
}

// TestClocks: a server whose clock is off is reported. The test shifts this
// machine's clock, the only one that it can shift.
func TestClocks(t *testing.T) {
	s := newSite(t)
	c, err := config.Read(s.file(), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := nats.Open(t.Context(), c.NATS.Publisher())
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
		for _, found := range preflight.Hazards(t.Context(), &c, stream, clock) {
			if found.Code == "clock_skew" && strings.Contains(found.Remedy, "NTP") {
				got = append(got, found.Part+" "+regexp.MustCompile(` \S+ (ahead of|behind|in the future)`).FindStringSubmatch(found.Message)[1])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s off: %q, want %q", off, got, want)
		}
	}
	f(0)
	f(-time.Hour, "kafka in the future", "clickhouse ahead of", "nats ahead of")
	f(time.Hour, "clickhouse behind", "nats behind") // no request shows a broker's clock that is behind
}

// TestDiskNearlyFull: merges need room, so a disk is reported before it is full.
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
