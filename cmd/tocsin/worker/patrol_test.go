package worker

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
	"tocsin/cmd/tocsin/config"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

func TestMain(m *testing.M) { chtest.Main(m) }

// alertServer runs a NATS server until the test ends.
func alertServer(t *testing.T, port int, dir string) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	go s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server did not start")
	}
	return s
}

// TestPatrolWaitsAndLogsOnce: a server that is away is logged once, over any number
// of looks. So is a candidate that cannot be published as before.
func TestPatrolWaitsAndLogsOnce(t *testing.T) {
	ch := chtest.Server(t)
	db := clickhouse.Config{Addrs: []string{ch.TCPAddr}, Database: chtest.Database(t), User: chserver.User, Password: ch.Password}
	if err := clickhouse.Migrate(t.Context(), db, func(string) {}); err != nil {
		t.Fatal(err)
	}
	store, err := clickhouse.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	conn, err := driver.Open(&driver.Options{Addr: db.Addrs, Auth: driver.Auth{Database: db.Database, Username: db.User, Password: db.Password}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	err = conn.Exec(t.Context(), `INSERT INTO events (cluster, topic, partition, offset, stored_at, rules_digest, raw_sha256, findings.rule, findings.candidate_id) VALUES
		('main', 't', 0, 1, '2026-01-31 11:00:00', 'gone', SHA256(''), ['R-1'], ['lost'])`)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	alerts := alertServer(t, server.RANDOM_PORT, dir)
	stream, err := nats.Open(t.Context(), nats.Config{Servers: []string{alerts.ClientURL()}, CreateStream: true, PublishTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()

	c := config.Defaults()
	c.Kafka.Cluster = "main"
	var log bytes.Buffer
	p := newPatrol(&c, store, stream, prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	const putOff, fails = "reconciliation put off", "cannot be published"
	look := func(name string, at time.Time, wantPutOff, wantFails int) {
		t.Helper()
		p.once(t.Context(), at)
		if n, m := strings.Count(log.String(), putOff), strings.Count(log.String(), fails); n != wantPutOff || m != wantFails {
			t.Errorf("%s: put off %d times, failed %d times, want %d and %d\n%s", name, n, m, wantPutOff, wantFails, log.String())
		}
	}
	port := alerts.Addr().(*net.TCPAddr).Port
	alerts.Shutdown()
	alerts.WaitForShutdown()
	look("away", at, 1, 0)
	look("still away", at, 1, 0)
	back := alertServer(t, port, dir)
	for deadline := time.Now().Add(30 * time.Second); back.NumClients() == 0 && time.Now().Before(deadline); {
		<-time.After(10 * time.Millisecond)
	}
	look("the row is the loop's own", at.Add(-59*time.Minute), 1, 0)
	look("back, and its rules are gone", at, 1, 1)
	look("again", at, 1, 1)
	look("beyond the window", at.Add(48*time.Hour), 1, 1)
}
