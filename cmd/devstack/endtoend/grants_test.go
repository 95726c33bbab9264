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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"tocsin/cmd/devstack/chserver"
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

	address, http string // of ClickHouse
	// rights are those of all roles in ClickHouse. The user lacking_N has those of
	// the role of that number's, but for that one.
	rights  []right
	streams jetstream.JetStream // of an administrator
	// permissions are those of all users of NATS, each with the user that has not.
	permissions []permission
}

// right is one right of a role.
type right struct{ role, verb, on string }

func (r right) String() string { return r.verb + " ON " + r.on }

const secret = "CANARY-SECRET-77120"

func guard(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{t: t}
	brokers := g.kafka()
	g.address = g.clickhouse()
	alerts := g.nats()
	write := func(user, natsUser string) string {
		path := filepath.Join(t.TempDir(), "tocsin.yaml")
		text := fmt.Sprintf(`kafka: { brokers: ["%s"], cluster: main, group: tocsin, topics: [ledger.events, system.events], first_start: earliest, sasl: { mechanism: PLAIN, user: tocsin, password: %s } }
clickhouse: { addresses: ["%s"], user: %s, password: %s }
nats: { servers: ["%s"], user: %s, password: %s }
rules: { pack: sox409 }
http: { listen: "127.0.0.1:0" }
log: { level: debug }
`, brokers, secret, g.address, user, secret, alerts, natsUser, secret)
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
	aclLine   = regexp.MustCompile(`(?m)^\$acls --allow-principal User:(\S+) (.*)$`)
	operation = regexp.MustCompile(`--operation ([A-Z_]+)`)
	resource  = regexp.MustCompile(`--(topic|group|cluster) ?(\S*)`)
)

// acls are a user's, as kafka-acls.sh has them.
func acls(t *testing.T, user string) (all []kfake.ACL) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(grantsDir, "kafka-acls.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range aclLine.FindAllStringSubmatch(string(text), -1) {
		if line[1] != user {
			continue
		}
		r := resource.FindStringSubmatch(line[2])
		kind, name := map[string]kmsg.ACLResourceType{"topic": kmsg.ACLResourceTypeTopic, "group": kmsg.ACLResourceTypeGroup, "cluster": kmsg.ACLResourceTypeCluster}[r[1]], r[2]
		if name == "" {
			name = "kafka-cluster"
		}
		for _, o := range operation.FindAllStringSubmatch(line[2], -1) {
			op, err := kmsg.ParseACLOperation(o[1])
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, kfake.ACL{Resource: kind, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true})
		}
	}
	return all
}

// granting is an ACL as an administrator grants and revokes it, and the name by
// which tocsin check reports it as missing.
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
		kfake.Superuser("PLAIN", "admin", secret), kfake.User("PLAIN", "tocsin", secret, acls(g.t, "tocsin")...), kfake.User("PLAIN", "tocsin-operator", secret, acls(g.t, "tocsin-operator")...),
		kfake.User("PLAIN", "tocsin-auditor", secret, acls(g.t, "tocsin-auditor")...))
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

// setPasswords sets the variables that the files of deploy/grants read passwords
// from. They are the same for every test, so that tests can run in parallel.
func setPasswords() error {
	var errs []error
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(secret)))
	for _, role := range []string{"WORKER", "MIGRATOR", "AUDITOR", "OPERATOR", "ANALYST", "OBSERVER"} {
		errs = append(errs, os.Setenv("TOCSIN_"+role+"_SHA256", sum))
	}
	for _, name := range []string{"TOCSIN_NATS_PASSWORD", "TOCSIN_NATS_MIGRATOR_PASSWORD", "TOCSIN_NATS_AUDITOR_PASSWORD"} {
		errs = append(errs, os.Setenv(name, secret))
	}
	return errors.Join(errs...)
}

func (g *guarded) clickhouse() string {
	g.t.Helper()
	dir := g.t.TempDir()
	users := filepath.Join(dir, "conf", "users.d")
	root := `<clickhouse><profiles><pinned><constraints><async_insert><const/></async_insert></constraints></pinned><reading><readonly>2</readonly></reading></profiles><users><root><password>` + secret + `</password><networks><ip>127.0.0.1</ip></networks><access_management>1</access_management></root></users></clickhouse>`
	granted, err := os.ReadFile(filepath.Join(grantsDir, "clickhouse-users.xml"))
	if err != nil {
		g.t.Fatal(err)
	}
	others := g.lacking(string(granted))
	worker := xmlRole.FindString(string(granted))
	for _, profile := range []string{"pinned", "reading"} {
		others += strings.NewReplacer("tocsin_worker>", profile+">", "<profile>default<", "<profile>"+profile+"<").Replace(worker)
	}
	granted = []byte(strings.Replace(string(granted), "</users>", others+"</users>", 1))
	if err := errors.Join(os.MkdirAll(users, 0o700), os.WriteFile(filepath.Join(users, "tocsin.xml"), granted, 0o600), os.WriteFile(filepath.Join(users, "root.xml"), []byte(root), 0o600)); err != nil {
		g.t.Fatal(err)
	}
	s, err := chserver.Start(g.t.Context(), chserver.Options{Dir: dir, Progress: os.Stderr})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(s.Kill)
	g.http = s.HTTPAddr
	g.db, err = clickhouse.Open(&clickhouse.Options{Addr: []string{s.TCPAddr}, Auth: clickhouse.Auth{Username: "root", Password: secret}})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = g.db.Close() })
	return s.TCPAddr
}

var (
	xmlRole  = regexp.MustCompile(`(?s)<(tocsin_\w+)>.*?</tocsin_\w+>`)
	xmlGrant = regexp.MustCompile(`<query>GRANT (.+) ON (\S+)</query>`)
)

// lacking makes, of the users in granted, one for each right that has all but
// that.
func (g *guarded) lacking(granted string) (users string) {
	for _, role := range xmlRole.FindAllStringSubmatch(granted, -1) {
		for _, grant := range xmlGrant.FindAllStringSubmatch(role[0], -1) {
			verbs := strings.Split(grant[1], ", ")
			for i, verb := range verbs {
				query := ""
				if rest := slices.Delete(slices.Clone(verbs), i, i+1); len(rest) > 0 {
					query = "<query>GRANT " + strings.Join(rest, ", ") + " ON " + grant[2] + "</query>"
				}
				users += strings.ReplaceAll(strings.Replace(role[0], grant[0], query, 1), role[1]+">", fmt.Sprintf("lacking_%d>", len(g.rights)))
				g.rights = append(g.rights, right{role[1], verb, grant[2]})
			}
		}
	}
	return users
}

func (g *guarded) nats() string {
	g.t.Helper()
	opts, err := server.ProcessConfigFile(filepath.Join(grantsDir, "nats.conf"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.permissions = withoutEach(opts)
	root := *opts.Users[0]
	root.Username, root.Permissions = "root", nil
	opts.Users = append(opts.Users, &root)
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
	conn, err := nats.Connect(s.ClientURL(), nats.UserInfo("root", secret))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(conn.Close)
	if g.streams, err = jetstream.New(conn); err != nil {
		g.t.Fatal(err)
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

// TestGrants: the rights of deploy/grants are enough for a worker, and tocsin
// check names each right of ClickHouse that is taken away.
func TestGrants(t *testing.T) {
	t.Parallel()
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
	rights := 0
	for i, r := range g.rights {
		if r.role != "tocsin_worker" {
			continue
		}
		rights++
		// The server lets everybody read those of system, unless it is told to ask.
		database, table, _ := strings.Cut(r.on, ".")
		config := configured(t, g.config, "user: tocsin_worker", fmt.Sprintf("user: lacking_%d", i))
		if out, err := g.run("check", "--config", config); database != "system" && (err == nil || !strings.Contains(out, "lacks the right "+r.verb+" ON `"+database+"`."+table)) {
			t.Errorf("without %s: %v\n%s", r, err, out)
		}
	}
	if rights != 11 {
		t.Errorf("%d rights are granted to a worker", rights)
	}
	for profile, fixes := range map[string]string{"pinned": "async_insert", "reading": "readonly"} {
		out, err := g.run("check", "--config", configured(t, g.config, "user: tocsin_worker", "user: "+profile))
		if err == nil || !strings.Contains(out, "FAIL clickhouse    the user's profile fixes "+fixes) || !strings.Contains(out, "Take the constraint out of the profile") {
			t.Errorf("a profile that fixes %s: %v\n%s", fixes, err, out)
		}
	}
	for _, a := range acls(t, "tocsin") {
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
