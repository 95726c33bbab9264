package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tocsin/cmd/devstack/stack"
)

// TestPeriodicAudit audits the recent past as the timer and the CronJob do: the
// metrics of each audit fit its report and its exit code.
func TestPeriodicAudit(t *testing.T) {
	t.Parallel()
	h := stored(t, 100, 0)
	path := filepath.Join(t.TempDir(), "audit.prom")
	counted := regexp.MustCompile(`(?m)^tocsin_audit_(?:success|rows|problems\{.*\}) [1-9].*$`)
	// audits returns the metrics that are not 0.
	audits := func(code int, args ...string) string {
		t.Helper()
		out, got := h.exec([]int{code}, append([]string{"audit", "--last", "26h", "--textfile", path}, args...)...)
		if got != code {
			t.Errorf("exit code %d, want %d\n%s", got, code, out)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(counted.FindAllString(string(text), -1), "; ")
	}
	want := func(name, want, got string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	want("nothing is wrong", "tocsin_audit_rows 102; tocsin_audit_success 1", audits(0))
	if out, _ := h.exec(nil, "audit", "--last", "1ms"); !strings.Contains(out, "\nbatches with records from 2") || !strings.Contains(out, " 0 rows, ") {
		t.Errorf("the last millisecond:\n%s", out)
	}

	restore := h.keeping()
	partition := h.query("SELECT partition FROM events GROUP BY partition ORDER BY count() DESC LIMIT 1")
	last := h.query("SELECT max(offset) FROM events WHERE partition = " + partition)
	h.mutate(fmt.Sprintf("ALTER TABLE events DELETE WHERE partition = %s AND offset = %s", partition, last))
	want("a last row is gone", `tocsin_audit_problems{kind="missing"} 1; tocsin_audit_rows 101`, audits(problems))
	restore()

	// The age of rows that are gone is unknown, so any audit up to now demands them.
	h.query("TRUNCATE TABLE events")
	partitions := h.query("SELECT uniqExact(partition) FROM kept")
	want("every row is gone", `tocsin_audit_problems{kind="missing"} `+partitions, audits(problems, "--topic", stack.LedgerTopic))
	want("and the alerts are not", fmt.Sprintf(`tocsin_audit_problems{kind="missing"} %s; tocsin_audit_problems{kind="no row"} %d`, partitions, len(h.messages())), audits(problems))
	restore()
	want("every row is back", "tocsin_audit_rows 102; tocsin_audit_success 1", audits(0))
}
