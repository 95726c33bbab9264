package dialect

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"tocsin/rules/diag"
)

// slip is something that authors of rules write and that the language does not
// have: an operator of another language, or a constant that belongs into params.
type slip struct {
	form *regexp.Regexp
	hint func(written string) string // "": the text is no slip
}

const (
	numberForm = `[0-9][0-9._,]*`
	largeForm  = `(?: *` + diag.Magnitudes + `\b)?`
)

// slips are tried in this order.
var slips = []slip{
	{regexp.MustCompile(`===|!==|=<|=>|<>|=!`), func(written string) string {
		return "write " + map[string]string{"===": "==", "!==": "!=", "=<": "<=", "=>": ">=", "<>": "!=", "=!": "!="}[written]
	}},
	{writtenDate, asDateParam},
	{regexp.MustCompile(numberForm + ` *% *of\b`), asShareOf},
	{regexp.MustCompile(numberForm + ` *%`), func(written string) string { return asParam("share", written) }},
	{regexp.MustCompile(`(?i)` + numberForm + ` +per ?cent\b`), func(written string) string {
		return asParam("share", strings.TrimRight(written, "percntPERCNT ")+"%")
	}},
	{regexp.MustCompile(`[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?`), func(written string) string { return asParam("since_midnight", sinceMidnight(written)) }},
	{regexp.MustCompile(`(?:(?:\bUS)?[$€£¥]|\b[A-Z]{3}) *` + numberForm + largeForm + `|` + numberForm + largeForm + ` *(?:[$€£¥]|[A-Z]{3}\b)`), asAmountParam},
	{regexp.MustCompile(`[0-9][0-9_]* *[a-z]+\b`), func(written string) string {
		unit := strings.TrimLeft(written, "0123456789_ ")
		if _, ok := timeUnits[unit]; !ok {
			return ""
		}
		return asParam("longest", written)
	}},
	{regexp.MustCompile(numberForm + ` *` + diag.Magnitudes + `\b`), asNumber},
	{regexp.MustCompile(`[0-9]+([.,][0-9]{3})+([.,][0-9]+)?|[0-9]+,[0-9]+`), asNumber},
}

// asParam is the remedy for a constant that an expression cannot hold.
func asParam(name, written string) string {
	return fmt.Sprintf("write it as a param, %s: %s, and %s in its place", name, written, name)
}

// asShareOf is the remedy for 12% of x.
func asShareOf(written string) string {
	share := strings.TrimRight(strings.TrimSuffix(written, "of"), " ")
	return fmt.Sprintf("write it as a param, share: %s, and share * x for %s x", strings.ReplaceAll(share, " ", ""), written)
}

// asAmountParam is the remedy for an amount with its currency.
func asAmountParam(written string) string {
	amount := amountOf(written)
	if strings.HasPrefix(amount, "AND ") || strings.HasPrefix(amount, "NOT ") {
		return ""
	}
	return asParam("limit", amount)
}

// currencySigns are the signs of currencies that have one code only, or nearly so.
var currencySigns = map[string]string{"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}

// amountOf is a written amount, such as $1,000 or 1,000 USD, in the form of a
// param: the code of the currency, then the number.
func amountOf(written string) string {
	digits := strings.Trim(written, "ABCDEFGHIJKLMNOPQRSTUVWXYZ$€£¥ ")
	currency := strings.TrimSpace(strings.Replace(written, digits, "", 1))
	if code, ok := currencySigns[currency]; ok {
		currency = code
	}
	if number := diag.Number(digits); number != "" {
		return currency + " " + number
	}
	return currency + " 5_000_000"
}

// signedAmount is an amount that expr reads as a name.
var signedAmount = regexp.MustCompile(`^(?:US)?\$` + numberForm + largeForm + `$`)

// asSign is the remedy for an amount with the sign of a currency that reads as a
// name, and "" for any other name.
func asSign(name string) string {
	if !signedAmount.MatchString(name) {
		return ""
	}
	return asAmountParam(name)
}

// asNumber is the remedy for a number with separators.
func asNumber(written string) string {
	if number := diag.Number(written); number != "" && number != written {
		return "write " + number + "; groups of three digits may have _ between them, and a decimal mark is a point"
	}
	return numberHint
}

// sinceMidnight is a time of day such as 8:30 as the duration since midnight.
func sinceMidnight(clock string) string {
	units := []int{3600, 60, 1}
	seconds := 0
	for i, part := range strings.Split(clock, ":") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return "8h"
		}
		seconds += n * units[i]
	}
	switch {
	case seconds%3600 == 0:
		return strconv.Itoa(seconds/3600) + "h"
	case seconds%60 == 0:
		return strconv.Itoa(seconds/60) + " min"
	}
	return strconv.Itoa(seconds) + " s"
}

// slip reports a slip that stands where the parser gave up, or just before it;
// nil when there is none.
func (p *parsing) slip(at int) *diag.Diagnostic {
	text := string(p.runes)
	gaveUp := len(string(p.runes[:at]))
	for _, s := range slips {
		for _, m := range s.form.FindAllStringIndex(text, -1) {
			if m[0] > gaveUp || m[1] < gaveUp && strings.TrimSpace(text[m[1]:gaveUp]) != "" {
				continue
			}
			written := text[m[0]:m[1]]
			if hint := s.hint(written); hint != "" {
				from := utf8.RuneCountInString(text[:m[0]])
				return p.src.mistake(CodeSyntax, span{from, from + utf8.RuneCountInString(written)}, written+" cannot stand here", hint)
			}
		}
	}
	return nil
}
