package endtoend

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/loopback"
	"tocsin/cmd/devstack/process"
)

// amount is one that stands nowhere but in a record.
const amount = "913577531.24"

// planted are records whose values only a user of ClickHouse may see: a name, an
// amount, free text, keys, headers. One is a candidate; the others are no events,
// each for another reason.
func planted() []*kgo.Record {
	value := func(text string) *kgo.Record {
		return &kgo.Record{Topic: loadTopic, Key: []byte("CANARY-KEY"), Value: []byte(text), Headers: []kgo.RecordHeader{{Key: "source", Value: []byte("CANARY-HEADER")}}}
	}
	sound := strings.NewReplacer("K-0", "CANARY-CONTRACT", "900000000.00", amount,
		`"group_currency"`, `"header_text":"CANARY-TEXT","lines":[{"counterparty_id":"CANARY-COUNTERPARTY","account_name":"CANARY-ACCOUNT"}],"group_currency"`).Replace(string(contract(0).Value))
	all := []*kgo.Record{value(sound)}
	for _, bad := range badRecords() {
		r := value(strings.NewReplacer(`"K"`, `"CANARY-K"`, `"L"`, `"CANARY-L"`, "endtoend", "CANARY-SOURCE", `"u"`, `"CANARY-U"`).Replace(bad.value))
		r.Headers = append(r.Headers, bad.headers...)
		all = append(all, r)
	}
	for _, data := range []string{
		`{"posting_date":"CANARY"}`, `{"contract":{"executed_at":"CANARY"}}`, `{"contract":{"ordinary_course":"CANARY"}}`, `{"fiscal_year":"CANARY"}`,
		`{"contract":{"total_value_group":"CANARY"}}`, `{"contract":{"total_value_group":"` + amount + `77777777777"}}`, `{"contract":{"contract_type":"CANARY"}}`,
		`{"contract":"CANARY"}`, `{"contract":["CANARY"]}`, `{"registrant_cik":"CANARY"}`, `{"group_currency":"CANARY"}`, `{"contract":{"contract_id":913577531.24}}`,
		`{"ledger_role":"CANARY"}`, `{"CANARY":1,"CANARY":2}`, `{"schema_version":"CANARY"}`,
	} {
		all = append(all, value(structured(data)))
	}
	return append(all, value(structured("{}", "type", "CANARY")), value(structured("{}", "specversion", "CANARY")), value("CANARY"), value(`"CANARY"`), value(`{"CANARY": `))
}

// silent runs commands and wants none of the texts in what they print.
func (g *guarded) silent(texts []string, config string, commands ...[]string) {
	g.t.Helper()
	for _, command := range commands {
		at := 1
		if command[0] == "deadletters" {
			at = 2
		}
		out, err := g.run(slices.Concat(command[:at], []string{"--config", config}, command[at:])...)
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) || out == "" {
			g.t.Errorf("%s: %v, %q", strings.Join(command, " "), err, out)
		}
		g.quiet(strings.Join(command, " "), out, texts)
	}
}

// quiet wants none of the texts in an output.
func (g *guarded) quiet(what, out string, texts []string) {
	g.t.Helper()
	for _, text := range texts {
		if i := strings.Index(out, text); i >= 0 {
			g.t.Errorf("%s shows %q: ...%s...", what, text, out[max(0, i-200):min(len(out), i+200)])
		}
	}
}

// TestNothingIsShown: no secret and no value of a record is in any output, be
// it the log at its most talkative, but in that of deadletters show, which is for
// looking at records.
func TestNothingIsShown(t *testing.T) {
	t.Parallel()
	g := guard(t)
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"CANARY", "913577531", string(seed)}
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}

	// Ways of logging in, right and wrong.
	plain, natsLogin := "password: "+secret, "user: tocsin, password: "+secret
	kafkaLogin := "mechanism: PLAIN, user: tocsin, password: " + secret
	kept := "file:" + file("secret", secret)
	var running sync.WaitGroup
	try := func(oldnew ...string) {
		t.Helper()
		config := configured(t, g.config, oldnew...)
		running.Go(func() { g.silent(texts, config, []string{"check"}, []string{"check", "--json"}) })
	}
	try()
	try(plain, "password: "+kept, plain, "password: "+kept, plain, "password: "+kept)
	try(kafkaLogin, "mechanism: OAUTHBEARER, token: CANARY-TOKEN")
	try(kafkaLogin, "mechanism: SCRAM-SHA-512, user: tocsin, password: CANARY-WRONG")
	try("user: tocsin_worker, "+plain, "user: tocsin_worker, password: CANARY-WRONG")
	try(natsLogin, "user: tocsin, password: CANARY-WRONG")
	try(`nats: { servers: ["`, `nats: { servers: ["nats://tocsin:`+secret+"@", ", "+natsLogin, "")
	try(natsLogin, "nkey: "+file("seed", string(seed)))
	try(natsLogin, "nkey: "+string(seed))
	try(natsLogin, "nkey: \" "+string(seed)+"\"")
	try(natsLogin, "creds: "+file("creds", "CANARY-CREDS"))
	try(natsLogin, "creds: CANARY-CREDS")
	try(`listen: "127.0.0.1:0" }`, `listen: "127.0.0.1:0" }`+"\ntraces: { endpoint: \"http://127.0.0.1:9?key=CANARY-QUERY\" }")
	try(natsLogin, natsLogin+", tokn: CANARY-TOKEN")
	running.Wait()
	g.silent(texts, configured(t, g.config, natsLogin, natsLogin+", tokn: CANARY-TOKEN"), []string{"run"}, []string{"audit"}, []string{"migrate"})

	// A worker at work.
	records := planted()
	if err := g.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	ports, err := loopback.Ports(1)
	if err != nil {
		t.Fatal(err)
	}
	address := loopback.Addr(ports[0])
	config := configured(t, g.config, `listen: "127.0.0.1:0"`, `pprof: true, listen: "`+address+`"`)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	worker, err := process.Start(exec.Command(program, "run", "--config", config), syscall.SIGTERM, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(worker.Kill)
	for deadline := time.After(2 * time.Minute); ; {
		var rows uint64
		if err := g.db.QueryRow(t.Context(), "SELECT count() FROM tocsin.events").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if rows >= uint64(len(records)) {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("%d of %d rows: %s", rows, len(records), worker.Tail())
		case <-time.After(100 * time.Millisecond):
		}
	}
	for path, want := range map[string]string{"/metrics": `tocsin_warnings{code="one_replica",part="kafka"} 1`, "/status": "tocsin ", "/status?format=json": `"partitions"`,
		"/healthz": "live", "/readyz": "ready", "/debug/pprof/cmdline": "", "/debug/pprof/goroutine?debug=2": "goroutine 1 "} {
		body := fetched(t, "http://"+address+path)
		if !strings.Contains(body, want) {
			t.Errorf("%s: no %q in %s", path, want, body)
		}
		g.quiet(path, body, texts)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := worker.Stop(ctx, func() error { return worker.Signal(syscall.SIGTERM) }); err != nil {
		t.Error(err)
	}
	said, err := os.ReadFile(log.Name())
	if err != nil || !strings.Contains(string(said), "level=DEBUG") {
		t.Errorf("%v, %s", err, said)
	}
	g.quiet("the log", string(said), texts)

	// What is run by hand.
	g.silent(texts, g.config, []string{"check"}, []string{"reconcile", "--json"}, []string{"reconcile"})
	g.silent(texts, g.as("tocsin_migrator", "tocsin-migrator", "tocsin"), []string{"migrate"}, []string{"migrate", "--plan"})
	g.silent(texts, g.as("tocsin_auditor", "tocsin-auditor", "tocsin"), []string{"audit", "--rejudge"}, []string{"audit", "--rejudge", "--json"})
	var place string
	var candidates uint64
	if err := g.db.QueryRow(t.Context(), "SELECT count() FROM tocsin.candidates WHERE value LIKE '913577531%' AND key LIKE '%CANARY%'").Scan(&candidates); err != nil || candidates == 0 {
		t.Errorf("%d candidates, %v", candidates, err)
	}
	if err := g.db.QueryRow(t.Context(), "SELECT concat(topic, '/', toString(partition), '/', toString(offset)) FROM tocsin.dead_letters WHERE raw LIKE '%CANARY%' ORDER BY ALL LIMIT 1").Scan(&place); err != nil {
		t.Fatal(err)
	}
	operator := g.as("tocsin_operator", "tocsin", "tocsin-operator")
	g.silent(texts, operator, []string{"deadletters", "list"}, []string{"deadletters", "list", "--json"}, []string{"deadletters", "replay", place},
		[]string{"deadletters", "replay", "--yes", "--json", place}, []string{"deadletters", "discard", "--reason", "a test", place})
	if out, err := g.run("deadletters", "show", "--config", operator, "--raw", place); err != nil || !strings.Contains(out, "CANARY") {
		t.Errorf("show, which is to show it: %v, %s", err, out)
	}
	// What was altered is found, and not shown.
	g.sql("ALTER TABLE tocsin.events UPDATE raw = 'CANARY-ALTERED' WHERE offset = 1 SETTINGS mutations_sync = 1")
	g.silent(texts, g.as("tocsin_auditor", "tocsin-auditor", "tocsin"), []string{"audit", "--rejudge"}, []string{"audit", "--rejudge", "--json"})
}

func fetched(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
