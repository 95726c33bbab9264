package rules

import (
	"errors"
	"slices"
	"strings"

	"tocsin/rules/diag"
	"tocsin/rules/event"
	"tocsin/rules/money"
	"tocsin/rules/strictyaml"
)

// thresholds are the fields that a profile states itself (method: given) or
// that follow from its bases (method: derived).
var thresholds = []string{"overall", "performance", "clearly_trivial"}

func basisNames() []string {
	var names []string
	for _, f := range Materiality.Fields {
		if f.Kind == event.Amount && !slices.Contains(thresholds, f.Name) && !strings.HasPrefix(f.Name, componentPrefix) {
			names = append(names, f.Name)
		}
	}
	return names
}

// amounts fills the profile's record.
func (p *Profile) amounts(src *strictyaml.Source, file *profileFile) (mistakes diag.List) {
	p.record, p.origins, p.how = event.NewRecord(Materiality), map[string]Origin{}, map[string]string{}
	p.record.SetText(Materiality.Lookup("group_currency"), file.Currency.Value)
	set := func(name string, at strictyaml.Text) {
		a, err := parseAmount(at.Value, file.Currency.Value)
		if err != nil {
			mistakes = append(mistakes, src.Mistake(codeProfile, at, "write it as 1_200_000.50", "%s %v", name, err))
			return
		}
		p.record.SetAmount(Materiality.Lookup(name), a)
	}
	for _, b := range file.Basis {
		if !slices.Contains(basisNames(), b.Key.Value) {
			hint := "known bases: " + strings.Join(basisNames(), ", ")
			if near := diag.Nearest(b.Key.Value, basisNames()); near != "" {
				hint = "did you mean " + near + "?"
			}
			mistakes = append(mistakes, src.Mistake(codeProfile, b.Key, hint, "unknown base %q", b.Key.Value))
			continue
		}
		amount, origin, found := readBase(src, b.Key, b.Value)
		mistakes = append(mistakes, found...)
		if amount.Given() {
			set(b.Key.Value, amount)
			p.origins[b.Key.Value] = origin
		}
	}
	given := map[string]strictyaml.Text{"overall": file.Overall, "performance": file.Performance, "clearly_trivial": file.ClearlyTrivial}
	switch file.Method.Value {
	case "given":
		for _, name := range thresholds {
			if !given[name].Given() {
				mistakes = append(mistakes, src.Mistake(codeProfile, file.Method, "add "+name+":", "method given, and %s is not stated", name))
				continue
			}
			set(name, given[name])
			p.how[name] = "given by the profile"
		}
	case "derived":
		for _, name := range thresholds {
			if given[name].Given() {
				mistakes = append(mistakes, src.Mistake(codeProfile, given[name], "take it away, or write method: given", "%s is stated and derived too", name))
			}
		}
		if len(mistakes) == 0 {
			if err := p.derive(file.SignChanged); err != nil {
				mistakes = append(mistakes, src.Mistake(codeProfile, file.Method, "state the bases it is derived from", "cannot be derived: %v", err))
			}
		}
	default:
		mistakes = append(mistakes, src.Mistake(codeWord, file.Method, "write given or derived", "unknown method %q", file.Method.Value))
	}
	return mistakes
}

// parseAmount reads 1_200_000.50 or USD 1_200_000.50.
func parseAmount(s, currency string) (money.Amount, error) {
	if rest, ok := strings.CutPrefix(s, currency+" "); ok {
		s = rest
	}
	if strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return money.Amount{}, errors.New("has an underscore that is not between digits")
	}
	return money.Parse(strings.ReplaceAll(s, "_", ""))
}

// derive computes the thresholds from pre-tax income P, revenue R and total
// assets A as SAB 99's rule of thumb and practice have it:
//
//	base = 5 % of |P|, or, when P is no measure of the business (a loss, less
//	       than 0.5 % of R, or its sign changed within the last four periods),
//	       the larger of 0.5 % of R and 0.25 % of A
//	overall         = base, at least 0.25 % of R and at most 1 % of A
//	performance     = 75 % of overall
//	clearly_trivial = 5 % of overall
//
// Without the guard a year near break-even would make every journal material.
func (p *Profile) derive(signChanged bool) error {
	base := func(name string) money.Amount { a, _ := p.Amount(name); return a }
	for _, name := range []string{"pretax_income_ttm", "revenue_ttm", "total_assets"} {
		if _, ok := p.Amount(name); !ok {
			return errors.New(name + " is not stated")
		}
	}
	income, revenue, assets := base("pretax_income_ttm"), base("revenue_ttm"), base("total_assets")
	if revenue.Sign() < 0 || assets.Sign() <= 0 {
		return errors.New("revenue_ttm is negative or total_assets is not positive")
	}
	var err error
	share := func(rate string, of money.Amount) money.Amount {
		r, rateErr := money.ParseRate(rate)
		a, timesErr := r.Times(of)
		err = errors.Join(err, rateErr, timesErr)
		return a
	}
	say := func(a money.Amount) string {
		return a.String() + " " + p.record.Text(Materiality.Lookup("group_currency"))
	}
	overall, how := share("0.05", income.Abs()), ""
	how = "5% of pretax_income_ttm is " + say(overall)
	if guard := guarded(income, share("0.005", revenue), signChanged); guard != "" {
		overall = larger(share("0.005", revenue), share("0.0025", assets))
		how = guard + ": the larger of 0.5% of revenue_ttm, " + say(share("0.005", revenue)) + ", and 0.25% of total_assets, " + say(share("0.0025", assets))
	}
	if least := share("0.0025", revenue); overall.Cmp(least) < 0 {
		overall = least
		how += "; raised to 0.25% of revenue_ttm"
	}
	if most := share("0.01", assets); most.Cmp(overall) < 0 {
		overall = most
		how += "; lowered to 1% of total_assets"
	}
	p.how["overall"], p.how["performance"], p.how["clearly_trivial"] = how, "75% of overall", "5% of overall"
	p.record.SetAmount(Materiality.Lookup("overall"), overall)
	p.record.SetAmount(Materiality.Lookup("performance"), share("0.75", overall))
	p.record.SetAmount(Materiality.Lookup("clearly_trivial"), share("0.05", overall))
	return err
}

// guarded is why pre-tax income is no measure of the business, or "".
func guarded(income, least money.Amount, signChanged bool) string {
	switch {
	case income.Sign() <= 0:
		return "pretax_income_ttm is a loss"
	case income.Cmp(least) < 0:
		return "pretax_income_ttm is near break-even, less than 0.5% of revenue_ttm"
	case signChanged:
		return "pretax_income_ttm changed its sign within four periods"
	}
	return ""
}

func larger(a, b money.Amount) money.Amount {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}
