package main

import (
	"slices"
	"testing"
	"time"

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
		for _, found := range (&config{Production: production}).ofClickHouse(is) {
			if found.Level == levelFailure || found.Mend == "" {
				t.Errorf("%s: %+v is a failure, or says no mend", name, found)
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
	f("kept once", true, func(is *clickhouse.Condition) { is.Replicated = false }, warnReplica)
	f("the same, in development", false, func(is *clickhouse.Condition) { is.Replicated = false })
}
