package rules

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/rules/calendar"
	"tocsin/rules/diag"
	"tocsin/rules/event"
	"tocsin/rules/money"
	"tocsin/rules/strictyaml"
)

// Origin is where a base was taken from.
type Origin struct {
	Source string // the document; empty: the profile's sources
	// RestatedIn is the filing in which the figure was restated, if it was.
	RestatedIn string
}

// Figure is one number of a profile and its derivation.
type Figure struct {
	Name   string
	Amount money.Amount // in the profile's group currency
	Doc    string       // what it is
	How    string       // the document a base was taken from; the derivation of a threshold
}

// Figures returns the numbers that the profile states or that follow from it, the
// bases first. component is a company code, whose own materiality comes last; ""
// or an unknown code adds none.
func (p *Profile) Figures(component string) (all []Figure) {
	record := &p.record
	if c := p.components[component]; c != nil {
		record = c
	}
	for i := range Materiality.Fields {
		f := &Materiality.Fields[i]
		if f.Kind != event.Amount || !record.Has(f) {
			continue
		}
		how, derived := p.how[f.Name]
		switch {
		case strings.HasPrefix(f.Name, componentPrefix):
			how = "given for the component " + component
		case !derived:
			how = p.origin(f.Name)
		}
		all = append(all, Figure{f.Name, record.Amount(f), f.Doc, how})
	}
	return all
}

func (p *Profile) origin(base string) string {
	o := p.origins[base]
	text := o.Source
	if text == "" {
		text = strings.Join(p.Sources, "; ")
	}
	if o.RestatedIn != "" {
		text += ", restated in " + o.RestatedIn
	}
	return text
}

// Currency is the ISO 4217 code of the profile's amounts.
func (p *Profile) Currency() string { return p.record.Text(Materiality.Lookup("group_currency")) }

// InForce reports whether the profile is in force on a day in New York.
func (p *Profile) InForce(on calendar.Date) bool { return p.From <= on && on <= p.To }

// OpenEnded reports whether the profile has no last day.
func (p *Profile) OpenEnded() bool { return p.To == lastDate }

// Components returns the company codes of the profile's components, sorted.
func (p *Profile) Components() (codes []string) {
	for code := range p.components {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// readBase reads a base: an amount, or a mapping of amount, source and
// restated_in.
func readBase(src *strictyaml.Source, key strictyaml.Text, t strictyaml.Tree) (amount strictyaml.Text, o Origin, mistakes diag.List) {
	report := func(at strictyaml.Text, hint, format string, args ...any) {
		mistakes = append(mistakes, src.Mistake(codeProfile, at, hint, format, args...))
	}
	const form = "write 1_200_000.50, or { amount: 1_200_000.50, source: 10-K 2025, restated_in: 10-K/A 2025 }"
	if t.Scalar {
		return t.Text, o, nil
	}
	for _, m := range t.Members {
		if !m.Value.Scalar {
			report(m.Key, form, "%s of a base is a text", m.Key.Value)
			continue
		}
		text := m.Value.Text.Value
		switch m.Key.Value {
		case "amount":
			amount = m.Value.Text
		case "source":
			o.Source = text
		case "restated_in":
			o.RestatedIn = text
		default:
			report(m.Key, form, "a base has no %s", m.Key.Value)
		}
	}
	switch {
	case !amount.Given() && len(mistakes) == 0:
		report(key, form, "%s has no amount", key.Value)
	case o.RestatedIn != "" && o.Source == "":
		report(key, "name the document that it stood in first, as source", "%s was restated, and its first document is not named", key.Value)
	}
	return amount, o, mistakes
}

// ProfileAt returns the profile that is in force for a registrant on a day in New
// York.
func (p *Pack) ProfileAt(registrant string, on calendar.Date) (*Profile, error) {
	var known []string
	for _, profile := range p.profiles {
		if profile.Registrant != registrant {
			continue
		}
		if profile.InForce(on) {
			return profile, nil
		}
		to := profile.To.String()
		if profile.OpenEnded() {
			to = "now"
		}
		known = append(known, fmt.Sprintf("%s from %s to %s", profile.Ref(), profile.From, to))
	}
	if known == nil {
		return nil, fmt.Errorf("the pack has no materiality profile of the registrant %s", registrant)
	}
	return nil, fmt.Errorf("no materiality profile of the registrant %s is in force on %s: the pack has %s", registrant, on, strings.Join(known, ", "))
}
