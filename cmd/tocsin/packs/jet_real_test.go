package packs

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/devstack/realdata"
	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/load"
	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/rules/packs"
)

// The rules on journals must name the journals that an independent program finds in
// a ledger from outside the project. That program knows no rules, events or exact
// money: it computes with cents and dates over the rows of the file. The floors of
// materiality are low, so that the ledger has journals on both sides of them.
const (
	jetOverall, jetPerformance, jetTrivial = 20_000_00, 5_000_00, 1_000_00 // in cents
	jetManual                              = "SA,AB,KR,WA"
)

// jetClasses classify the ledger's chart, by the first three digits.
var jetClasses = map[string]string{
	"113": "cash", "110": "cash", "140": "ar", "160": "ap", "175": "accrued_liability", "176": "accrued_liability",
	"300": "inventory", "790": "inventory", "792": "inventory", "841": "revenue", "895": "revenue", "888": "revenue", "800": "revenue",
}

func jetClass(account string) string {
	if class, known := jetClasses[account[:3]]; known {
		return class
	}
	if account[0] == '4' {
		return "opex"
	}
	return "other"
}

func TestJournalRulesOnRealLedger(t *testing.T) {
	file, err := os.ReadFile(realdata.File(t, "ads_gl_detail.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	// The ledger has no entries of weekends, special periods or with a posting date
	// at the end of a month, so the test judges an altered copy too.
	altered := make([][]string, len(rows))
	for i, row := range rows {
		altered[i] = slices.Clone(row)
		if i == 0 {
			continue
		}
		entered, err := time.Parse("20060102", row[14])
		if err != nil {
			t.Fatal(err)
		}
		altered[i][14] = entered.AddDate(0, 0, 1).Format("20060102")
		altered[i][4] = "200709" + "2" + row[0][len(row[0])-1:] // the 20th to the 29th
		period, _ := strconv.Atoi(row[16])
		altered[i][16] = strconv.Itoa(period + 4)
	}
	named := map[string]int{}
	for name, ledger := range map[string][][]string{"as it is": rows, "altered": altered} {
		want := otherProgram(t, ledger)
		if diff := cmp.Diff(want, shippedPack(t, ledger)); diff != "" {
			t.Errorf("%s (-another program +rules)\n%.4000s", name, diff)
		}
		for finding := range want {
			rule, _, _ := strings.Cut(finding, " ")
			named[rule]++
		}
	}
	t.Logf("journals named, in both forms of the ledger: %v", named)
	for _, rule := range []string{"JET-00", "JET-01", "JET-02", "JET-06", "JET-09", "JET-10", "JET-16"} {
		if named[rule] == 0 {
			t.Errorf("%s names no journal: nothing was compared", rule)
		}
	}
}

// shippedPack loads the ledger as a user does and judges it by the shipped rules,
// under this ledger's chart and materiality. It returns what they match: rule,
// severity and journal.
func shippedPack(t *testing.T, rows [][]string) map[string]bool {
	t.Helper()
	dir := t.TempDir()
	var text bytes.Buffer
	if err := csv.NewWriter(&text).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	in, out := filepath.Join(dir, "ledger.csv"), filepath.Join(dir, "events.jsonl")
	if err := os.WriteFile(in, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	if code := load.Command.Run(t.Context(), []string{"--format", "ads-gl", in, "--out", out, "--registrant", "0000000001", "--manual-source", jetManual}, nil, &stderr, &stderr); code != cli.OK {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	engine := rules.NewEngine(jetPack(t, rows))
	events, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	decoder, e := event.NewDecoder(event.Limits{}), event.New(event.Types()[0])
	for line := range bytes.Lines(events) {
		if f := decoder.Decode(e, line, nil); f != nil {
			t.Fatal(f)
		}
		for _, v := range engine.Judge(nil, e, time.Now()) {
			if v.Outcome == rules.Match && strings.HasPrefix(v.Rule.ID, "JET-") {
				found[fmt.Sprint(v.Rule.ID, " ", v.Finding.Severity, " ", v.Finding.Key, " ", v.Finding.Value)] = true
			}
		}
	}
	return found
}

// jetPack is the shipped pack with the ledger's chart and a profile of its years.
func jetPack(t *testing.T, rows [][]string) *rules.Pack {
	t.Helper()
	shipped, _ := packs.Open("sox409")
	files := fstest.MapFS{}
	if err := fs.WalkDir(shipped, "rules", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(shipped, name)
		files[name] = &fstest.MapFile{Data: data}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	accounts := map[string]map[string]bool{}
	for _, row := range rows[1:] {
		class := jetClass(row[6])
		if accounts[class] == nil {
			accounts[class] = map[string]bool{}
		}
		accounts[class][row[6]] = true
	}
	chart := "schema: tocsin.accounts/v1\naccounts:\n"
	for class, of := range accounts {
		chart += "  " + class + ": [\"" + strings.Join(slices.Sorted(maps.Keys(of)), `", "`) + "\"]\n"
	}
	files["accounts.yaml"] = &fstest.MapFile{Data: []byte(chart)}
	files["pack.yaml"] = &fstest.MapFile{Data: []byte("schema: tocsin.pack/v1\nid: real\ntitle: Real\ngroup_currency: USD\n")}
	files["profiles/p.yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, `schema: tocsin.profile/v1
id: p
version: 1
registrant_cik: "0000000001"
effective_from: 2000-01-01
group_currency: USD
basis: {}
method: given
overall: %d
performance: %d
clearly_trivial: %d
prepared_by: a
approved_by: [b, c]
sources: []
`, jetOverall/100, jetPerformance/100, jetTrivial/100)}
	pack, mistakes := rules.Load(files, "real", nil)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	return pack
}

// otherProgram finds the journals that the rules must name, from the rows alone.
func otherProgram(t *testing.T, rows [][]string) map[string]bool {
	t.Helper()
	journals := map[string][][]string{}
	for _, row := range rows[1:] {
		key := row[5] + "/" + row[0]
		journals[key] = append(journals[key], row)
	}
	found := map[string]bool{}
	for key, lines := range journals {
		first := lines[0]
		unit := "" // the first that the journal names
		for _, l := range lines {
			if unit == "" {
				unit = l[3]
			}
		}
		key = "ads-gl/" + unit + "/" + key
		if !slices.Contains(strings.Split(jetManual, ","), first[11]) {
			continue
		}
		size, debits, credits := 0, map[string]int{}, map[string]int{}
		posted := ""
		for _, l := range lines {
			amount, err := strconv.ParseFloat(l[7], 64)
			if err != nil {
				t.Fatal(err)
			}
			cents := int(amount*100 + 0.5)
			if l[8] == "S" {
				size, debits[jetClass(l[6])] = size+cents, debits[jetClass(l[6])]+cents
			} else {
				credits[jetClass(l[6])] += cents
			}
			if l[4] != "19000101" {
				posted = l[4]
			}
		}
		score := 0
		name := func(rule, severity string, weight, cents int) {
			found[fmt.Sprintf("%s %s %s %s", rule, severity, key, dollars(cents))] = true
			score += weight
		}
		if size >= jetTrivial { // it has no approver: the file has no column for one
			severity := "S2"
			if size >= jetOverall {
				severity = "S1"
			}
			name("JET-06", severity, 4, size)
		}
		if size >= jetPerformance {
			entered, err := time.Parse("20060102", first[14])
			if err != nil {
				t.Fatal(err)
			}
			if size%100_000_00 == 0 {
				name("JET-03", "S4", 1, size)
			}
			if day := entered.Weekday(); day == time.Saturday || day == time.Sunday {
				name("JET-01", "S3", 2, size)
			}
			if clock, _ := strconv.Atoi(first[15]); clock >= 22_00_00 || clock < 5_00_00 {
				name("JET-02", "S3", 2, size)
			}
			if period, _ := strconv.Atoi(first[16]); period > 12 {
				name("JET-16", "S2", 3, size)
			}
			moved := max(
				min(debits["ar"]+debits["cash"], credits["revenue"]),
				min(debits["accrued_liability"], credits["revenue"]+credits["opex"]))
			if moved >= jetPerformance {
				name("JET-09", "S2", 4, moved)
			}
			if date, err := time.Parse("20060102", posted); err == nil {
				last := date.AddDate(0, 0, 7).Month() != date.Month()
				if net := credits["revenue"] - debits["revenue"]; last && net >= jetPerformance {
					name("JET-10", "S2", 3, net)
				}
			}
		}
		if score >= 5 {
			found[fmt.Sprintf("JET-00 S2 %s %d", key, score)] = true
		}
	}
	return found
}

// dollars writes cents as the rules write amounts.
func dollars(cents int) string {
	s := strings.TrimSuffix(fmt.Sprintf("%d.%02d", cents/100, cents%100), ".00")
	if strings.Contains(s, ".") {
		s = strings.TrimSuffix(s, "0")
	}
	return s + " USD"
}
