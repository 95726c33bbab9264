package pipeline

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestMarkRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m mark
		copy(m.Head[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "head"))
		offset := rapid.Int64Range(0, 1<<62).Draw(t, "offset")
		if rapid.Bool().Draw(t, "intent") {
			m.Intent = &intent{Last: rapid.Int64Range(offset, 1<<62).Draw(t, "last"), Digest: rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "digest")}
		}
		got, err := parseMark(m.metadata(), offset)
		if err != nil || !cmp.Equal(got, m) {
			t.Fatalf("%v\n%s", err, cmp.Diff(m, got))
		}
		if len(m.metadata()) > 400 {
			t.Fatalf("metadata of %d bytes", len(m.metadata()))
		}
	})
}

func TestParseMarkRefusals(t *testing.T) {
	head := strings.Repeat("00", 32)
	f := func(metadata, want string, foreign bool) {
		t.Helper()
		_, err := parseMark(metadata, 10)
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, errForeign) != foreign {
			t.Errorf("%q: %v", metadata, err)
		}
	}
	f("", "no mark of Tocsin", true)
	f("kgo-4f2c", "no mark of Tocsin", true)
	f("{}", "no mark of Tocsin", true)
	f(`{"tocsin":2,"head":"`+head+`"}`, "upgrade", false)
	f(`{"tocsin":1,"head":"00"}`, "damaged chain head", true)
	f(`{"tocsin":1,"head":"`+head+`00"}`, "damaged chain head", true)
	f(`{"tocsin":1,"head":"`+head+`","last":9,"rules":"x"}`, "damaged intent", true)
	f(`{"tocsin":1,"head":"`+head+`","last":12}`, "damaged intent", true)
}

// The format is an interface: workers of two versions meet in one group.
func TestMarkFormatIsPinned(t *testing.T) {
	got := mark{Head: Hash{1}, Intent: &intent{Last: 41, Digest: "abc"}}.metadata()
	want := `{"tocsin":1,"head":"01` + strings.Repeat("00", 31) + `","last":41,"rules":"abc"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
