package adsgl

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/tools/txtar"

	"tocsin/rules/event"
)

var update = flag.Bool("update", false, "write what the cases give into their files")

// read does what a load does, and returns the events as JSON.
func read(t testing.TB, file []byte, opt Options) ([]string, *Report, error) {
	t.Helper()
	survey, err := surveyed(file, opt)
	if err != nil {
		return nil, nil, err
	}
	decoder := event.NewDecoder(event.Limits{})
	back := event.New(posted)
	var events []string
	report, err := survey.Journals(bytes.NewReader(file), func(j Journal) error {
		text := j.Event.AppendJSON(nil)
		if f := decoder.Decode(back, text, nil); f != nil || decoder.Unknown() > 0 || !event.Equal(back, j.Event) {
			t.Errorf("the event of line %d does not come back: %v", j.Line, f)
		}
		events = append(events, string(text))
		return nil
	})
	return events, report, err
}

func surveyed(file []byte, opt Options) (*Survey, error) {
	notation, err := NewNotation(bytes.NewReader(file), opt)
	if err != nil {
		return nil, err
	}
	return notation.Survey(bytes.NewReader(file))
}

// Every case of testdata: a messy file, the events it gives, and the report.
// In an input, ␍ stands for a carriage return, ␉ for a tab, ␀ for the byte 0xff.
func TestFiles(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 15 {
		t.Fatalf("%d cases, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if archive.Files[0].Name != "input" {
				t.Fatal("the first file of a case is input")
			}
			input := strings.NewReplacer("␍", "\r", "␉", "\t", "␀", "\xff").Replace(string(archive.Files[0].Data))
			if strings.Contains(string(archive.Comment), "\nwritten: windows-1252") {
				if input, err = charmap.Windows1252.NewEncoder().String(input); err != nil {
					t.Fatal(err)
				}
			}
			events, report, err := read(t, []byte(input), options(t, string(archive.Comment)))
			got := []txtar.File{archive.Files[0]}
			if err != nil {
				got = append(got, txtar.File{Name: "error", Data: []byte(err.Error() + "\n")})
			} else {
				var text bytes.Buffer
				if err := report.Write(&text); err != nil {
					t.Fatal(err)
				}
				got = append(got, txtar.File{Name: "events", Data: []byte(brief(events))}, txtar.File{Name: "report", Data: text.Bytes()})
			}
			if *update {
				archive.Files = got
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(archive.Files, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// brief leaves out what is the same in every event.
func brief(events []string) string {
	cut := strings.NewReplacer(`"specversion":"1.0",`, "", `"source":"ads-gl","type":"ledger.journal_entry.posted",`, "", `"datacontenttype":"application/json",`, "",
		`"source_system":"ads_gl",`, "", `"source_timezone":"UTC","is_snapshot":true,"schema_version":"ledger_event.v1","mapping_version":"ads-gl.v3",`, "",
		`"lines":[`, "\n  \"lines\":[", `},{"line_number"`, "},\n    {\"line_number\"")
	var b strings.Builder
	for _, e := range events {
		b.WriteString(cut.Replace(e) + "\n")
	}
	return b.String()
}

// options reads the lines "name: value" of a case's comment.
func options(t *testing.T, comment string) Options {
	t.Helper()
	opt := Options{GroupCurrency: "USD"}
	for text := range strings.Lines(comment) {
		name, value, found := strings.Cut(strings.TrimSpace(text), ": ")
		if !found || strings.Contains(name, " ") {
			continue
		}
		switch name {
		case "decimal":
			opt.Decimal = value[0]
		case "credits":
			opt.Credits = Credits(value)
		case "currency":
			opt.Currency = value
		case "group":
			opt.GroupCurrency = value
		case "registrant":
			opt.Registrant = value
		case "manual":
			opt.ManualSources = strings.Split(value, ",")
		case "source":
			opt.Source = value
		case "date_order":
			opt.DateOrder = DateOrder(value)
		case "numbers":
			opt.Numbers = Numbers(value)
		case "written": // how the case is written into the file
		case "columns":
			text, ok := ShippedColumns(value)
			if !ok {
				t.Fatalf("no columns %s", value)
			}
			columns, err := ParseColumns(value+".yaml", text)
			if err != nil {
				t.Fatal(err)
			}
			opt.Columns = columns
		case "zone":
			zone, err := time.LoadLocation(value)
			if err != nil {
				t.Fatal(err)
			}
			opt.Zone = zone
		default:
			t.Fatal(fmt.Errorf("a case has no option %s", name))
		}
	}
	return opt
}
