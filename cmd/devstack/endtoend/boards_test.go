package endtoend

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// board is a Grafana board, as far as its queries go.
type board struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr, RawSQL string }
	}
}

func readBoard(t *testing.T, name string) (b board) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "grafana", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

var timeFilter = regexp.MustCompile(`\$__timeFilter\((\w+)\)`)

// TestAnalystsBoard runs every query of the analysts' board, as the analyst, on
// rows that give each something to show.
func TestAnalystsBoard(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.config = h.judging(pack(t, "1_000", "S2"))
	due := contract(1)
	due.Value = []byte(string(regexp.MustCompile(`2026-11-23T18:30:00-05:00`).ReplaceAll(due.Value, []byte(time.Now().UTC().Format(time.RFC3339)))))
	h.produce(contract(0), due, &kgo.Record{Topic: loadTopic, Value: []byte("not JSON")})
	h.drain()
	h.ClickHouseUser, h.ClickHousePassword = h.AnalystUser, h.AnalystPassword
	queries := 0
	for _, panel := range readBoard(t, "analysts.json").Panels {
		for _, target := range panel.Targets {
			queries++
			sql := timeFilter.ReplaceAllString(target.RawSQL, "$1 BETWEEN now() - INTERVAL 1 DAY AND now() + INTERVAL 1 DAY")
			if said, err := h.ask(sql); err != nil || said == "" {
				t.Errorf("%s: %q, %v", panel.Title, said, err)
			}
		}
	}
	if queries < 10 {
		t.Errorf("the board has %d queries", queries)
	}
}
