package rules

import (
	"cmp"
	"slices"
	"strings"

	"tocsin/rules/diag"
	"tocsin/rules/event"
	"tocsin/rules/strictyaml"
)

// chart classifies the accounts of a chart: what rules read as
// .account_subtype of a line whose source does not tell it.
//
// The event itself is not changed: what is stored is what was sent, and another
// pack may classify otherwise.
type chart struct {
	ranges []accountRange // sorted by before; they do not overlap
}

// accountRange is the accounts from first to last, both included, that are as
// long as these.
type accountRange struct {
	first, last, subtype string
	at                   strictyaml.Text
}

// before orders accounts: shorter first, then by their letters. Between accounts
// of one length that is their order as numbers.
func before(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// subtype returns the class of an account, and false when the chart has none.
func (c *chart) subtype(account string) (string, bool) {
	i, found := slices.BinarySearchFunc(c.ranges, account, func(r accountRange, account string) int { return before(r.first, account) })
	if !found {
		i-- // the last that begins before the account
	}
	if i < 0 || len(c.ranges[i].last) != len(account) || c.ranges[i].last < account {
		return "", false
	}
	return c.ranges[i].subtype, true
}

const (
	chartFileName = "accounts.yaml"
	chartSchema   = "tocsin.accounts/v1"
)

type chartFile struct {
	Schema   strictyaml.Text                   `yaml:"schema,required"`
	Accounts strictyaml.Map[[]strictyaml.Text] `yaml:"accounts,required"`
}

// subtypeField is the field of a line that a chart fills in.
var subtypeField = event.Ledger.Lookup("lines").Schema().Lookup("account_subtype")

// loadChart reads the pack's chart; a pack without one knows what the events
// tell, and nothing more.
func (p *Pack) loadChart(t *tree) (mistakes diag.List) {
	if _, ok := t.files[chartFileName]; !ok {
		return nil
	}
	src := t.source(chartFileName)
	var file chartFile
	if mistakes = strictyaml.Decode(src, &file, strictyaml.Options{}); len(mistakes) > 0 {
		return mistakes
	}
	mistakes = checkSchema(src, file.Schema, chartSchema)
	chart := &chart{}
	for _, class := range file.Accounts {
		if !slices.Contains(subtypeField.Values, class.Key.Value) {
			hint := "it is one of " + strings.Join(subtypeField.Values, ", ")
			if near := diag.Nearest(class.Key.Value, subtypeField.Values); near != "" {
				hint = "did you mean " + near + "?"
			}
			mistakes = append(mistakes, src.Mistake(codeAccount, class.Key, hint, "unknown account_subtype %q", class.Key.Value))
		}
		for _, at := range class.Value {
			r := accountRange{subtype: class.Key.Value, at: at}
			first, last, many := strings.Cut(at.Value, "..")
			if r.first, r.last = strings.TrimSpace(first), strings.TrimSpace(last); !many {
				r.last = r.first
			}
			switch {
			case r.first == "" || r.last == "":
				mistakes = append(mistakes, src.Mistake(codeAccount, at, "write 100000..109999, both included", "the range has no begin or no end"))
			case len(r.first) != len(r.last):
				mistakes = append(mistakes, src.Mistake(codeAccount, at, "write a range for each length, with leading zeros as the source has them", "begin and end are not of one length"))
			case r.last < r.first:
				mistakes = append(mistakes, src.Mistake(codeAccount, at, "exchange the two", "the range ends before it begins"))
			default:
				chart.ranges = append(chart.ranges, r)
			}
		}
	}
	slices.SortStableFunc(chart.ranges, func(a, b accountRange) int { return before(a.first, b.first) })
	p.chart = chart
	return append(mistakes, chart.overlaps(src)...)
}

// overlaps reports accounts that stand twice.
func (c *chart) overlaps(src *strictyaml.Source) (mistakes diag.List) {
	var far accountRange // the range so far that ends last
	for _, r := range c.ranges {
		if before(r.first, far.last) <= 0 {
			mistakes = append(mistakes, src.Mistake(codeAccount, r.at, "divide them so that each account stands once",
				"an account of it stands in %s too, as %s", far.at.Value, far.subtype))
		}
		if before(far.last, r.last) < 0 {
			far = r
		}
	}
	return mistakes
}
