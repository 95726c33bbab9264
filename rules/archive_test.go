package rules_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"tocsin/rules"
	"tocsin/rules/calendar"
)

// judged is the verdict of a pack on an event, as golden files show it.
func judged(t testing.TB, pack *rules.Pack) string {
	t.Helper()
	verdicts := rules.NewEngine(pack).Judge(nil, contract(t, "2000"), seen)
	if len(verdicts) != 1 || verdicts[0].Finding == nil {
		t.Fatalf("%d verdicts, want a candidate", len(verdicts))
	}
	text, err := json.MarshalIndent(show("contract", &verdicts[0]), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestArchiveIsEnough: an archive gives the digest and the verdicts of the pack
// that was archived, however its calendars differ from those that ship with
// the program that opens it.
func TestArchiveIsEnough(t *testing.T) {
	overrides, err := calendar.LoadFS(fstest.MapFS{"m.csv": {Data: []byte(mourning)}}, "calendar")
	if err != nil {
		t.Fatal(err)
	}
	files := calendar.Default().Files()
	files["closures.csv"] = replace(t, files["closures.csv"], "2026-11-26,sec,closed,Thanksgiving Day,5 U.S.C. 6103; Executive Order 11582,\n", "")
	foreign, err := calendar.Restore(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		fsys fstest.MapFS
		cal  *calendar.Calendars
		due  string
		left int
	}{
		{"shipped calendars", small(), nil, "2026-12-01T22:30:00Z", 4},
		{"overrides of the pack", overridden(mourning), nil, "2026-12-02T22:30:00Z", 4},
		{"overrides of the configuration", small(), overrides, "2026-12-02T22:30:00Z", 4},
		{"calendars of another release", small(), foreign, "2026-11-30T22:30:00Z", 4},
	} {
		pack, mistakes := rules.Load(c.fsys, "small", c.cal)
		if err := mistakes.Err(); err != nil {
			t.Fatal(err)
		}
		again, err := rules.OpenArchive(pack.Archive())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if again.Digest() != pack.Digest() || again.CalendarVersion() != pack.CalendarVersion() || again.EngineVersion() != pack.EngineVersion() {
			t.Errorf("%s: digest %s became %s, calendar %s became %s", c.name, pack.Digest(), again.Digest(), pack.CalendarVersion(), again.CalendarVersion())
		}
		if diff := cmp.Diff(judged(t, pack), judged(t, again)); diff != "" {
			t.Errorf("%s: -judged first +judged again\n%s", c.name, diff)
		}
		f := rules.NewEngine(again).Judge(nil, contract(t, "2000"), seen)[0].Finding
		if got := f.Deadline.DueAt.Format("2006-01-02T15:04:05Z07:00"); got != c.due || f.BusinessDaysLeft == nil || *f.BusinessDaysLeft != c.left {
			t.Errorf("%s: due %s, want %s", c.name, got, c.due)
		}
		if bytes.Contains(pack.Archive(), []byte("cases")) {
			t.Errorf("%s: the archive holds cases", c.name)
		}
	}
}

// TestArchiveOfShippedPack: what is written out again is the same text, so
// nothing of an archive is passed over when it is opened.
func TestArchiveOfShippedPack(t *testing.T) {
	pack, err := rules.LoadDir("packs/sox409")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range slices.Concat(files(pack.Archive(), "pack.yaml"), files(pack.Archive(), "accounts.yaml"), files(pack.Archive(), "rules/"), files(pack.Archive(), "profiles/")) {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(f.Name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := rules.LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(pack.Archive()), string(again.Archive())); diff != "" {
		t.Error(diff)
	}
}

// TestKeptArchives: what earlier releases kept opens, under the digest that it
// was kept under, and gives the same verdicts as then. A file here is never changed; it
// may go when its engine leaves engineVersions.
func TestKeptArchives(t *testing.T) {
	for _, c := range []struct{ file, engine, digest, calendar string }{
		{"testdata/kept/engine-1.txt", "1", "7616ef237f32a5a5e15586c9695920329548b0ffc5a44545aa7f4837b238a631", "2026-2026/sha256:cd59bc996195"},
	} {
		kept, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		pack, err := rules.OpenArchive(kept)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if pack.EngineVersion() != c.engine || pack.Digest() != c.digest || pack.CalendarVersion() != c.calendar {
			t.Errorf("%s: engine %s, digest %s, calendar %s", c.file, pack.EngineVersion(), pack.Digest(), pack.CalendarVersion())
		}
		want, err := os.ReadFile(strings.TrimSuffix(c.file, ".txt") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), judged(t, pack)+"\n"); diff != "" {
			t.Errorf("%s: -then +now\n%s", c.file, diff)
		}
	}
}

// TestDigestIsOfTheBytesKept: an archive that another release wrote otherwise
// keeps its digest, which is that of its text.
func TestDigestIsOfTheBytesKept(t *testing.T) {
	a := txtar.Parse(load(t, small()).Archive())
	slices.Reverse(a.Files)
	kept := txtar.Format(a)
	pack, err := rules.OpenArchive(kept)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x", sha256.Sum256(kept)); pack.Digest() != want || !bytes.Equal(pack.Archive(), kept) {
		t.Errorf("digest %s, want %s", pack.Digest(), want)
	}
}

func TestArchiveErrors(t *testing.T) {
	archive := string(load(t, small()).Archive())
	f := func(name, text, want string) {
		t.Helper()
		if _, err := rules.OpenArchive([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	f("nothing", "", `it does not begin with "tocsin engine "`)
	f("a pack without its engine", archive[strings.Index(archive, "-- "):], `it does not begin with "tocsin engine "`)
	f("another engine", replace(t, archive, "engine "+rules.EngineVersion, "engine 0"),
		"engine 0 made it and this program judges by engine "+rules.EngineVersion+": start a release of which `tocsin version` names engine 0")
	f("no calendars", replace(t, archive, "-- calendars/closures.csv --", "-- calendars/holidays.csv --"), "holidays.csv is unknown")
	f("cut short", archive[:strings.Index(archive, "-- pack.yaml")], "the file is missing")
	f("a file that no pack has", archive+"-- watches/w.yaml --\n", "has no place in a pack")
}

// files are the archive's files whose names begin so.
func files(archive []byte, prefix string) (found []txtar.File) {
	for _, f := range txtar.Parse(archive).Files {
		if strings.HasPrefix(f.Name, prefix) {
			found = append(found, f)
		}
	}
	return found
}
