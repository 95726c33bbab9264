package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"tocsin/cmd/devstack/authority"
)

func TestABrokersCertificateThatHasExpired(t *testing.T) {
	a := authority.New(t, "first")
	pair, err := tls.X509KeyPair(a.Pair("server", -time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	files := authority.In(t.TempDir())
	a.Write(files, "client")
	k := kafkaSection(t, cluster.ListenAddrs()[0], fmt.Sprintf("  tls: { ca: %s }\n", files.CA))
	if r := k.refused(reaches(t, k)); r == nil || r.Place != "kafka.brokers" || !strings.Contains(r.Error(), "expired") {
		t.Errorf("%v", r)
	}
}

func TestAFileThatIsGoneIsARefusal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	authority.Replace(t, path, []byte("CANARY-3"))
	k := kafkaSection(t, "localhost:1", "  sasl: { mechanism: OAUTHBEARER, token: \"file:"+path+"\" }\n")
	authority.Replace(t, path, nil)
	_, _, err := k.SASL.mechanism().Authenticate(t.Context(), "")
	if r := k.refused(fmt.Errorf("connect: %w", err)); r == nil || r.Place != "kafka.sasl.token" || !strings.Contains(r.Error(), path) {
		t.Errorf("an empty file: %v", err)
	}
	files := authority.In(t.TempDir())
	authority.New(t, "first").Write(files, "client")
	k = kafkaSection(t, "localhost:1", tlsLines(files))
	authority.New(t, "second").Write(authority.Files{CA: files.CA, Cert: files.Cert, Key: files.Key + ".other"}, "client")
	if r := k.refused(reaches(t, k)); r == nil || r.Place != "kafka.tls" || !strings.Contains(r.Error(), files.Key) {
		t.Errorf("a certificate that has yet to get its key: %v", r)
	}
	if r := k.refused(io.ErrUnexpectedEOF); r != nil {
		t.Errorf("a lost connection is taken for %v", r)
	}
}

func TestABrokerSaysWhyItTakesNoToken(t *testing.T) {
	k := kafkaSection(t, "localhost:1", "  sasl: { mechanism: OAUTHBEARER, token: CANARY-4 }\n")
	session, first, err := k.SASL.mechanism().Authenticate(t.Context(), "")
	if err != nil || !strings.Contains(string(first), "CANARY-4") {
		t.Fatalf("%q, %v", first, err)
	}
	if done, _, err := session.Challenge(nil); !done || err != nil {
		t.Errorf("a token that is taken: %v, %v", done, err)
	}
	for answer, want := range map[string]string{`{"status":"invalid_token"}`: "invalid_token", "?": "without a status"} {
		_, _, err := session.Challenge([]byte(answer))
		var r *Refusal
		if !errors.As(err, &r) || r.Place != "kafka.sasl.token" || !strings.Contains(r.Error(), want) || strings.Contains(r.Error(), "CANARY") {
			t.Errorf("%s: %v", answer, err)
		}
	}
}
