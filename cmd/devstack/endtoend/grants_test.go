package endtoend

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	chserver "tocsin/cmd/devstack/clickhouse"
	"tocsin/cmd/devstack/stack"
)

// grantsDir holds what deploy grants to each role.
var grantsDir = filepath.Join("..", "..", "..", "deploy", "grants")

// guarded is a set of servers that let a worker do what deploy/grants lets it.
type guarded struct {
	t      *testing.T
	client *kgo.Client // of an administrator
	admin  *kadm.Client
	db     driver.Conn
	config string

	address string // of ClickHouse
	// rights are a worker's in ClickHouse: all of it, verb, database, table. The
	// user lacking_N has all but the one of that number.
	rights [][]string
}

const secret = "CANARY-SECRET-77120"

func guard(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{t: t}
	brokers := g.kafka()
	g.address = g.clickhouse()
	nats := g.nats()
	write := func(user, natsUser string) string {
		path := filepath.Join(t.TempDir(), "tocsin.yaml")
		text := fmt.Sprintf(`kafka: { brokers: ["%s"], cluster: main, group: tocsin, topics: [ledger.events, system.events], first_start: earliest, sasl: { mechanism: PLAIN, user: tocsin, password: %s } }
clickhouse: { addresses: ["%s"], user: %s, password: %s }
nats: { servers: ["%s"], user: %s, password: %s }
rules: { pack: sox409 }
http: { listen: "127.0.0.1:0" }
log: { level: debug }
`, brokers, secret, g.address, user, secret, nats, natsUser, secret)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	g.config = write("tocsin_worker", "tocsin")
	if out, err := g.run("migrate", "--config", write("tocsin_migrator", "tocsin-migrator")); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(grantsDir, "clickhouse.sql"))
	if err != nil {
		t.Fatal(err)
	}
	view := string(text)[strings.Index(string(text), "CREATE OR REPLACE VIEW"):]
	g.sql(view[:strings.Index(view, ";")])
	return g
}

func (g *guarded) run(args ...string) (string, error) {
	out, err := exec.CommandContext(g.t.Context(), program, args...).CombinedOutput()
	return string(out), err
}

func (g *guarded) sql(statements ...string) {
	g.t.Helper()
	for _, s := range statements {
		if strings.TrimSpace(s) == "" {
			continue
		}
		if err := g.db.Exec(g.t.Context(), s); err != nil {
			g.t.Fatalf("%s: %v", s, err)
		}
	}
}

var (
	aclLine   = regexp.MustCompile(`(?m)^\$acls --allow-principal User:tocsin (.*)$`)
	operation = regexp.MustCompile(`--operation ([A-Z_]+)`)
	resource  = regexp.MustCompile(`--(topic|group|cluster) ?(\S*)`)
)

// acls are a worker's, as kafka-acls.sh has them.
func acls(t *testing.T) (all []kfake.ACL) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(grantsDir, "kafka-acls.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range aclLine.FindAllStringSubmatch(string(text), -1) {
		r := resource.FindStringSubmatch(line[1])
		kind, name := map[string]kmsg.ACLResourceType{"topic": kmsg.ACLResourceTypeTopic, "group": kmsg.ACLResourceTypeGroup, "cluster": kmsg.ACLResourceTypeCluster}[r[1]], r[2]
		if name == "" {
			name = "kafka-cluster"
		}
		for _, o := range operation.FindAllStringSubmatch(line[1], -1) {
			op, err := kmsg.ParseACLOperation(o[1])
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, kfake.ACL{Resource: kind, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true})
		}
	}
	return all
}

// granting is an ACL as an administrator grants and takes it, and what tocsin
// check says of where it is missing.
func granting(a kfake.ACL) (b *kadm.ACLBuilder, named string) {
	b = kadm.NewACLs().Allow("User:tocsin").AllowHosts("*").Operations(a.Operation).ResourcePatternType(a.Pattern)
	switch a.Resource {
	case kmsg.ACLResourceTypeTopic:
		return b.Topics(a.Name), a.Name
	case kmsg.ACLResourceTypeGroup:
		return b.Groups(a.Name), a.Name
	}
	return b.Clusters(), "on the cluster"
}

func (g *guarded) kafka() string {
	g.t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, stack.LedgerTopic, stack.SystemTopic), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.BrokerConfigs(map[string]string{"offsets.retention.minutes": "20000"}),
		kfake.Superuser("PLAIN", "admin", secret), kfake.User("PLAIN", "tocsin", secret, acls(g.t)...))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(cluster.Close)
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.SASL(plain.Auth{User: "admin", Pass: secret}.AsMechanism()))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(client.Close)
	g.client, g.admin = client, kadm.NewClient(client)
	return brokers
}

func (g *guarded) clickhouse() string {
	g.t.Helper()
	dir := g.t.TempDir()
	users := filepath.Join(dir, "conf", "users.d")
	root := `<clickhouse><users><root><password>` + secret + `</password><networks><ip>127.0.0.1</ip></networks><access_management>1</access_management></root></users></clickhouse>`
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(secret)))
	for _, role := range []string{"WORKER", "MIGRATOR", "AUDITOR", "OPERATOR", "ANALYST", "OBSERVER"} {
		g.t.Setenv("TOCSIN_"+role+"_SHA256", sum)
	}
	granted, err := os.ReadFile(filepath.Join(grantsDir, "clickhouse-users.xml"))
	if err != nil {
		g.t.Fatal(err)
	}
	worker := regexp.MustCompile(`(?s)<tocsin_worker>.*</tocsin_worker>`).FindString(string(granted))
	g.rights = regexp.MustCompile(`<query>GRANT (\w+) ON (\w+)\.(\w+)</query>`).FindAllStringSubmatch(worker, -1)
	all := worker
	for i, r := range g.rights {
		all += strings.ReplaceAll(strings.Replace(worker, r[0], "", 1), "tocsin_worker>", fmt.Sprintf("lacking_%d>", i))
	}
	granted = []byte(strings.Replace(string(granted), worker, all, 1))
	if err := errors.Join(os.MkdirAll(users, 0o700), os.WriteFile(filepath.Join(users, "tocsin.xml"), granted, 0o600), os.WriteFile(filepath.Join(users, "root.xml"), []byte(root), 0o600)); err != nil {
		g.t.Fatal(err)
	}
	s, err := chserver.Start(g.t.Context(), chserver.Options{Dir: dir, Progress: os.Stderr})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(s.Kill)
	g.db, err = clickhouse.Open(&clickhouse.Options{Addr: []string{s.TCPAddr}, Auth: clickhouse.Auth{Username: "root", Password: secret}})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = g.db.Close() })
	return s.TCPAddr
}

func (g *guarded) nats() string {
	g.t.Helper()
	g.t.Setenv("TOCSIN_NATS_PASSWORD", secret)
	g.t.Setenv("TOCSIN_NATS_MIGRATOR_PASSWORD", secret)
	opts, err := server.ProcessConfigFile(filepath.Join(grantsDir, "nats.conf"))
	if err != nil {
		g.t.Fatal(err)
	}
	opts.Host, opts.Port, opts.StoreDir, opts.NoLog, opts.NoSigs = "127.0.0.1", server.RANDOM_PORT, g.t.TempDir(), true, true
	s, err := server.NewServer(opts)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	go s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		g.t.Fatal("the NATS server did not start")
	}
	return s.Addr().(*net.TCPAddr).String()
}

// check runs tocsin check, whose output never shows a secret.
func (g *guarded) check() (string, error) {
	g.t.Helper()
	out, err := g.run("check", "--config", g.config)
	if strings.Contains(out, "CANARY") {
		g.t.Errorf("a secret is shown:\n%s", out)
	}
	return out, err
}

// TestGrants: what deploy/grants grants is enough for a worker, and tocsin check
// names each right of ClickHouse that is taken away.
func TestGrants(t *testing.T) {
	g := guard(t)
	if out, err := g.check(); err != nil {
		t.Fatalf("with all that is granted: %v\n%s", err, out)
	}
	// A record that is an event, and one that is none, with values that nothing
	// may show.
	sound := contract(0)
	sound.Value = []byte(strings.ReplaceAll(string(sound.Value), "K-0", "CANARY-VALUE"))
	if err := g.client.ProduceSync(t.Context(), sound, &kgo.Record{Topic: loadTopic, Key: []byte("CANARY-KEY"), Value: []byte(`{"CANARY": `)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	out, err := g.run("run", "--drain", "--config", g.config)
	if err != nil || strings.Contains(out, "CANARY") {
		t.Fatalf("a worker: %v\n%s", err, out)
	}
	var rows, letters uint64
	if err := g.db.QueryRow(t.Context(), "SELECT count(), countIf(event_type = '') FROM tocsin.events").Scan(&rows, &letters); err != nil || rows != 2 || letters != 1 {
		t.Errorf("%d rows, %d dead letters, %v", rows, letters, err)
	}
	observer, err := clickhouse.Open(&clickhouse.Options{Addr: []string{g.address}, Auth: clickhouse.Auth{Username: "tocsin_observer", Password: secret}})
	if err != nil {
		t.Fatal(err)
	}
	defer observer.Close()
	var seen uint64
	if err := observer.QueryRow(t.Context(), "SELECT count() FROM tocsin.candidate_calendar").Scan(&seen); err != nil || seen != 1 {
		t.Errorf("an observer sees %d candidates, %v", seen, err)
	}
	for _, table := range []string{"events", "candidates", "verdicts"} {
		if err := observer.QueryRow(t.Context(), "SELECT count() FROM tocsin."+table).Scan(&seen); err == nil {
			t.Errorf("an observer reads %s", table)
		}
	}
	for i, r := range g.rights {
		config := configured(t, g.config, "user: tocsin_worker", fmt.Sprintf("user: lacking_%d", i))
		// The server lets everybody read those of system, unless it is told to ask.
		if out, err := g.run("check", "--config", config); r[2] != "system" && (err == nil || !strings.Contains(out, "lacks the right "+r[1]+" ON `"+r[2]+"`."+r[3])) {
			t.Errorf("without %s: %v\n%s", r[0], err, out)
		}
	}
	if len(g.rights) != 8 {
		t.Errorf("%d rights are granted to a worker", len(g.rights))
	}
	for _, a := range acls(t) {
		b, want := granting(a)
		deleted, err := g.admin.DeleteACLs(t.Context(), b)
		if err != nil || len(deleted) == 0 || len(deleted[0].Deleted) == 0 {
			t.Fatalf("%+v: %v, %+v", a, err, deleted)
		}
		out, err := g.check()
		if err == nil || !strings.Contains(out, "FAIL kafka") || !strings.Contains(out, "Grant ") || !strings.Contains(out, want) {
			t.Errorf("without %s on %s: %v\n%s", a.Operation, a.Name, err, out)
		}
		if _, err := g.admin.CreateACLs(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := g.check(); err != nil {
		t.Errorf("with everything granted again: %v\n%s", err, out)
	}
	// Production is promised more than one copy.
	config := configured(t, g.config, "rules: {", "production: true\nrules: {")
	for _, command := range []string{"check", "run"} {
		if out, err := g.run(command, "--config", config); err == nil || !strings.Contains(out, "has one replica") || !strings.Contains(out, "is kept once") {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}
