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

// readBoard reads a board, and makes sure that no query of it stands anywhere
// but in a panel.
func readBoard(t *testing.T, name string) (b board) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "grafana", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	queries := 0
	for _, panel := range b.Panels {
		queries += len(panel.Targets)
	}
	if want := len(queryKey.FindAll(text, -1)); queries != want || want < 10 {
		t.Fatalf("%s: %d queries in its panels, %d in all", name, queries, want)
	}
	return b
}

var queryKey = regexp.MustCompile(`(?i)"(expr|rawSql)":`)

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
	for _, panel := range readBoard(t, "analysts.json").Panels {
		for _, target := range panel.Targets {
			sql := timeFilter.ReplaceAllString(target.RawSQL, "$1 BETWEEN now() - INTERVAL 1 DAY AND now() + INTERVAL 1 DAY")
			// Of what happened today nothing is due within two days.
			if said, err := h.ask(sql); err != nil || said == "" || said == "0" && panel.Title != "Due within two days" {
				t.Errorf("%s: %q, %v", panel.Title, said, err)
			}
		}
	}
}
