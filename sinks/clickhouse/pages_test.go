package clickhouse

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	chserver "tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// answersFile holds the records that TestPages stores, and the answer to each
// query of the pages. After a change run
//
//	go test -tags synctests ./sinks/clickhouse -run TestPages -update
//
// and read the difference: each answer follows from the records above it.
const answersFile = "testdata/answers.txtar"

var (
	headings = regexp.MustCompile(`(?m)^#+ (.+)$`)
	sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")
	sqlSpan  = regexp.MustCompile("`(SELECT [^`]+ FROM [^`]+)`")
)

// TestPages runs every SQL query of every page and compares the answer with the
// one in answersFile.
func TestPages(t *testing.T) {
	archive, err := txtar.ParseFile(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	c := migrated(t)
	s := opened(t, c)
	known, at := map[string]string{}, 0
	for _, f := range archive.Files {
		known[f.Name] = string(f.Data)
		if !strings.HasPrefix(f.Name, "records ") {
			continue
		}
		at++
		if err := s.Store(t.Context(), batchOf(t, f)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SavePack(t.Context(), "d1", "sox409", []byte("-- pack.yaml --\n")); err != nil {
		t.Fatal(err)
	}
	if err := s.Claim(t.Context(), "main", Disposition{Place: Place{Topic: "ledger.events", Offset: 4}, Action: Replaying, Attempt: 1, Actor: "alice", Reason: "one member taken out"}); err != nil {
		t.Fatal(err)
	}
	answered := &txtar.Archive{Comment: archive.Comment, Files: archive.Files[:at]}
	for _, q := range pageQueries(t) {
		got := readable(t, c, q.text)
		if strings.Contains(q.text, "system.merges") {
			continue // the answer is what the server does at that moment
		}
		answered.Files = append(answered.Files, txtar.File{Name: q.name, Data: []byte(got)})
		if diff := cmp.Diff(known[q.name], got); diff != "" && !*update {
			t.Errorf("%s (-known +answer):\n%s", q.name, diff)
		}
		delete(known, q.name)
	}
	if *update {
		if err := os.WriteFile(answersFile, txtar.Format(answered), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for name := range known {
		if !strings.HasPrefix(name, "records ") {
			t.Errorf("%s has an answer and is on no page", name)
		}
	}
}

// TestReadmeExplainsEveryView: the README has a row for each view.
func TestReadmeExplainsEveryView(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range views() {
		if !strings.Contains(string(text), "| `"+v.name+"` |") {
			t.Errorf("the README does not explain the view %s", v.name)
		}
	}
}

// pageQuery is a query of a page: a block of SQL, or a span of code that selects.
type pageQuery struct{ name, text string }

// pageQueries are the queries of every page of the project, in order. A query is
// named by its page and heading.
func pageQueries(t *testing.T) (all []pageQuery) {
	root := os.DirFS("../..")
	var pages []string
	if err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || name == "node_modules" || len(name) > 1 && name[0] == '.'):
			return fs.SkipDir
		case strings.HasSuffix(name, ".md"):
			pages = append(pages, path)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for _, page := range pages {
		text, err := fs.ReadFile(root, page)
		if err != nil {
			t.Fatal(err)
		}
		under := headings.FindAllStringSubmatchIndex(string(text), -1)
		of := map[string]int{}
		add := func(at []int) {
			name := page
			for _, h := range under {
				if h[0] < at[0] {
					name = page + ": " + string(text[h[2]:h[3]])
				}
			}
			if of[name]++; of[name] > 1 {
				name += fmt.Sprintf(" (%d)", of[name])
			}
			// A page writes ID where the reader puts a rule's id.
			all = append(all, pageQuery{name, strings.ReplaceAll(string(text[at[2]:at[3]]), "'ID'", "'CON-04'")})
		}
		for _, at := range sqlBlock.FindAllSubmatchIndex(text, -1) {
			add(at)
			blocks++
		}
		for _, at := range sqlSpan.FindAllSubmatchIndex(text, -1) {
			add(at)
		}
		if n := strings.Count(string(text), "```sql"); n > 0 && n != len(sqlBlock.FindAllIndex(text, -1)) {
			t.Errorf("%s: a block of SQL does not end", page)
		}
	}
	if len(pages) < 10 || blocks < 19 {
		t.Fatalf("%d pages with %d blocks of SQL: are these the project's?", len(pages), blocks)
	}
	return all
}

// ask runs a query over HTTP, as a person would, and returns the answer as
// tab-separated values.
func ask(t *testing.T, c Config, query string) string {
	t.Helper()
	return askIn(t, c, url.Values{}, query)
}

// readable returns the answer to a query as aligned text under the columns' names.
func readable(t *testing.T, c Config, query string) string {
	t.Helper()
	text := askIn(t, c, url.Values{"default_format": {"PrettySpaceNoEscapesMonoBlock"}, "output_format_pretty_row_numbers": {"0"},
		"output_format_pretty_single_large_number_tip_threshold": {"0"}, "output_format_pretty_max_column_name_width_cut_to": {"0"},
		"output_format_pretty_display_footer_column_names": {"0"}, "output_format_pretty_max_value_width": {"200"}}, query)
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n") + "\n"
}

// askIn runs a query with settings over HTTP.
func askIn(t *testing.T, c Config, settings url.Values, query string) string {
	t.Helper()
	settings.Set("database", c.Database)
	at := "http://" + chtest.Server(t).HTTPAddr + "/?" + settings.Encode()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(query))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(chserver.User, c.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %v %s", query, err, body)
	}
	return string(body)
}

// batchOf is the batch of a section "records TOPIC/PARTITION from OFFSET": a
// record a line; one line is the word tombstone.
func batchOf(t *testing.T, f txtar.File) *pipeline.Batch {
	t.Helper()
	b := &pipeline.Batch{Cluster: "main", At: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Digest: "d1", Calendar: "2026a"}
	place := strings.ReplaceAll(strings.TrimPrefix(f.Name, "records "), "/", " ")
	if _, err := fmt.Sscanf(place, "%s %d from %d", &b.Topic, &b.Partition, &b.First); err != nil {
		t.Fatalf("section %q: %v", f.Name, err)
	}
	decoder := event.NewDecoder(event.Limits{})
	for line := range strings.SplitSeq(strings.TrimSuffix(string(f.Data), "\n"), "\n") {
		if line == "" {
			continue
		}
		n := len(b.Rows)
		r := pipeline.Row{Offset: b.First + int64(n), Timestamp: b.At.Add(time.Duration(n) * time.Second), Raw: []byte(line), RawHash: sha256.Sum256([]byte(line))}
		e := new(event.Event)
		if line == "tombstone" {
			r.Raw, r.RawHash, r.Tombstone = nil, sha256.Sum256(nil), true
		} else if failure := decoder.Decode(e, r.Raw, nil); failure != nil {
			r.Failure = &event.Failure{Stage: failure.Stage, Code: failure.Code, Offset: failure.Offset, Field: "data", Detail: "member stands twice"}
		} else {
			r.Event = e
			r.Verdicts = verdictsOn(e.Text(e.Schema().Lookup("event_id")))
		}
		b.Rows = append(b.Rows, r)
	}
	b.Last = b.First + int64(len(b.Rows)) - 1
	return b
}

// verdictsOn are the verdicts on the event with that id: on contract-1 one of
// each outcome, on contract-2 and contract-3 a match.
func verdictsOn(id string) []rules.Verdict {
	due := time.Date(2026, 2, 6, 22, 30, 0, 0, time.UTC)
	finding := func(letter string, severity rules.Severity) *rules.Finding {
		return &rules.Finding{CandidateID: strings.Repeat(letter, 26), Severity: severity, Key: "K-" + strings.TrimPrefix(id, "contract-")}
	}
	match := func(letter, value, over string) rules.Verdict {
		f := finding(letter, rules.S1)
		n, err := money.Parse(value)
		if err != nil {
			panic(err)
		}
		f.Trigger, f.TriggerField = due.AddDate(0, 0, -6), "contract.executed_at"
		f.Deadline = calendar.Deadline{DueDate: calendar.DateOf(due), DueAt: due, DueAtConservative: due.AddDate(0, 0, -1)}
		f.Value, f.Number, f.Unit = value+" USD", &n, "USD"
		f.Explanation = rules.Explanation{{Text: "contract.total_value_group >= limit", Value: f.Value, Limit: "1000000 USD", Distance: over + " USD"}}
		return rules.Verdict{Rule: &rules.Rule{ID: "CON-01", Revision: 1, Title: "Large contract", Item: "1.01"}, Outcome: rules.Match, Finding: f}
	}
	undecided := func(outcome rules.Outcome, rule rules.Rule, letter, reason string) rules.Verdict {
		f := finding(letter, rules.S2)
		f.Reason = reason
		return rules.Verdict{Rule: &rule, Outcome: outcome, Finding: f}
	}
	switch id {
	case "contract-1":
		return []rules.Verdict{match("a", "1200000", "200000"),
			undecided(rules.Indeterminate, rules.Rule{ID: "CON-02", Revision: 3, Title: "Contract ended", Item: "1.02"}, "b", "contract.ordinary_course was not sent"),
			{Rule: &rules.Rule{ID: "CON-03", Revision: 1}},
			undecided(rules.Error, rules.Rule{ID: "CON-04", Revision: 1, Title: "Share of revenue", Item: "1.01"}, "c", "revenue is 0: division by zero")}
	case "contract-2": // the matter of contract-1 again
		return []rules.Verdict{match("a", "1200000", "200000")}
	case "contract-3":
		return []rules.Verdict{match("d", "2500000.000000001", "1500000.000000001")}
	}
	return nil
}
