package rules

import (
	"tocsin/rules/diag"
	"tocsin/rules/event"
	"tocsin/rules/strictyaml"
)

// A component is an entity of the group that is audited with a materiality of
// its own, lower than the group's: its errors add to those of others.

// componentPrefix begins the names of a component's fields in a profile.
const componentPrefix = "component_"

type componentFile struct {
	Company     strictyaml.Text `yaml:"company_code,required"`
	Overall     strictyaml.Text `yaml:"overall,required"`
	Performance strictyaml.Text `yaml:"performance,required"`
}

// readComponents fills a record for each component: the profile's, with the
// component's own thresholds.
func (p *Profile) readComponents(src *strictyaml.Source, file *profileFile) (mistakes diag.List) {
	p.components = map[string]*event.Record{}
	report := func(at strictyaml.Text, hint, format string, args ...any) {
		mistakes = append(mistakes, src.Mistake(codeProfile, at, hint, format, args...))
	}
	for _, c := range file.Components {
		if p.components[c.Company.Value] != nil {
			report(c.Company, "keep one", "the component %s stands twice", c.Company.Value)
		}
		record := p.record.Copy()
		overall, err := parseAmount(c.Overall.Value, file.Currency.Value)
		if err != nil {
			report(c.Overall, "write it as 1_200_000.50", "overall %v", err)
			continue
		}
		performance, err := parseAmount(c.Performance.Value, file.Currency.Value)
		if err != nil {
			report(c.Performance, "write it as 1_200_000.50", "performance %v", err)
			continue
		}
		if group, ok := p.Amount("overall"); ok && overall.Cmp(group) > 0 {
			report(c.Overall, "write less: a component's errors add to those of others", "the component's overall materiality is above the group's, %s", group)
		}
		if performance.Cmp(overall) > 0 {
			report(c.Performance, "write less than overall, usually 50 to 75 % of it", "performance is above overall")
		}
		record.SetAmount(Materiality.Lookup("component_overall"), overall)
		record.SetAmount(Materiality.Lookup("component_performance"), performance)
		p.components[c.Company.Value] = &record
	}
	return mistakes
}

// of is the profile as an event sees it: with its component, if it is of one.
func (p *Profile) of(r *Rule, e *event.Record) *event.Record {
	if len(p.components) > 0 && r.company != nil && e.Has(r.company) {
		if c := p.components[e.Text(r.company)]; c != nil {
			return c
		}
	}
	return &p.record
}
