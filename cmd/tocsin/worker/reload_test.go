package worker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
	"tocsin/rules"
)

// write writes a file below dir.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func packFile(title string) string {
	return "schema: tocsin.pack/v1\nid: p\ntitle: " + title + "\ngroup_currency: USD\n"
}

const ruleFile = `id: BIG
revision: 1
title: A contract of size
owner: counsel
item: "1.01"
severity: S2
applies_to: [ledger.contract.executed]
citation: Form 8-K Item 1.01
params: { limit: USD 1_000 }
when: contract.total_value_group >= limit
value: contract.total_value_group
dedup: contract.contract_id
deadline: { clock: O4, from: contract.executed_at }
runbook: Read it.
`

// reloading is a reloader on a directory, with the packs that it kept and its log.
type reloading struct {
	*reloader
	t      *testing.T
	dir    string
	kept   []string
	away   error
	output bytes.Buffer
}

func newReloading(t *testing.T, calendar string) *reloading {
	t.Helper()
	r := &reloading{t: t, dir: t.TempDir()}
	write(t, r.dir, "pack.yaml", packFile("One"))
	write(t, r.dir, "rules/BIG.yaml", ruleFile)
	files := &config.Rules{Pack: r.dir, Calendar: calendar}
	pack, engine, err := files.Open()
	if err != nil {
		t.Fatal(err)
	}
	lib := pipeline.NewEngines(engine, func(context.Context, string) ([]byte, error) { return nil, errors.New("not kept") })
	r.reloader = &reloader{files: files, library: lib, inForce: newInForce(pack, time.Now()), bound: time.Second, log: slog.New(slog.NewTextHandler(&r.output, nil)),
		keep: func(_ context.Context, p *rules.Pack) error {
			if r.away == nil {
				r.kept = append(r.kept, p.Digest())
			}
			return r.away
		}}
	r.looks(2)
	return r
}

// looks looks n times, undemanded.
func (r *reloading) looks(n int) {
	for range n {
		r.look(r.t.Context(), false)
	}
}

// logs requires that the log has each of these texts once, and clears it.
func (r *reloading) logs(want ...string) {
	r.t.Helper()
	var messages []string
	for line := range strings.Lines(r.output.String()) {
		_, rest, _ := strings.Cut(line, `msg="`)
		message, _, _ := strings.Cut(rest, `"`)
		messages = append(messages, message)
	}
	if diff := cmp.Diff(want, messages); diff != "" {
		r.t.Errorf("the log (-want +got):\n%s\n%s", diff, &r.output)
	}
	r.output.Reset()
}

const (
	changed   = "the rules have changed"
	confirmed = "the rules in force are those of their files"
	refused   = "the rules stay as they are: their files cannot be taken"
)

func TestRulesAreTakenWhenTheirFilesStandStill(t *testing.T) {
	r := newReloading(t, "")
	first := r.library.Current()
	r.looks(3)
	r.logs() // nothing has changed

	write(t, r.dir, "pack.yaml", packFile("Another title"))
	r.looks(1)
	if r.library.Current() != first {
		t.Error("files were taken at the first look, which may be amid a copy")
	}
	r.looks(3)
	r.logs(changed)
	second := r.library.Current()
	if second == first || len(r.kept) != 1 || r.kept[0] != second.Digest() {
		t.Errorf("digest %s, kept %v", second.Digest(), r.kept)
	}
	if s := r.inForce.status(); s.Digest != second.Digest() || s.Changed.IsZero() || s.Error != "" {
		t.Errorf("%+v", s)
	}
	// What was promised by the first is replayed by it, without asking ClickHouse.
	if e, err := r.library.ByDigest(t.Context(), first.Digest()); e != first || err != nil {
		t.Errorf("the rules before: %v, %v", e, err)
	}
	r.look(t.Context(), true)
	r.logs(confirmed)
}

func TestRulesStayOnAnyMistake(t *testing.T) {
	r := newReloading(t, "")
	first := r.library.Current()
	f := func(name, want string, spoil, repair func()) {
		t.Helper()
		spoil()
		r.looks(5)
		r.logs(refused)
		s := r.inForce.status()
		if !strings.Contains(s.Error, want) || s.Since.IsZero() || s.Digest != first.Digest() || r.library.Current() != first {
			t.Errorf("%s: want %q in %+v", name, want, s)
		}
		repair()
		r.looks(2)
		r.logs(confirmed)
		if s := r.inForce.status(); s.Error != "" || !s.Since.IsZero() {
			t.Errorf("%s: repaired, and yet %+v", name, s)
		}
	}
	good := func() { write(t, r.dir, "pack.yaml", packFile("One")) }
	f("a mistake in a rule", `unknown key "titel"`, func() { write(t, r.dir, "pack.yaml", "titel: x\n"+packFile("One")) }, good)
	f("an empty directory", "pack.yaml", func() { os.Remove(filepath.Join(r.dir, "pack.yaml")) }, good)
	f("no directory", "is neither a directory nor a shipped pack", func() { os.Rename(r.dir, r.dir+".away") }, func() { os.Rename(r.dir+".away", r.dir) })
}

// Nothing is judged by rules that are not kept: a replay would not find them.
func TestRulesThatCannotBeKeptAreNotUsed(t *testing.T) {
	r := newReloading(t, "")
	first := r.library.Current()
	write(t, r.dir, "pack.yaml", packFile("Two"))
	for i := range 5 {
		r.away = pipeline.Wait("ClickHouse: the server to be reachable", errors.New(strings.Repeat("try ", i)))
		r.looks(1)
	}
	r.logs(refused)
	if r.library.Current() != first || !strings.Contains(r.inForce.status().Error, "cannot keep them") {
		t.Errorf("%+v", r.inForce.status())
	}
	r.away = nil
	r.looks(1)
	r.logs(changed)
	if r.library.Current() == first || len(r.kept) != 1 {
		t.Errorf("kept %v", r.kept)
	}
}

// A directory is exchanged as a whole by a link, as Kubernetes exchanges a ConfigMap
// and git-sync a commit. So is the directory of calendars.
func TestFilesBehindLinksAndCalendars(t *testing.T) {
	const closed = "date,market,status,reason,source,announced\n2026-11-25,sec,closed,Mourning,Executive order,2026-11-20\n"
	mount, calendar := t.TempDir(), t.TempDir()
	write(t, calendar, "closures.csv", "date,market,status,reason,source,announced\n")
	for dir, title := range map[string]string{"..1": "First", "..2": "Second"} {
		write(t, mount, dir+"/pack.yaml", packFile(title))
		write(t, mount, dir+"/rules/BIG.yaml", ruleFile)
	}
	data := filepath.Join(mount, "..data")
	link := func(to string) {
		t.Helper()
		if err := errors.Join(os.Symlink(to, data+"_tmp"), os.Rename(data+"_tmp", data)); err != nil {
			t.Fatal(err)
		}
	}
	link("..1")
	r := newReloading(t, calendar)
	r.files.Pack = data
	r.looks(2)
	r.output.Reset()
	digests := map[string]bool{r.library.Current().Digest(): true}
	link("..2")
	r.looks(2)
	r.logs(changed)
	digests[r.library.Current().Digest()] = true
	write(t, mount, "..2/pack.yaml", packFile("Second, in place"))
	r.looks(2)
	r.logs(changed)
	digests[r.library.Current().Digest()] = true
	write(t, calendar, "closures.csv", closed)
	r.looks(2)
	r.logs(changed)
	digests[r.library.Current().Digest()] = true
	if len(digests) != 4 {
		t.Errorf("%d digests of 4", len(digests))
	}
}
