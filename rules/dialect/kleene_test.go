package dialect_test

import (
	"fmt"
	"testing"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// TestKleene checks the truth tables, with failed as a fourth value that yields
// only to a side that decides alone. Both orders of the sides are there.
func TestKleene(t *testing.T) {
	env := environment(t, event.Ledger)
	// One operand of each value, over one event.
	operands := map[dialect.Tri][2]string{
		dialect.False: {"is_manual", "is_estimate"}, dialect.True: {"balanced", "incomplete"},
		dialect.Unknown: {"is_recurring", "is_intercompany"}, dialect.Failed: {"(attachment_count % 0 == 1)", "(most + attachment_count > 1)"},
	}
	s := ledgerScope(t, "is_manual=false", "is_estimate=false", "balanced=true", "incomplete=true", "attachment_count=1")
	const f, y, u, x = dialect.False, dialect.True, dialect.Unknown, dialect.Failed
	all := []dialect.Tri{f, y, u, x}
	and := map[[2]dialect.Tri]dialect.Tri{{f, f}: f, {f, y}: f, {f, u}: f, {f, x}: f, {y, y}: y, {y, u}: u, {y, x}: x, {u, u}: u, {u, x}: x, {x, x}: x}
	or := map[[2]dialect.Tri]dialect.Tri{{f, f}: f, {f, y}: y, {f, u}: u, {f, x}: x, {y, y}: y, {y, u}: y, {y, x}: y, {u, u}: u, {u, x}: x, {x, x}: x}
	for _, a := range all {
		for _, b := range all {
			pair := [2]dialect.Tri{min(a, b), max(a, b)}
			for operator, want := range map[string]dialect.Tri{"and": and[pair], "or": or[pair], "&&": and[pair], "||": or[pair]} {
				text := fmt.Sprintf("%s %s %s", operands[a][0], operator, operands[b][1])
				if got := compile(t, env, text).Test(s); got != want {
					t.Errorf("%s %s %s is %s, want %s", a, operator, b, got, want)
				}
			}
			if a <= y && b <= y {
				continue
			}
			text := fmt.Sprintf("%s == %s", operands[a][0], operands[b][1])
			if got, want := compile(t, env, text).Test(s), max(a, b); got != want {
				t.Errorf("%s == %s is %s, want %s", a, b, got, want)
			}
		}
		want := map[dialect.Tri]dialect.Tri{f: y, y: f, u: u, x: x}[a]
		if got := compile(t, env, "not "+operands[a][0]).Test(s); got != want {
			t.Errorf("not %s is %s, want %s", a, got, want)
		}
		supplied := map[dialect.Tri]dialect.Tri{f: f, y: y, u: y, x: x}[a]
		if got := compile(t, env, operands[a][0]+" ?? true").Test(s); got != supplied {
			t.Errorf("%s ?? true is %s, want %s", a, got, supplied)
		}
	}
}
