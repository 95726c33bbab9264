//go:build integration

package endtoend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"golang.org/x/sync/errgroup"

	"tocsin/cmd/devstack/apachekafka"
	"tocsin/cmd/devstack/apachekafka/kafkatest"
	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/devstack/stack"
)

// proofs are the files by which a worker and Apache Kafka know each other.
type proofs struct {
	authority          *authority.Authority
	issuer             *authority.Issuer
	own                authority.Files // the worker's
	store, trust, keys string          // the broker's
	password, token    string          // the worker's
}

// The worker's user, of every mechanism, and in its certificate and its token.
const worker = "tocsin"

func newProofs(t *testing.T) *proofs {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	p := &proofs{authority.New(t, "first"), authority.NewIssuer(t, apachekafka.Issuer), authority.In(t.TempDir()), at("store.pem"), at("trust.pem"), at("keys.json"), at("password"), at("token")}
	p.authority.Write(p.own, worker)
	authority.Replace(t, p.store, p.authority.Store("broker"))
	ca, err := os.ReadFile(p.own.CA)
	if err != nil {
		t.Fatal(err)
	}
	authority.Replace(t, p.trust, ca)
	authority.Replace(t, p.keys, p.issuer.Keys())
	authority.Replace(t, p.password, []byte(secret))
	authority.Replace(t, p.token, []byte(p.issuer.Token(worker, apachekafka.Audience, time.Hour)))
	return p
}

var mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"}

// admit makes the worker's users of SCRAM.
func (h *harness) admit(password string) {
	h.t.Helper()
	for _, m := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} { // a request may name a user once
		altered, err := kadm.NewClient(h.kafka).AlterUserSCRAMs(h.t.Context(), nil, []kadm.UpsertSCRAM{{User: worker, Mechanism: m, Iterations: 4096, Password: password}})
		if err := errors.Join(err, altered.Error()); err != nil {
			h.t.Fatal(err)
		}
	}
}

// logged is the harness's configuration with another way to Kafka.
func (h *harness) logged(brokers, lines string) string {
	h.t.Helper()
	return configured(h.t, h.config, `brokers: ["${TOCSIN_KAFKA}"]`, fmt.Sprintf("brokers: [\"%s\"]\n%s", brokers, lines))
}

// by is the section of a configuration that logs in by a mechanism of SASL.
func by(tls, mechanism, proof string) string {
	return tls + fmt.Sprintf("  sasl: { mechanism: %s, %s }\n", mechanism, proof)
}

func trusting(f authority.Files) string { return fmt.Sprintf("  tls: { ca: %s }\n", f.CA) }

func showing(ca string, f authority.Files) string {
	return fmt.Sprintf("  tls: { ca: %s, cert: %s, key: %s }\n", ca, f.Cert, f.Key)
}

func password(user, file string) string {
	return fmt.Sprintf("user: %s, password: \"file:%s\"", user, file)
}

func token(file string) string { return fmt.Sprintf("token: \"file:%s\"", file) }

// onSecureKafka starts a harness on Apache Kafka with listeners that demand
// proofs.
func onSecureKafka(t *testing.T, p *proofs) (*harness, *apachekafka.Cluster) {
	t.Helper()
	cluster := kafkatest.Of(t, apachekafka.Options{Listeners: []apachekafka.Listener{
		{Name: "TLS", Store: p.store},
		{Name: "MTLS", Store: p.store, Trust: p.trust},
		{Name: "SASL", Store: p.store, Mechanisms: mechanisms, Users: map[string]string{worker: secret}, Keys: p.keys},
	}})
	h := start(t, stack.Addresses{Kafka: cluster.Bootstrap()})
	h.admit(secret)
	h.tocsin("migrate", "--config", h.config)
	return h, cluster
}

// TestIntegrationKafkaIsReachedByEveryLogin: tocsin check and a worker connect by
// every login that the configuration has. The check names each login that the
// broker, or the worker, must refuse, with place and remedy.
func TestIntegrationKafkaIsReachedByEveryLogin(t *testing.T) {
	p, stranger := newProofs(t), newProofs(t)
	h, cluster := onSecureKafka(t, p)
	h.produce(contract(0), contract(1))

	var workers errgroup.Group
	logins := []struct{ listener, lines string }{
		{"TLS", trusting(p.own)},
		{"MTLS", showing(p.own.CA, p.own)},
		{"SASL", by(trusting(p.own), "PLAIN", password(worker, p.password))},
		{"SASL", by(trusting(p.own), "SCRAM-SHA-256", password(worker, p.password))},
		{"SASL", by(trusting(p.own), "SCRAM-SHA-512", password(worker, p.password))},
		{"SASL", by(trusting(p.own), "OAUTHBEARER", token(p.token))},
	}
	for i, l := range logins {
		own := fmt.Sprintf("own_%d", i) // a group and rows of its own
		config := configured(t, h.logged(cluster.At(l.listener), l.lines), "cluster: main", "cluster: "+own, "group: tocsin", "group: "+own, "${TOCSIN_METRICS:-127.0.0.1:9464}", "127.0.0.1:0")
		workers.Go(func() error {
			for _, args := range [][]string{{"check"}, {"run", "--drain"}} {
				if out, err := h.said(append(args, "--config", config)...); err != nil {
					return fmt.Errorf("%s, %s: %s: %w\n%s", l.listener, l.lines, args[0], err, out)
				}
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		t.Error(err)
	}
	if rows := h.query("SELECT count(), uniqExact(cluster) FROM events"); rows != fmt.Sprintf("%d\t%d", 2*len(logins), len(logins)) {
		t.Errorf("rows, clusters: %s", rows)
	}

	expired, wrong := filepath.Join(t.TempDir(), "token"), filepath.Join(t.TempDir(), "password")
	authority.Replace(t, expired, []byte(p.issuer.Token(worker, apachekafka.Audience, -time.Minute)))
	authority.Replace(t, wrong, []byte("CANARY-WRONG"))
	f := func(name, brokers, lines string, want ...string) {
		t.Helper()
		out, err := h.said("check", "--config", h.logged(brokers, lines))
		_, said, _ := strings.Cut(out, "FAIL kafka")
		said, _, _ = strings.Cut(said, "\n")
		for _, w := range want {
			if err == nil || !strings.Contains(said, w) {
				t.Errorf("%s: %v, want %q\n%s", name, err, w, out)
			}
		}
		for _, s := range []string{"CANARY", p.issuer.Token("", "", 0)[:20]} {
			if strings.Contains(out, s) {
				t.Errorf("%s: a secret is shown\n%s", name, out)
			}
		}
	}
	f("another authority", cluster.At("TLS"), trusting(stranger.own), "kafka.tls.ca: ", stranger.own.CA, "Add its authority to the file")
	f("another name", cluster.At("TLS"), fmt.Sprintf("  tls: { ca: %s, server_name: elsewhere }\n", p.own.CA), "kafka.tls.server_name: ", "not elsewhere", "Set it to a name in the certificate")
	f("no certificate", cluster.At("MTLS"), trusting(p.own), "kafka.tls.cert: ", "Give kafka.tls.cert and kafka.tls.key")
	f("another's certificate", cluster.At("MTLS"), showing(p.own.CA, stranger.own), "kafka.tls.cert: ", stranger.own.Cert, "Replace the file")
	for _, mechanism := range mechanisms[:3] {
		f("a wrong password", cluster.At("SASL"), by(trusting(p.own), mechanism, password(worker, wrong)), "kafka.sasl: ", "by "+mechanism, "Correct kafka.sasl.user and kafka.sasl.password")
	}
	f("another user", cluster.At("SASL"), by(trusting(p.own), "SCRAM-SHA-512", password("nobody", p.password)), "kafka.sasl: ", "or create the user")
	f("an expired token", cluster.At("SASL"), by(trusting(p.own), "OAUTHBEARER", token(expired)), "kafka.sasl.token: ", expired, "Replace it")
	f("another issuer's token", cluster.At("SASL"), by(trusting(p.own), "OAUTHBEARER", token(stranger.token)), "kafka.sasl.token: ", stranger.token, "Replace it")
	f("no SASL", cluster.At("SASL"), trusting(p.own), "kafka.sasl: ", "Set kafka.sasl")
	f("SASL where there is none", cluster.At("MTLS"), by(showing(p.own.CA, p.own), "PLAIN", password(worker, p.password)), "kafka.sasl: ", "or remove kafka.sasl")
	f("no TLS", cluster.At("TLS"), "", "kafka.tls: ", "Set kafka.tls")
	f("TLS where there is none", cluster.Bootstrap(), trusting(p.own), "kafka.tls: ", "or remove kafka.tls")
}
