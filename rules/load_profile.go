package rules

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tocsin/rules/calendar"
	"tocsin/rules/diag"
	"tocsin/rules/event"
	"tocsin/rules/money"
	"tocsin/rules/strictyaml"
)

// Materiality is what rules read under "materiality.": the bases and the
// thresholds of the profile in force. Amounts are in the profile's
// group_currency.
var Materiality = event.NewSchema("materiality", []event.Field{
	{Name: "group_currency", Kind: event.Text, Doc: "ISO 4217 code of the profile's amounts."},
	{Name: "pretax_income_ttm", Kind: event.Amount, Unit: event.Group, Doc: "Normalised pre-tax income of the trailing twelve months, signed."},
	{Name: "pretax_income_3y_avg", Kind: event.Amount, Unit: event.Group, Doc: "Its average over three years, normalised."},
	{Name: "revenue_ttm", Kind: event.Amount, Unit: event.Group, Doc: "Revenue of the trailing twelve months."},
	{Name: "gross_profit_ttm", Kind: event.Amount, Unit: event.Group, Doc: "Gross profit of the trailing twelve months."},
	{Name: "total_assets", Kind: event.Amount, Unit: event.Group, Doc: "Total assets, consolidated."},
	{Name: "current_assets", Kind: event.Amount, Unit: event.Group, Doc: "Current assets."},
	{Name: "fixed_assets", Kind: event.Amount, Unit: event.Group, Doc: "Fixed assets, S-K Item 601(b)(10)(ii)(C)."},
	{Name: "equity", Kind: event.Amount, Unit: event.Group, Doc: "Equity, signed."},
	{Name: "long_term_debt", Kind: event.Amount, Unit: event.Group, Doc: "Long-term debt."},
	{Name: "total_debt", Kind: event.Amount, Unit: event.Group, Doc: "Total debt."},
	{Name: "market_value", Kind: event.Amount, Unit: event.Group, Doc: "Aggregate worldwide market value of common equity, S-X Rule 1-02(w)."},
	{Name: "overall", Kind: event.Amount, Unit: event.Group, Doc: "Overall materiality (OM)."},
	{Name: "performance", Kind: event.Amount, Unit: event.Group, Doc: "Performance materiality (PM)."},
	{Name: "clearly_trivial", Kind: event.Amount, Unit: event.Group, Doc: "Threshold below which amounts are clearly trivial (CTT)."},
	{Name: "component_overall", Kind: event.Amount, Unit: event.Group, Doc: "Overall materiality of the component that the event's company_code names; missing for a company that is none."},
	{Name: "component_performance", Kind: event.Amount, Unit: event.Group, Doc: "Performance materiality of that component."},
})

// Profile is a materiality profile: immutable, in force for one registrant on
// the days from From to To, both included, in New York.
type Profile struct {
	ID         string
	Version    int
	Registrant string // Central Index Key, ten digits
	From, To   calendar.Date
	PreparedBy string
	ApprovedBy []string

	Sources []string // documents that the bases were taken from, unless a base names its own
	Notes   string

	begin, end int64 // microseconds since 1970 UTC; end is excluded
	record     event.Record
	origins    map[string]Origin        // of bases
	how        map[string]string        // the derivation of each threshold
	components map[string]*event.Record // by company code
}

// Ref names the profile as it is stored with a finding: id@version.
func (p *Profile) Ref() string { return fmt.Sprintf("%s@%d", p.ID, p.Version) }

// Amount returns a base or threshold by its name in Materiality, and false
// when the profile does not state it.
func (p *Profile) Amount(name string) (money.Amount, bool) {
	f := Materiality.Lookup(name)
	if f == nil || f.Kind != event.Amount || !p.record.Has(f) {
		return money.Amount{}, false
	}
	return p.record.Amount(f), true
}

const profileSchema = "tocsin.profile/v1"

type profileFile struct {
	Schema         strictyaml.Text                 `yaml:"schema,required"`
	ID             strictyaml.Text                 `yaml:"id,required"`
	Version        strictyaml.Whole                `yaml:"version,required"`
	Registrant     strictyaml.Text                 `yaml:"registrant_cik,required"`
	From           strictyaml.Text                 `yaml:"effective_from,required"`
	To             strictyaml.Text                 `yaml:"effective_to"`
	Currency       strictyaml.Text                 `yaml:"group_currency,required"`
	Basis          strictyaml.Map[strictyaml.Tree] `yaml:"basis,required"`
	Method         strictyaml.Text                 `yaml:"method,required"`
	SignChanged    bool                            `yaml:"sign_changed"`
	Overall        strictyaml.Text                 `yaml:"overall"`
	Performance    strictyaml.Text                 `yaml:"performance"`
	ClearlyTrivial strictyaml.Text                 `yaml:"clearly_trivial"`
	Components     []componentFile                 `yaml:"components"`
	Notes          string                          `yaml:"notes"`
	PreparedBy     strictyaml.Text                 `yaml:"prepared_by,required"`
	ApprovedBy     []strictyaml.Text               `yaml:"approved_by,required"`
	Sources        []string                        `yaml:"sources,required"`
}

var (
	cikForm      = regexp.MustCompile(`^[0-9]{10}$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	idForm       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// lastDate stands for "open-ended": the last day that the calendars can hold.
const lastDate = calendar.Date(1<<31 - 2)

// loadProfile reads a profile. It reports codeProfile and codes of rules.
func loadProfile(src *strictyaml.Source) (*Profile, strictyaml.Text, diag.List) {
	var file profileFile
	mistakes := strictyaml.Decode(src, &file, strictyaml.Options{})
	malformed := len(mistakes)
	report := func(code string, at strictyaml.Text, hint, format string, args ...any) {
		mistakes = append(mistakes, src.Mistake(code, at, hint, format, args...))
	}
	p := &Profile{ID: file.ID.Value, Version: file.Version.N, Registrant: file.Registrant.Value, PreparedBy: file.PreparedBy.Value, To: lastDate,
		Sources: file.Sources, Notes: file.Notes}
	mistakes = append(mistakes, checkSchema(src, file.Schema, profileSchema)...)
	if !idForm.MatchString(p.ID) {
		report(codeID, file.ID, "use letters, digits, and . _ - within", "the id is malformed")
	}
	if p.Version < 1 {
		report(codeProfile, file.Version.Text, "count from 1: version: 1", "version is less than 1")
	}
	if !cikForm.MatchString(p.Registrant) {
		report(codeProfile, file.Registrant, "write it in quotes, with its leading zeros", "registrant_cik is not ten digits")
	}
	if mistake := checkCurrency(src, file.Currency); mistake != nil {
		mistakes = append(mistakes, mistake)
	}
	mistakes = append(mistakes, p.dates(src, &file)...)
	mistakes = append(mistakes, p.approvals(src, &file)...)
	mistakes = append(mistakes, p.amounts(src, &file)...)
	mistakes = append(mistakes, p.readComponents(src, &file)...)
	return p, file.From, withoutAbsent(mistakes, malformed)
}

// withoutAbsent drops mistakes about missing scalars, which have no line, from those
// that follow the first malformed ones: the decoder has reported them there.
func withoutAbsent(mistakes diag.List, malformed int) diag.List {
	return append(mistakes[:malformed:malformed], slices.DeleteFunc(mistakes[malformed:], func(d *diag.Diagnostic) bool { return d.Line == 0 })...)
}

func (p *Profile) dates(src *strictyaml.Source, file *profileFile) (mistakes diag.List) {
	parse := func(at strictyaml.Text, into *calendar.Date) {
		d, err := calendar.ParseDate(at.Value)
		if err != nil {
			mistakes = append(mistakes, src.Mistake(codeProfile, at, "write it as 2026-01-31", "not a date"))
			return
		}
		*into = d
	}
	parse(file.From, &p.From)
	if file.To.Given() {
		parse(file.To, &p.To)
	}
	if len(mistakes) == 0 && p.To < p.From {
		mistakes = append(mistakes, src.Mistake(codeProfile, file.To, "write a day from "+p.From.String()+" on, or leave effective_to out", "effective_to is before effective_from"))
	}
	p.begin, p.end = p.From.At(0, 0, calendar.NewYork()).UnixMicro(), 1<<63-1
	if file.To.Given() {
		p.end = p.To.AddDays(1).At(0, 0, calendar.NewYork()).UnixMicro()
	}
	return mistakes
}

func (p *Profile) approvals(src *strictyaml.Source, file *profileFile) (mistakes diag.List) {
	for _, by := range file.ApprovedBy {
		switch {
		case by.Value == p.PreparedBy:
			mistakes = append(mistakes, src.Mistake(codeApproval, by, "have another person approve", "approved by the person who prepared it"))
		case slices.Contains(p.ApprovedBy, by.Value):
			mistakes = append(mistakes, src.Mistake(codeApproval, by, "name each person once", "approved twice by the same person"))
		}
		p.ApprovedBy = append(p.ApprovedBy, by.Value)
	}
	if len(p.ApprovedBy) < 2 {
		mistakes = append(mistakes, src.Mistake(codeApproval, file.ID, "name one from Finance and one from Legal", "fewer than two approvals"))
	}
	return mistakes
}

// overlaps reports profiles of one registrant that are in force together.
func overlaps(t *tree, profiles []placedProfile) (mistakes diag.List) {
	sorted := slices.Clone(profiles)
	slices.SortStableFunc(sorted, func(a, b placedProfile) int {
		return cmp.Or(strings.Compare(a.Registrant, b.Registrant), cmp.Compare(a.From, b.From))
	})
	for i := 1; i < len(sorted); i++ {
		a, b := sorted[i-1], sorted[i]
		if a.Registrant == b.Registrant && b.From <= a.To {
			mistakes = append(mistakes, t.source(b.file).Mistake(codeOverlap, b.from,
				"end the earlier one the day before with effective_to", "in force together with %s (%s)", a.Ref(), a.file))
		}
	}
	return mistakes
}

type placedProfile struct {
	*Profile
	file string
	from strictyaml.Text
}
