package contributing

import (
	"strings"
	"testing"
)

func TestPatched(t *testing.T) {
	const text = "a\nb\nc\nb\nd x\n"
	f := func(diff, want, refusal string) {
		t.Helper()
		got, err := patched(text, diff)
		switch {
		case refusal != "":
			if err == nil || !strings.Contains(err.Error(), refusal) {
				t.Errorf("%q: %q, %v, want an error with %q", diff, got, err, refusal)
			}
		case err != nil || got != want:
			t.Errorf("%q: %q, %v, want %q", diff, got, err, want)
		}
	}
	f(" a\n+new\n", "a\nnew\nb\nc\nb\nd x\n", "")
	f("+new\n c\n", "a\nb\nnew\nc\nb\nd x\n", "")
	f("-c\n+e\n", "a\nb\ne\nb\nd x\n", "")
	f(" c\n-b\n+e\n", "a\nb\nc\ne\nd x\n", "")
	f(" d…\n+e\n", "a\nb\nc\nb\nd x\ne\n", "")
	f(" a\n+1\n@@\n c\n+2\n", "a\n1\nb\nc\n2\nb\nd x\n", "")
	f(" b\n+new\n", "", "two places")
	f(" d\n+new\n", "", "no place")
	f(" a\n c\n+new\n", "", "no place")
	f("+new\n", "", "no place")
}
