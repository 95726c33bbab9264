package endtoend

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/twmb/franz-go/pkg/kgo"
)

// permission is leave to publish or to subscribe that a user of NATS has, and
// the name of another user that has all but that.
type permission struct{ user, subject, without string }

// withoutEach adds to a server's users, for each permission, one that lacks it.
func withoutEach(opts *server.Options) (all []permission) {
	for _, u := range slices.Clone(opts.Users) {
		add := func(list []string, into func(*server.Permissions) *server.SubjectPermission) {
			for i, subject := range list {
				other, p := *u, *u.Permissions
				publish, subscribe := *p.Publish, *p.Subscribe
				p.Publish, p.Subscribe = &publish, &subscribe
				into(&p).Allow = slices.Delete(slices.Clone(list), i, i+1)
				if len(list) == 1 {
					into(&p).Deny = []string{">"} // none allowed is all allowed
				}
				other.Permissions, other.Username = &p, fmt.Sprint("without-", len(all))
				opts.Users = append(opts.Users, &other)
				all = append(all, permission{u.Username, subject, other.Username})
			}
		}
		add(u.Permissions.Publish.Allow, func(p *server.Permissions) *server.SubjectPermission { return p.Publish })
		add(u.Permissions.Subscribe.Allow, func(p *server.Permissions) *server.SubjectPermission { return p.Subscribe })
	}
	return all
}

// as is the configuration of another role.
func (g *guarded) as(clickhouseUser, natsUser, kafkaUser string) string {
	g.t.Helper()
	return configured(g.t, g.config, "user: tocsin_worker", "user: "+clickhouseUser, "], user: tocsin, password", "], user: "+natsUser+", password",
		"mechanism: PLAIN, user: tocsin,", "mechanism: PLAIN, user: "+kafkaUser+",")
}

var readmeQuery = regexp.MustCompile("(?s)\n### ([^\n]+)\n[^#]*?```sql\n(.*?)```")

// ask queries ClickHouse as one of its users.
func (g *guarded) ask(user, sql string) error {
	g.t.Helper()
	address := url.URL{Scheme: "http", Host: g.http, RawQuery: url.Values{"database": {"tocsin"}}.Encode()}
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, address.String(), strings.NewReader(sql))
	if err != nil {
		g.t.Fatal(err)
	}
	req.SetBasicAuth(user, secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return err
}

// trial is a command of a role, run by a user that lacks a right.
type trial struct {
	config  string
	command []string
	lacks   string // as the command must name it
}

// TestRoles: with what deploy/grants gives to a role, its commands work, and
// with any of it taken away they say which. Not tried are the rights on system,
// which the embedded server gives to everybody, and clickhouse.sql itself,
// because that server keeps no users but those of files: that both files say the
// same is a test in deploy.
func TestRoles(t *testing.T) {
	t.Parallel()
	g := guard(t)
	bad := func(key string) *kgo.Record {
		return &kgo.Record{Topic: loadTopic, Key: []byte(key), Value: []byte(`{"CANARY": `)}
	}
	if err := g.client.ProduceSync(t.Context(), contract(0), bad("a"), bad("b"), bad("c")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	works := func(config string, command ...string) {
		t.Helper()
		if out, err := g.run(append(command, "--config", config)...); err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(command, " "), err, out)
		}
	}
	letters := func(config, action string, more ...string) {
		t.Helper()
		if out, err := g.run(append([]string{"deadletters", action, "--config", config}, more...)...); err != nil {
			t.Errorf("%s: %v\n%s", action, err, out)
		}
	}
	works(g.config, "run", "--drain")
	var places []string
	if err := g.db.QueryRow(t.Context(), "SELECT arraySort(groupArray(concat(topic, '/', toString(partition), '/', toString(offset)))) FROM tocsin.dead_letters").Scan(&places); err != nil || len(places) != 3 {
		t.Fatalf("%q, %v", places, err)
	}
	auditor := func(user string) string { return g.as(user, "tocsin-auditor", "tocsin-auditor") }
	operator := func(user string) string { return g.as(user, "tocsin", "tocsin-operator") }
	works(auditor("tocsin_auditor"), "audit", "--rejudge")
	unread := g.as("tocsin_auditor", "tocsin-auditor", "tocsin-operator") // who may not read the group
	if out, err := g.run("audit", "--config", unread); err == nil || !strings.Contains(out, "Grant DESCRIBE on the group and its topics, or give --unanchored") {
		t.Errorf("an auditor who may not read the group: %v\n%s", err, out)
	}
	works(unread, "audit", "--unanchored")
	works(g.as("tocsin_auditor", "tocsin", "tocsin"), "reconcile") // which publishes, as a worker does
	letters(operator("tocsin_operator"), "list")
	letters(operator("tocsin_operator"), "show", places[0])
	letters(operator("tocsin_operator"), "replay", "--yes", places[0])
	letters(operator("tocsin_operator"), "discard", "--yes", "--reason", "a test", places[1])
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "sinks", "clickhouse", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	queries := readmeQuery.FindAllStringSubmatch(string(readme), -1)
	for _, q := range queries {
		if err := g.ask("tocsin_analyst", q[2]); err != nil {
			t.Errorf("%s: %v", q[1], err)
		}
	}
	if len(queries) != 21 {
		t.Errorf("%d queries for analysts", len(queries))
	}
	for _, user := range []string{"tocsin_auditor", "tocsin_operator", "tocsin_analyst", "tocsin_observer"} {
		for _, sql := range []string{"INSERT INTO events (offset) VALUES (1)", "ALTER TABLE events DELETE WHERE 1", "DROP TABLE events", "SELECT * FROM file('/etc/passwd')"} {
			if err := g.ask(user, sql); err == nil {
				t.Errorf("%s may: %s", user, sql)
			}
		}
	}
	if err := g.ask("tocsin_migrator", "ALTER TABLE events COMMENT COLUMN key 'Key.', MODIFY SETTING non_replicated_deduplication_window = 100000"); err != nil {
		t.Error(err)
	}
	for _, sql := range []string{"ALTER TABLE events DELETE WHERE 1", "ALTER TABLE events UPDATE raw = '' WHERE 1", "DROP DATABASE tocsin"} {
		if err := g.ask("tocsin_migrator", sql); err == nil {
			t.Errorf("a migrator may: %s", sql)
		}
	}

	var trials []trial
	for i, r := range g.rights {
		user := fmt.Sprintf("lacking_%d", i)
		database, _, _ := strings.Cut(r.on, ".")
		switch r.role {
		case "tocsin_auditor":
			if database == "tocsin" {
				trials = append(trials, trial{auditor(user), []string{"audit"}, "GRANT SELECT ON `tocsin`.schema_migrations"})
			}
		case "tocsin_operator":
			if r.verb == "INSERT" {
				trials = append(trials, trial{operator(user), []string{"deadletters", "discard", "--yes", "--reason", "x", places[2]}, "GRANT INSERT ON tocsin.dispositions"},
					trial{operator(user), []string{"deadletters", "replay", "--yes", places[2]}, "GRANT INSERT ON tocsin.dispositions"})
			} else if database == "tocsin" {
				trials = append(trials, trial{operator(user), []string{"deadletters", "list"}, "GRANT SELECT ON `tocsin`.schema_migrations"})
			}
		case "tocsin_analyst":
			if err := g.ask(user, queries[0][2]); err == nil || !strings.Contains(err.Error(), "the grant SELECT ON tocsin.") {
				t.Errorf("an analyst without %s: %v", r, err)
			}
		case "tocsin_observer":
			if err := g.ask(user, "SELECT * FROM candidate_calendar"); err == nil || !strings.Contains(err.Error(), "the grant SELECT ON tocsin.candidate_calendar") {
				t.Errorf("an observer without %s: %v", r, err)
			}
		}
	}
	for _, p := range g.permissions {
		lacks := strings.TrimSuffix(p.subject, ">")
		switch p.user {
		case "tocsin":
			trials = append(trials, trial{g.as("tocsin_worker", p.without, "tocsin"), []string{"check"}, lacks})
		case "tocsin-auditor":
			trials = append(trials, trial{g.as("tocsin_auditor", p.without, "tocsin"), []string{"audit"}, lacks})
		}
	}
	var running sync.WaitGroup // NATS answers with silence, so each takes seconds
	for _, trial := range trials {
		running.Go(func() {
			args := slices.Concat(trial.command[:1], []string{"--config", trial.config}, trial.command[1:])
			if args[0] == "deadletters" {
				args = slices.Concat(trial.command[:2], []string{"--config", trial.config}, trial.command[2:])
			}
			if out, err := g.run(args...); err == nil || !strings.Contains(out, trial.lacks) || !strings.Contains(out, "deploy/grants") {
				t.Errorf("%s, without %q: %v\n%s", strings.Join(trial.command, " "), trial.lacks, err, out)
			}
		})
	}
	running.Wait()
	if len(trials) != 12 {
		t.Errorf("%d trials", len(trials))
	}
}

// TestMigratorsRights: each right that tocsin migrate needs to begin is named
// when it is missing.
func TestMigratorsRights(t *testing.T) {
	t.Parallel()
	g := guard(t)
	tried := 0
	for i, r := range g.rights {
		database, _, _ := strings.Cut(r.on, ".")
		if r.role != "tocsin_migrator" || database == "system" || strings.HasPrefix(r.verb, "ALTER") { // which later migrations need
			continue
		}
		tried++
		g.sql("DROP DATABASE IF EXISTS tocsin SYNC")
		out, err := g.run("migrate", "--config", g.as(fmt.Sprintf("lacking_%d", i), "tocsin-migrator", "tocsin"))
		// What goes first of a table that is replaced is the right to the view.
		verb := strings.Replace(r.verb, "DROP TABLE", "CREATE VIEW, DROP VIEW", 1)
		if named := regexp.MustCompile("GRANT " + verb + " ON (`?tocsin`?\\.|MergeTree)"); err == nil || !named.MatchString(out) {
			t.Errorf("without %s: %v\n%s", r, err, out)
		}
	}
	if tried != 6 {
		t.Errorf("%d rights of a migrator", tried)
	}
	if out, err := g.run("migrate", "--config", g.as("tocsin_migrator", "tocsin-migrator", "tocsin")); err != nil {
		t.Errorf("with all of them: %v\n%s", err, out)
	}
	if err := g.streams.DeleteStream(t.Context(), "DISCLOSURE"); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for _, p := range g.permissions {
		if p.user != "tocsin-migrator" {
			continue
		}
		config := g.as("tocsin_migrator", p.without, "tocsin")
		running.Go(func() {
			out, err := g.run("migrate", "--config", config)
			if err == nil || !strings.Contains(out, strings.TrimSuffix(p.subject, ">")) || !strings.Contains(out, "deploy/grants") {
				t.Errorf("without %s: %v\n%s", p.subject, err, out)
			}
		})
	}
	running.Wait()
}
