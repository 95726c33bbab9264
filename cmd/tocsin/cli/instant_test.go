package cli_test

import (
	"testing"
	"time"

	"tocsin/cmd/tocsin/cli"
)

func TestInstant(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-23":                     "2026-11-23T00:00:00Z",
		"2026-11-23T18:30:00-05:00":      "2026-11-23T23:30:00Z",
		"2026-11-23T18:30:00.123456789Z": "2026-11-23T18:30:00.123456789Z",
		"2026-11-23T18:30:00":            "", // no offset
		"2026-02-30":                     "",
		"yesterday":                      "",
	} {
		var got time.Time
		err := cli.Instant(&got)(text)
		if (err == nil) != (want != "") || err == nil && got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v, %v; want %q", text, got, err, want)
		}
	}
}
