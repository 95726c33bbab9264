package endtoend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// A group whose offsets were deleted or have expired, or that was renamed,
// continues after the last row, logs it, and loses and doubles nothing.
func TestLostOffsets(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	n := 0
	more := func() {
		t.Helper()
		var records []*kgo.Record
		for range 400 {
			records = append(records, contract(n))
			n++
		}
		h.produce(records...)
	}
	more()
	h.drain()
	h.exact(n)

	adm := kadm.NewClient(h.kafka)
	if _, err := adm.DeleteGroups(t.Context(), "tocsin"); err != nil {
		t.Fatal(err)
	}
	more()
	says := h.tocsin("run", "--drain", "--config", h.config)
	if !strings.Contains(says, "no committed offset: beginning with the last batch stored") {
		t.Errorf("the worker does not say what it found:\n%s", says)
	}
	h.exact(n)

	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	renamed := filepath.Join(t.TempDir(), "renamed.yaml")
	// Another name is a mistake as often as not, so refuse is what it meets.
	changed := strings.NewReplacer("group: tocsin ", "group: renamed ", "first_start: earliest ", "first_start: refuse ").Replace(string(text))
	if err := os.WriteFile(renamed, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	more()
	if says := h.tocsin("run", "--drain", "--config", renamed); !strings.Contains(says, "group=renamed") {
		t.Errorf("the worker of the renamed group:\n%s", says)
	}
	h.exact(n)
	if got := h.query("SELECT sum(lost), sum(doubled), sum(skipped), sum(overlapping) FROM completeness"); got != "0\t0\t0\t0" {
		t.Errorf("completeness: lost, doubled, skipped, overlapping are %s", got)
	}
}
