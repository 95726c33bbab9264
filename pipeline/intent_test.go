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
		next := offset
		for n := range rapid.IntRange(0, inHand).Draw(t, "promises") {
			i := intent{First: next, Digest: rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "digest"), Number: rapid.IntRange(0, 3).Draw(t, "number")}
			if n > 0 {
				i.First = rapid.Int64Range(next, next+5).Draw(t, "first")
			}
			i.Last = rapid.Int64Range(i.First, i.First+1<<40).Draw(t, "last")
			m.Promises, next = append(m.Promises, i), i.Last+1
		}
		got, err := parseMark(m.metadata(), offset)
		if err != nil || !cmp.Equal(got, m) {
			t.Fatalf("%v\n%s", err, cmp.Diff(m, got))
		}
		if len(m.metadata()) > 600 {
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
	f(`{"tocsin":3,"head":"`+head+`"}`, "upgrade", false)
	f(`{"tocsin":2,"head":"00"}`, "damaged chain head", true)
	f(`{"tocsin":2,"head":"`+head+`00"}`, "damaged chain head", true)
	promises := func(all string) string { return `{"tocsin":2,"head":"` + head + `","promises":[` + all + `]}` }
	const sound = `{"first":10,"last":12,"rules":"x"}`
	for _, all := range []string{`{"first":10,"last":9,"rules":"x"}`, `{"first":10,"last":12}`, `{"first":11,"last":12,"rules":"x"}`, `{"first":10,"last":12,"rules":"x","number":-1}`,
		sound + `,{"first":12,"last":14,"rules":"x"}`, sound + `,{"first":13,"last":14,"rules":"x"},{"first":15,"last":16,"rules":"x"}`} {
		f(promises(all), "damaged promise", true)
	}
}

// The format is an interface: workers of two versions meet in one group.
func TestMarkFormatIsPinned(t *testing.T) {
	got := mark{Head: Hash{1}, Promises: []intent{{First: 7, Last: 41, Digest: "abc"}, {First: 43, Last: 44, Digest: "abd", MaxBytes: 9, Number: 1}}}.metadata()
	want := `{"tocsin":2,"head":"01` + strings.Repeat("00", 31) + `","promises":[{"first":7,"last":41,"rules":"abc"},{"first":43,"last":44,"rules":"abd","bytes":9,"number":1}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
