package packs_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/rules/packs"
)

// The pack's page lists every rule, with its item, severities and clock as they
// are, every event type that no rule judges, and among the rules that are left
// none that the pack has.
func TestCatalogue(t *testing.T) {
	page, err := os.ReadFile("sox409/README-coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := packs.Open("sox409")
	pack, mistakes := rules.Load(files, "sox409", nil)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	section := func(title string) [][]string {
		_, rest, found := strings.Cut(string(page), "\n## "+title+"\n")
		if !found {
			t.Fatalf("no section %s", title)
		}
		rest, _, _ = strings.Cut(rest, "\n## ")
		var rows [][]string
		for _, m := range regexp.MustCompile(`(?m)^\| ([A-Za-z][\w.-]*) \|(.*)\|$`).FindAllStringSubmatch(rest, -1) {
			if m[1] != "id" && m[1] != "type" {
				rows = append(rows, append([]string{m[1]}, strings.Split(m[2], "|")...))
			}
		}
		return rows
	}
	listed, judged := map[string]string{}, map[*event.Type]bool{}
	for _, row := range section("The rules") {
		listed[row[0]] = strings.TrimSpace(row[1]) + " " + strings.TrimSpace(row[2]) + " " + strings.TrimSpace(row[3])
	}
	severity := regexp.MustCompile(`severity: (S[1-4])`)
	for _, r := range pack.Rules() {
		var severities []string
		for _, m := range severity.FindAllStringSubmatch(read(t, files, "rules/"+r.ID+".yaml"), -1) {
			severities = append(severities, m[1])
		}
		slices.Sort(severities)
		slices.Reverse(severities)
		want := r.Item + " " + strings.Join(slices.Compact(severities), " → ") + " " + string(r.Clock)
		if listed[r.ID] != want {
			t.Errorf("%s is listed as %q, and is %q", r.ID, listed[r.ID], want)
		}
		delete(listed, r.ID)
		for _, of := range r.AppliesTo {
			judged[of] = true
		}
	}
	for id := range listed {
		t.Errorf("%s is listed and is no rule", id)
	}
	has := func(id string) bool {
		return slices.ContainsFunc(pack.Rules(), func(r *rules.Rule) bool { return r.ID == id })
	}
	left := section("Left to watches")
	for _, row := range left {
		if has(row[0]) {
			t.Errorf("%s is left, and the pack has it", row[0])
		}
	}
	unseen := map[string]bool{}
	for _, row := range section("What the pack cannot see") {
		if has(row[0]) {
			t.Errorf("%s is not seen, and the pack has it", row[0])
		}
		unseen[row[0]] = true
	}
	for _, of := range event.Types() {
		if judged[of] == unseen[of.Name] {
			t.Errorf("%s: judged is %t, listed among those that are not is %t", of.Name, judged[of], unseen[of.Name])
		}
	}
	if rules := len(pack.Rules()); rules < 60 || len(left) == 0 {
		t.Errorf("%d rules, %d left", rules, len(left))
	}
}
