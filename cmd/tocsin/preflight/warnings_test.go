package preflight

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/tocsin/config"
	"tocsin/cmd/tocsin/credentials"
	"tocsin/sinks/clickhouse"
)

// TestWarningsOfClickHouse: each condition that is worth a warning, and its
// neighbour that is not.
func TestWarningsOfClickHouse(t *testing.T) {
	sound := clickhouse.Condition{Free: 50, Total: 100, KeptFree: 1, Replicated: true}
	f := func(name string, production bool, change func(*clickhouse.Condition), want ...string) {
		t.Helper()
		is := sound
		change(&is)
		var got []string
		for _, found := range (probe{Config: &config.Config{Production: production}}).ofClickHouse(is) {
			if found.Level == levelFailure || found.Remedy == "" {
				t.Errorf("%s: %+v is a failure, or has no remedy", name, found)
			}
			got = append(got, found.Code)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: warnings %q, want %q", name, got, want)
		}
	}
	f("sound", true, func(*clickhouse.Condition) {})
	f("a clock ahead", true, func(is *clickhouse.Condition) { is.Ahead = maxSkew + time.Millisecond }, warnClock)
	f("a clock behind", true, func(is *clickhouse.Condition) { is.Ahead = -maxSkew - time.Millisecond }, warnClock)
	f("a clock within bounds", true, func(is *clickhouse.Condition) { is.Ahead = maxSkew })
	f("a disk nearly full", true, func(is *clickhouse.Condition) { is.Free = 9 }, warnDisk)
	f("a disk with room", true, func(is *clickhouse.Condition) { is.Free = 10 })
	f("a disk that may fill up", true, func(is *clickhouse.Condition) { is.KeptFree = 0 }, warnBrim)
	f("the same, in development", false, func(is *clickhouse.Condition) { is.KeptFree = 0 })
	f("rows being altered", false, func(is *clickhouse.Condition) { is.Mutating = []string{"events"} }, warnMutation)
	f("kept once", true, func(is *clickhouse.Condition) { is.Replicated = false }, warnReplica)
	f("the same, in development", false, func(is *clickhouse.Condition) { is.Replicated = false })
}

// TestARowPolicyFailsTheCheck: a worker that does not see its rows stores them again.
func TestARowPolicyFailsTheCheck(t *testing.T) {
	found := (probe{Config: &config.Config{}}).ofClickHouse(clickhouse.Condition{Free: 50, Total: 100, Policies: []string{"some ON tocsin.events"}})
	if len(found) != 1 || found[0].Level != levelFailure || !strings.Contains(found[0].Message, "some ON tocsin.events") || found[0].Remedy == "" {
		t.Errorf("%+v", found)
	}
}

// TestACertificateOfTheProbesExpires: what the metrics' port shows is looked at
// as a client's certificate is.
func TestACertificateOfTheProbesExpires(t *testing.T) {
	files := authority.In(t.TempDir())
	authority.New(t, "ours").Write(files, "worker")
	c := config.Defaults()
	c.HTTP.TLS = &credentials.ServerTLS{Cert: files.Cert, Key: files.Key}
	if found := (probe{&c, time.Now}).logins(); len(found) != 1 || found[0].Part != partHTTP || found[0].Code != warnExpiry || found[0].Place != files.Cert {
		t.Errorf("a certificate of an hour: %+v", found)
	}
}
