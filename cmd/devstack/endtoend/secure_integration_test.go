//go:build integration

package endtoend

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

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

func TestIntegrationKafkaIsReachedByEveryLogin(t *testing.T) {
	p := newProofs(t)
	cluster := kafkatest.Of(t, apachekafka.Options{Listeners: []apachekafka.Listener{
		{Name: "TLS", Store: p.store},
		{Name: "MTLS", Store: p.store, Trust: p.trust},
		{Name: "SASL", Store: p.store, Mechanisms: mechanisms, Users: map[string]string{worker: secret}, Keys: p.keys},
	}})
	h := start(t, stack.Addresses{Kafka: cluster.Bootstrap()})
	h.admit(secret)
	h.tocsin("migrate", "--config", h.config)

	trusting := fmt.Sprintf("  tls: { ca: %s }\n", p.own.CA)
	shown := fmt.Sprintf("  tls: { ca: %s, cert: %s, key: %s }\n", p.own.CA, p.own.Cert, p.own.Key)
	by := func(mechanism, proof string) string {
		return trusting + fmt.Sprintf("  sasl: { mechanism: %s, %s }\n", mechanism, proof)
	}
	mine := fmt.Sprintf("user: %s, password: \"file:%s\"", worker, p.password)
	mineToken := fmt.Sprintf("token: \"file:%s\"", p.token)

	for i, login := range []struct{ listener, lines string }{
		{"TLS", trusting}, {"MTLS", shown}, {"SASL", by("PLAIN", mine)}, {"SASL", by("SCRAM-SHA-256", mine)}, {"SASL", by("SCRAM-SHA-512", mine)}, {"SASL", by("OAUTHBEARER", mineToken)},
	} {
		config := h.logged(cluster.At(login.listener), login.lines)
		h.produce(contract(i))
		began := time.Now()
		h.tocsin("check", "--config", config)
		h.tocsin("run", "--drain", "--config", config)
		t.Logf("%s %s: %s", login.listener, login.lines, time.Since(began))
	}
	if rows := h.query("SELECT count() FROM events"); rows != "6" {
		t.Errorf("%s rows, want 6", rows)
	}

	stranger := newProofs(t)
	expired := filepath.Join(t.TempDir(), "token")
	authority.Replace(t, expired, []byte(p.issuer.Token(worker, apachekafka.Audience, -time.Minute)))
	wrong := filepath.Join(t.TempDir(), "password")
	authority.Replace(t, wrong, []byte("CANARY-WRONG"))
	for _, r := range []struct{ name, listener, lines string }{
		{"a wrong CA", "TLS", fmt.Sprintf("  tls: { ca: %s }\n", stranger.own.CA)},
		{"no cert", "MTLS", trusting},
		{"stranger cert", "MTLS", fmt.Sprintf("  tls: { ca: %s, cert: %s, key: %s }\n", p.own.CA, stranger.own.Cert, stranger.own.Key)},
		{"other name", "TLS", fmt.Sprintf("  tls: { ca: %s, server_name: elsewhere }\n", p.own.CA)},
		{"plain wrong", "SASL", by("PLAIN", fmt.Sprintf("user: %s, password: \"file:%s\"", worker, wrong))},
		{"256 wrong", "SASL", by("SCRAM-SHA-256", fmt.Sprintf("user: %s, password: \"file:%s\"", worker, wrong))},
		{"512 unknown user", "SASL", by("SCRAM-SHA-512", fmt.Sprintf("user: nobody, password: \"file:%s\"", wrong))},
		{"oauth expired", "SASL", by("OAUTHBEARER", fmt.Sprintf("token: \"file:%s\"", expired))},
		{"oauth stranger", "SASL", by("OAUTHBEARER", fmt.Sprintf("token: \"file:%s\"", stranger.token))},
		{"no sasl", "SASL", trusting},
		{"sasl where none is", "TLS", by("PLAIN", mine)},
		{"no tls", "TLS", ""},
		{"tls where none is", "", trusting},
	} {
		brokers := cluster.At(r.listener)
		if r.listener == "" {
			brokers = cluster.Bootstrap()
		}
		began := time.Now()
		cmd := exec.CommandContext(t.Context(), program, "check", "--config", h.logged(brokers, r.lines))
		cmd.Env = append(os.Environ(), h.Addresses.Environ()...)
		out, err := cmd.CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "kafka") {
				t.Logf("%s: %s %v\n%s", r.name, time.Since(began), err, line)
			}
		}
	}
}
