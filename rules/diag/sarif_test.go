package diag_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/diag"
)

// TestSARIF holds the log to what reviewing tools read of it.
func TestSARIF(t *testing.T) {
	list := diag.List{
		{Code: "E201", File: "p/rules/A.yaml", Line: 7, Column: 9, Width: 4, Message: `unknown field "a" > b`, Hint: "did you mean b?"},
		{Code: "E201", File: "p/rules/B.yaml", Line: 3, Message: "unknown field"},
		{Code: "E301", File: "p/pack.yaml", Message: "the file is missing"},
	}
	var out bytes.Buffer
	if err := list.WriteSARIF(&out); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct{ ID string }
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn, EndColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name != "tocsin" {
		t.Fatalf("%+v", log)
	}
	type result struct {
		code, text, file string
		line, from, to   int
	}
	var got []result
	run := log.Runs[0]
	for _, r := range run.Results {
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("result of %s names rule %d", r.RuleID, r.RuleIndex)
		}
		p := r.Locations[0].PhysicalLocation
		got = append(got, result{r.RuleID, r.Message.Text, p.ArtifactLocation.URI, p.Region.StartLine, p.Region.StartColumn, p.Region.EndColumn})
	}
	want := []result{
		{"E201", `unknown field "a" > b: did you mean b?`, "p/rules/A.yaml", 7, 9, 13},
		{"E201", "unknown field", "p/rules/B.yaml", 3, 0, 0},
		{"E301", "the file is missing", "p/pack.yaml", 0, 0, 0},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	out.Reset()
	if err := (diag.List{}).WriteSARIF(&out); err != nil || !bytes.Contains(out.Bytes(), []byte(`"results": []`)) {
		t.Errorf("no mistakes: %v\n%s", err, &out)
	}
}
