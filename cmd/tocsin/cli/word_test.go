package cli_test

import (
	"fmt"
	"testing"

	"tocsin/cmd/tocsin/cli"
)

func TestWord(t *testing.T) {
	for value, want := range map[string]string{
		"ads-gl": "<nil>",
		"adsgl":  `--format "adsgl" is unknown: did you mean ads-gl?`,
		"avro":   `--format "avro" is unknown: use ads-gl, cloudevents or auto`,
		"":       "--format is missing: use ads-gl, cloudevents or auto",
	} {
		if got := fmt.Sprint(cli.Word("--format", value, "ads-gl", "cloudevents", "auto")); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}
