package rules

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"tocsin/rules/calendar"
	"tocsin/rules/diag"
	"tocsin/rules/strictyaml"
)

// Pack is a set of rules with the profiles and calendars they are judged by.
// It is immutable.
type Pack struct {
	ID            string
	Title         string
	GroupCurrency string // ISO 4217; the currency of group amounts in every expression

	name      string     // what the user called it
	rules     []*Rule    // sorted by id
	profiles  []*Profile // sorted by file name
	chart     *chart     // nil: the pack has no chart
	cases     []*caseFile
	calendars *calendar.Calendars
	engine    string // version it is judged by, one of engineVersions
	archive   []byte
	digest    string
}

// EngineVersion is the version of the engine that judges by the pack: the
// current one, or for a pack from an archive the one that it was archived under.
func (p *Pack) EngineVersion() string { return p.engine }

// Rules returns the pack's rules, sorted by id.
func (p *Pack) Rules() []*Rule { return slices.Clone(p.rules) }

// Profiles returns the pack's materiality profiles.
func (p *Pack) Profiles() []*Profile { return slices.Clone(p.profiles) }

// CalendarVersion is the version of the calendars that date the pack's findings.
func (p *Pack) CalendarVersion() string { return p.calendars.Version() }

const (
	packFileName = "pack.yaml"
	packSchema   = "tocsin.pack/v1"
)

type packFile struct {
	Schema   strictyaml.Text `yaml:"schema,required"`
	ID       strictyaml.Text `yaml:"id,required"`
	Title    strictyaml.Text `yaml:"title,required"`
	Currency strictyaml.Text `yaml:"group_currency,required"`
}

// Load reads a pack and checks everything in it, so that a pack without mistakes
// cannot fail later. All mistakes are
// returned at once, sorted by file and line; the pack is nil if there are any.
// name stands before each path in them.
//
// cal are the calendars for a pack without overrides of its own; nil means those
// that ship with the program.
func Load(fsys fs.FS, name string, cal *calendar.Calendars) (*Pack, diag.List) {
	return load(fsys, name, cal, EngineVersion)
}

func load(fsys fs.FS, name string, cal *calendar.Calendars, engine string) (*Pack, diag.List) {
	t, mistakes := readTree(fsys, name)
	p := &Pack{name: name, engine: engine}
	mistakes = append(mistakes, p.describe(t)...)
	mistakes = append(mistakes, p.date(t, fsys, cal)...)
	mistakes = append(mistakes, p.loadProfiles(t)...)
	mistakes = append(mistakes, p.loadChart(t)...)
	mistakes = append(mistakes, p.loadRules(t)...)
	mistakes = append(mistakes, p.loadCases(t)...)
	if len(mistakes) > 0 {
		mistakes.Sort()
		return nil, mistakes
	}
	p.seal(t.archive(p.engine, p.calendars))
	return p, nil
}

// LoadDir loads the pack in a directory, with the calendars that ship with the
// program. The error is a diag.List when the pack has mistakes.
func LoadDir(dir string) (*Pack, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("load pack: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("load pack: %s is not a directory: name the one that holds %s", dir, packFileName)
	}
	p, mistakes := Load(os.DirFS(dir), dir, nil)
	return p, mistakes.Err()
}

func (p *Pack) describe(t *tree) diag.List {
	src := t.source(packFileName)
	if _, ok := t.files[packFileName]; !ok {
		return diag.List{src.FileMistake(codePackFile, "write it with schema, id, title and group_currency", "the file is missing")}
	}
	var file packFile
	mistakes := strictyaml.Decode(src, &file, strictyaml.Options{})
	malformed := len(mistakes)
	p.ID, p.Title = file.ID.Value, file.Title.Value
	mistakes = append(mistakes, checkSchema(src, file.Schema, packSchema)...)
	if !idForm.MatchString(p.ID) {
		mistakes = append(mistakes, src.Mistake(codeID, file.ID, "use letters, digits, and . _ - within", "the id is malformed"))
	}
	if strings.TrimSpace(p.Title) == "" {
		mistakes = append(mistakes, src.Mistake(codeEmpty, file.Title, "write what the pack is for: title: SOX 409 disclosure rules", "title is empty"))
	}
	if mistake := checkCurrency(src, file.Currency); mistake != nil {
		mistakes = append(mistakes, mistake) // rules are checked as if it were any currency
	} else {
		p.GroupCurrency = file.Currency.Value
	}
	return withoutAbsent(mistakes, malformed)
}

// checkCurrency reports a group_currency that is no code.
func checkCurrency(src *strictyaml.Source, at strictyaml.Text) *diag.Diagnostic {
	if currencyForm.MatchString(at.Value) {
		return nil
	}
	hint := "write a code such as USD"
	if upper := strings.ToUpper(at.Value); currencyForm.MatchString(upper) {
		hint = "write " + upper
	}
	return src.Mistake(codeProfile, at, hint, "group_currency is no ISO 4217 code")
}

// strayed reports whether a file has a key that is like none known: what the file
// seems to lack may stand there.
func strayed(mistakes diag.List) bool {
	return slices.ContainsFunc(mistakes, func(d *diag.Diagnostic) bool {
		return d.Code == strictyaml.CodeUnknownKey && strings.HasPrefix(d.Hint, strictyaml.KnownKeys)
	})
}

func checkSchema(src *strictyaml.Source, got strictyaml.Text, want string) diag.List {
	if got.Value == want {
		return nil
	}
	return diag.List{src.Mistake(codeSchema, got, "write schema: "+want, "this program does not know the schema %q", got.Value)}
}

// date sets the calendars.
func (p *Pack) date(t *tree, fsys fs.FS, cal *calendar.Calendars) diag.List {
	p.calendars = cal
	if cal == nil {
		p.calendars = calendar.Default()
	}
	if len(t.under("calendar")) == 0 {
		return nil
	}
	overrides, err := fs.Sub(fsys, "calendar")
	if err == nil {
		cal, err = calendar.LoadFS(overrides, path.Join(t.name, "calendar"))
	}
	if err != nil { // the rules are checked all the same, by the calendars without them
		return diag.List{t.source("calendar").FileMistake(codeCalendar, "rules/calendar/README.md shows the form of each file", "%v", err)}
	}
	p.calendars = cal
	return nil
}

func (p *Pack) loadProfiles(t *tree) (mistakes diag.List) {
	var placed []placedProfile
	refs := map[string]string{}
	for _, file := range t.under("profiles") {
		profile, from, found := loadProfile(t.source(file))
		if mistakes = append(mistakes, found...); len(found) > 0 {
			continue
		}
		if other, ok := refs[profile.Ref()]; ok {
			mistakes = append(mistakes, t.source(file).FileMistake(codeDuplicate, "raise the version", "%s is profile %s too", other, profile.Ref()))
			continue
		}
		refs[profile.Ref()] = file
		placed = append(placed, placedProfile{profile, file, from})
		p.profiles = append(p.profiles, profile)
	}
	return append(mistakes, overlaps(t, placed)...)
}

func (p *Pack) loadRules(t *tree) (mistakes diag.List) {
	files := t.under("rules")
	if len(files) == 0 {
		return diag.List{t.source("rules").FileMistake(codePackFile, "write a rule, as rules/ID.yaml", "the pack has no rules")}
	}
	ids := map[string]string{}
	for _, file := range files {
		src := t.source(file)
		r, id, found := loadRule(src, strings.TrimSuffix(path.Base(file), ".yaml"), p)
		mistakes = append(mistakes, found...)
		if other, ok := ids[id.Value]; ok && id.Given() {
			mistakes = append(mistakes, src.Mistake(codeDuplicate, id, "give one of the two another id", "%s has this id too", other))
		}
		ids[id.Value] = file
		if len(found) == 0 {
			p.rules = append(p.rules, r)
		}
	}
	slices.SortFunc(p.rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	return mistakes
}
