package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nkeys"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/cmd/tocsin/preflight"
)

var (
	secretFile  = regexp.MustCompile(`/run/secrets/tocsin/([a-z.-]+)`)
	madeSecret  = regexp.MustCompile(`create secret generic (\S+)((?: --from-file=\S+)+)`)
	fromFile    = regexp.MustCompile(`--from-file=([^= \n]+)`)
	gracePeriod = regexp.MustCompile(`(?m)^\s*(?:terminationGracePeriodSeconds: |stop_grace_period: |TimeoutStopSec=)(\d+)(?:s|\b)`)
)

// The configuration of the Kubernetes manifests is one for production. With the
// secrets of the page tocsin check finds no hazard. Without any one of them it fails
// and names the file.
func TestConfigurationOnKubernetes(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "kubernetes", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	made := map[string][]string{}
	for _, m := range madeSecret.FindAllStringSubmatch(read("README.md"), -1) {
		for _, f := range fromFile.FindAllStringSubmatch(m[2], -1) {
			made[m[1]] = append(made[m[1]], f[1])
		}
	}
	text := read("config/tocsin.yaml")
	var named []string
	for _, m := range secretFile.FindAllStringSubmatch(text, -1) {
		named = append(named, m[1])
	}
	slices.Sort(named)
	named = slices.Compact(named)
	for manifest, own := range map[string]string{"worker.yaml": "tocsin-secrets", "audit.yaml": "tocsin-auditor-secrets", "migrate/migrate.yaml": "tocsin-migrator-secrets"} {
		if diff := cmp.Diff(named, slices.Sorted(slices.Values(append(made[own], made["tocsin-tls"]...)))); diff != "" {
			t.Errorf("%s: files (-named +made):\n%s", own, diff)
		}
		for _, secret := range []string{own, "tocsin-tls"} {
			if !strings.Contains(read(manifest), "- secret: { name: "+secret+" }") {
				t.Errorf("%s does not mount %s", manifest, secret)
			}
		}
	}

	dir := t.TempDir()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	keep := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	issuer := authority.New(t, "kubernetes")
	issuer.WriteFor(authority.Files{CA: in("ca.crt"), Cert: in("tls.crt"), Key: in("tls.key")}, "tocsin", 90*24*time.Hour)
	keep("kafka-password", "canary-secret\n")
	keep("clickhouse-password", "canary-secret\n")
	keep("nats.nk", string(seed))
	path := in("tocsin.yaml")
	keep("tocsin.yaml", strings.ReplaceAll(text, "/run/secrets/tocsin", dir))

	offline := func() (said string, code int) {
		var out strings.Builder
		code = preflight.Command.Run(t.Context(), []string{"--offline", "--config", path}, nil, &out, &out)
		return out.String(), code
	}
	if said, code := offline(); code != cli.OK || strings.Contains(said, "warn") || strings.Contains(said, "canary") {
		t.Errorf("exit %d: %s", code, said)
	}
	for _, name := range named {
		if err := os.Rename(in(name), in("gone")); err != nil {
			t.Fatal(err)
		}
		if said, code := offline(); code != cli.Failed || !strings.Contains(said, name) {
			t.Errorf("without %s: exit %d: %s", name, code, said)
		}
		if err := os.Rename(in("gone"), in(name)); err != nil {
			t.Fatal(err)
		}
	}

	c, err := config.Read(path, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if !c.Production || c.NATS.Replicas < 3 || c.Kafka.FirstStart != "refuse" || c.Kafka.TLS == nil || c.ClickHouse.TLS == nil || c.NATS.TLS == nil ||
		c.Kafka.SASL == nil || c.Kafka.SASL.Mechanism != "SCRAM-SHA-512" || c.ClickHouse.Password.IsZero() || c.NATS.NKey == "" {
		t.Errorf("%+v", c)
	}
	if strings.Contains(fmt.Sprint(c.Settings()...), "canary-secret") {
		t.Error("a secret is shown")
	}
}

// Every program that stops a worker waits longer than the worker may take to end its
// cycle.
func TestStopsWaitForTheDrain(t *testing.T) {
	for _, name := range []string{"compose.yaml", "kubernetes/worker.yaml", "systemd/tocsin.service"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		m := gracePeriod.FindStringSubmatch(string(text))
		if m == nil {
			t.Fatalf("%s does not bound how long a worker may take to end", name)
		}
		c := config.Defaults() // which none of the three changes
		if wait, err := time.ParseDuration(m[1] + "s"); err != nil || wait < c.Worker.DrainTimeout+10*time.Second {
			t.Errorf("%s waits for %s, drain_timeout is %s", name, wait, c.Worker.DrainTimeout)
		}
	}
}

var (
	softLimit = regexp.MustCompile(`GOMEMLIMIT(?:=|: |, value: )(\d+)MiB`)
	hardLimit = regexp.MustCompile(`(?m)^\s*(?:MemoryMax=|mem_limit: |limits: \{ memory: )(\d+)([gGM])`)
)

// The limits of memory that are shipped follow from the page's formula, for the
// defaults and three brokers.
func TestMemoryLimitsFollowFromTheFormula(t *testing.T) {
	const brokers, each, base, mib = 3, 64, 64, 1 << 20
	c := config.Defaults()
	needs := base + 10*int(c.Worker.MaxBytes)/mib + int(c.Worker.MaxUnpackedBytes)/mib + each*brokers
	deploy := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page := deploy("README.md")
	for _, text := range []string{fmt.Sprintf("GOMEMLIMIT = %d MiB + 10 x max_bytes + max_unpacked_bytes + %d MiB x brokers", base, each), "limit      = GOMEMLIMIT / 0.9",
		fmt.Sprintf("With the defaults and three brokers that is %d MiB.", needs)} {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	for _, name := range []string{"compose.yaml", "kubernetes/worker.yaml", "systemd/tocsin.service"} {
		text := deploy(name)
		number := func(m []string) int {
			t.Helper()
			if m == nil {
				t.Fatalf("%s does not bound a worker's memory", name)
			}
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		soft := number(softLimit.FindStringSubmatch(text))
		if soft < needs {
			t.Errorf("%s: GOMEMLIMIT is %d MiB, and a worker needs %d", name, soft, needs)
		}
		m := hardLimit.FindStringSubmatch(text)
		hard := number(m)
		if m[2] != "M" {
			hard *= 1024
		}
		if soft*10 > hard*9 {
			t.Errorf("%s: GOMEMLIMIT is %d MiB and the limit %d MiB, want nine tenths of it at most", name, soft, hard)
		}
	}
}
