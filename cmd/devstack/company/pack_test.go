package company

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/packs"
)

// The shipped pack raises what is planted, all of it and nothing else, and
// leaves nothing undecided.
func TestPackAgreesWithThePlants(t *testing.T) {
	files, found := packs.Open("sox409")
	if !found {
		t.Fatal("the pack sox409 is not shipped")
	}
	pack, mistakes := rules.Load(files, "sox409", calendar.Default())
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	engine := rules.NewEngine(pack)
	g := New(11, start, Options{OneIn: 40})
	var verdicts []rules.Verdict
	wrong := 0
	for range enough {
		item := g.Next()
		var want, got []string
		for _, p := range item.Planted {
			want = append(want, p.Rule+" match "+p.Key)
		}
		verdicts = engine.Judge(verdicts[:0], item.Event, g.Now().Add(time.Second))
		for _, v := range verdicts {
			if v.Outcome != rules.NoMatch {
				text := fmt.Sprint(v.Rule.ID, " ", v.Outcome)
				if v.Finding != nil {
					text += " " + v.Finding.Key
				}
				if v.Finding != nil && v.Outcome != rules.Match {
					text += " (" + v.Finding.Reason + ")"
				}
				got = append(got, text)
			}
		}
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(want, got) {
			t.Errorf("%s %s: want %v, got %v", item.Event.Type().Name, item.Key, want, got)
			if wrong++; wrong == 20 {
				t.Fatal("and so on")
			}
		}
	}
}
