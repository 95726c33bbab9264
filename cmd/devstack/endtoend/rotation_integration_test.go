//go:build integration

package endtoend

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/twmb/franz-go/pkg/kadm"

	"tocsin/cmd/devstack/apachekafka"
	"tocsin/cmd/devstack/apachekafka/kafkatest"
	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/loopback"
	"tocsin/cmd/devstack/netfault"
	"tocsin/cmd/devstack/stack"
)

const (
	// tokenLife is how long a token is valid, and tokenEvery how often its file is
	// replaced. The broker demands a new login every reauth.
	tokenLife  = 10 * time.Second
	tokenEvery = time.Second
	reauth     = 4 * time.Second
	// patience is how long a step of a rotation may take on a busy machine.
	patience = time.Minute
)

// rotated is a set of servers that demand proofs, which a test replaces on
// them and on the workers' disk.
type rotated struct {
	*harness
	*proofs
	chPassword string // a file
	listeners  []*apachekafka.Listener
	brokers    *netfault.Proxy // before the listener of certificates and passwords
	tokens     *netfault.Proxy // before that of tokens
	jet        *netfault.Proxy // before NATS
	storing    chserver.Options
	ch         *chserver.Server
	front      *authority.Front // before it
	nats       *server.Server
	alerting   *server.Options
	generation int
}

func rotation(t *testing.T) *rotated {
	t.Helper()
	r := &rotated{proofs: newProofs(t), chPassword: filepath.Join(t.TempDir(), "password")}
	proxy := func() *netfault.Proxy {
		p, err := netfault.Listen("")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		return p
	}
	r.brokers, r.tokens, r.jet = proxy(), proxy(), proxy()
	r.listeners = []*apachekafka.Listener{
		{Name: "SCRAM", Store: r.store, Trust: r.trust, Mechanisms: []string{"SCRAM-SHA-512"}, Advertised: []string{r.brokers.Addr()}},
		{Name: "TOKEN", Store: r.store, Mechanisms: []string{"OAUTHBEARER"}, Keys: r.keys, Advertised: []string{r.tokens.Addr()},
			Properties: map[string]string{"oauthbearer.connections.max.reauth.ms": fmt.Sprint(reauth.Milliseconds())}},
	}
	cluster := kafkatest.Of(t, apachekafka.Options{Listeners: []apachekafka.Listener{*r.listeners[0], *r.listeners[1]}})
	r.brokers.SetTarget(cluster.Behind("SCRAM"))
	r.tokens.SetTarget(cluster.Behind("TOKEN"))

	ports, err := loopback.Ports(3)
	if err != nil {
		t.Fatal(err)
	}
	r.storing = chserver.Options{Dir: t.TempDir(), TCPPort: ports[0], HTTPPort: ports[1], Progress: os.Stderr}
	r.know(t, secret)
	t.Cleanup(func() { r.ch.Kill() })
	authority.Replace(t, r.chPassword, []byte(secret))
	r.front = authority.NewFront(t, r.ch.TCPAddr, r.authority.Server(r.authority.Pool()))

	// The harness looks at the alerts without TLS, past the proxy.
	r.alerting = &server.Options{Host: loopback.Host, Port: ports[2], JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
		TLS: true, TLSVerify: true, AllowNonTLS: true, TLSTimeout: 10, TLSConfig: r.authority.Server(r.authority.Pool())}
	if r.nats, err = server.NewServer(r.alerting.Clone()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.nats.Shutdown(); r.nats.WaitForShutdown() })
	go r.nats.Start()
	if !r.nats.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server did not start")
	}
	addr := loopback.Addr(ports[2])
	r.jet.SetTarget(addr)

	r.harness = start(t, stack.Addresses{Kafka: cluster.Bootstrap(), ClickHouse: r.ch.TCPAddr, ClickHouseHTTP: "http://" + r.ch.HTTPAddr,
		ClickHouseUser: "root", ClickHousePassword: secret, NATS: "nats://" + addr})
	r.admit(secret)
	shown := strings.TrimSpace(showing(r.own.CA, r.own)) + "\n"
	r.config = configured(t, r.config, `["${TOCSIN_CLICKHOUSE}"]`, fmt.Sprintf("[%q]", r.front.Addr),
		`"${TOCSIN_CLICKHOUSE_USER:-tocsin}"`, "rotated", `"${TOCSIN_CLICKHOUSE_PASSWORD}"`, fmt.Sprintf("\"file:%s\"\n  %s", r.chPassword, shown),
		`["${TOCSIN_NATS}"]`, fmt.Sprintf("[%q]\n  %s", r.jet.Addr(), shown), "# backoff_max: 15s", "backoff_max: 1s")
	return r
}

// know starts ClickHouse anew, which knows the workers by a password.
func (r *rotated) know(t *testing.T, password string) {
	t.Helper()
	users := filepath.Join(r.storing.Dir, "conf", "users.d")
	text := "<clickhouse><users>"
	for name, password := range map[string]string{"root": secret, "rotated": password} {
		text += fmt.Sprintf("<%[1]s><password>%[2]s</password><networks><ip>127.0.0.1</ip></networks><access_management>1</access_management></%[1]s>", name, password)
	}
	if err := errors.Join(os.MkdirAll(users, 0o700), os.WriteFile(filepath.Join(users, "rotated.xml"), []byte(text+"</users></clickhouse>"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.ch != nil {
		err = r.ch.Stop(t.Context())
	}
	if err == nil {
		r.ch, err = chserver.Start(t.Context(), r.storing)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// renew has every server take another authority's certificates alone, and cuts
// the connections that were made with the old.
func (r *rotated) renew(next *authority.Authority) {
	r.t.Helper()
	files := authority.In(r.t.TempDir())
	next.Write(files, worker)
	ca, err := os.ReadFile(files.CA)
	if err != nil {
		r.t.Fatal(err)
	}
	r.generation++
	suffix := fmt.Sprintf(".%d", r.generation)
	authority.Replace(r.t, r.store+suffix, next.Store("broker"))
	authority.Replace(r.t, r.trust+suffix, ca)
	var altered []kadm.AlterConfig
	for _, l := range r.listeners {
		store := r.store + suffix
		altered = append(altered, kadm.AlterConfig{Op: kadm.SetConfig, Name: l.Setting("ssl.keystore.location"), Value: &store})
		if l.Trust != "" {
			trust := r.trust + suffix
			altered = append(altered, kadm.AlterConfig{Op: kadm.SetConfig, Name: l.Setting("ssl.truststore.location"), Value: &trust})
		}
	}
	responses, err := kadm.NewClient(r.kafka).AlterBrokerConfigs(r.t.Context(), altered, 1)
	if err != nil || len(responses) != 1 || responses[0].Err != nil {
		r.t.Fatalf("%v, %+v", err, responses)
	}
	r.front.Demand(next.Server(next.Pool()))
	demanding := r.alerting.Clone()
	demanding.TLSConfig = next.Server(next.Pool())
	if err := r.nats.ReloadOptions(demanding); err != nil {
		r.t.Fatal(err)
	}
	r.cut()
}

func (r *rotated) cut() {
	for _, p := range []*netfault.Proxy{r.brokers, r.tokens, r.jet} {
		p.Cut()
	}
	r.front.Cut()
}

// waits is what a worker waits for, and why, by its status page.
func (r *rotated) waits(w *stack.Worker) string {
	r.t.Helper()
	var page struct {
		Waiting []struct{ For, Error string }
	}
	if err := json.Unmarshal([]byte(r.page(w, "/status?format=json")), &page); err != nil {
		r.t.Fatal(err)
	}
	var all []string
	for _, w := range page.Waiting {
		all = append(all, w.For+": "+w.Error)
	}
	return strings.Join(all, "\n")
}

// stuck waits until a worker reports that it waits for one of the places.
func (r *rotated) stuck(w *stack.Worker, places ...string) {
	r.t.Helper()
	said := ""
	r.eventually(patience, "a worker waits for "+strings.Join(places, " or "), func() bool {
		if now := r.waits(w); now != "" && now != said {
			said = now
			r.t.Logf("waits: %s", said)
		}
		for _, p := range places {
			if strings.Contains(said, p) {
				return true
			}
		}
		return false
	})
}

// fresh keeps the file of tokens fresh until stop.
func (r *rotated) fresh() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(tokenEvery)
		defer tick.Stop()
		for {
			authority.Replace(r.t, r.token, []byte(r.issuer.Token(worker, apachekafka.Audience, tokenLife)))
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	}()
	stop = sync.OnceFunc(func() { close(quit); <-done })
	r.t.Cleanup(stop)
	return stop
}

// connections is how many a worker has made to Kafka.
func (r *rotated) connections(w *stack.Worker) (n int) {
	r.t.Helper()
	for line := range strings.Lines(r.page(w, "/metrics")) {
		if series, count, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(series, "tocsin_kafka_connects_total{") {
			made, err := strconv.Atoi(count)
			if err != nil {
				r.t.Fatalf("%s: %v", line, err)
			}
			n += made
		}
	}
	return n
}

// page is what a worker serves at a path.
func (r *rotated) page(w *stack.Worker, path string) string {
	r.t.Helper()
	resp, err := http.Get("http://" + w.Metrics() + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if strings.Contains(string(text), "CANARY") {
		r.t.Errorf("a secret is shown: %s", text)
	}
	return string(text)
}

// TestIntegrationWhatProvesAWorkerIsReplacedUnderLoad: certificates with their
// authority, passwords, and tokens are replaced, each first on the servers and then
// on the disk. In between the servers refuse the workers, which report it and
// wait. No process restarts, and no record is lost or stored twice.
func TestIntegrationWhatProvesAWorkerIsReplacedUnderLoad(t *testing.T) {
	r := rotation(t)
	stopTokens := r.fresh()
	byPassword := r.workerOf(program, r.logged(r.brokers.Addr(), by(showing(r.own.CA, r.own), "SCRAM-SHA-512", password(worker, r.password))))
	byToken := r.workerOf(program, r.logged(r.tokens.Addr(), by(trusting(r.own), "OAUTHBEARER", token(r.token))))
	both := []*stack.Worker{byPassword, byToken}
	went := func(what string) {
		t.Helper()
		r.eventually(patience, what+": both workers go on", func() bool { return r.waits(byPassword) == "" && r.waits(byToken) == "" })
		t.Logf("%s: went on", what)
	}
	l := produce(t, r.Kafka, 500)
	l.wait(r.harness, 1000)

	second := authority.New(t, "second")
	r.renew(second)
	for _, w := range both {
		r.stuck(w, "kafka.tls", "certificate")
	}
	second.Write(r.own, worker)
	went("certificates")
	l.wait(r.harness, 1500)

	const another = "CANARY-SECRET-2"
	r.admit(another)
	r.know(t, another)
	r.cut()
	r.stuck(byPassword, "kafka.sasl", "password")
	r.stuck(byToken, "password")
	authority.Replace(t, r.password, []byte(another))
	authority.Replace(t, r.chPassword, []byte(another))
	went("passwords")

	before := r.connections(byToken)
	l.wait(r.harness, 4000) // twice reauth: a broker would have ended each of a handful of connections twice
	if made := r.connections(byToken) - before; before == 0 || made > 3 {
		t.Errorf("%d connections, and then %d more where a new login on the old would have done", before, made)
	}
	stopTokens()
	r.stuck(byToken, "kafka.sasl.token")
	stopTokens = r.fresh()
	went("tokens")
	l.wait(r.harness, 1000)

	r.exact(l.stop(t))
	stopTokens()
	for _, w := range both {
		if w.String() != "running" {
			t.Errorf("a worker is %s", w)
		}
	}
}
