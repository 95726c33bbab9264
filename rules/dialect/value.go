package dialect

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// Value is the value of an expression. Only the member of its Kind is set, and
// none when it is Missing or Failed.
type Value struct {
	Type    Type
	Missing bool // a value it needs was not sent
	Failed  bool // it cannot be computed

	Bool    bool
	Int     int64 // of Int; of Duration, in microseconds
	Money   money.Amount
	Rate    money.Rate
	Text    string
	Texts   []string
	Date    calendar.Date
	Instant time.Time

	// Currency is the ISO 4217 code of Money, where the event names it.
	Currency string
}

// Known reports whether there is a value.
func (v *Value) Known() bool { return !v.Missing && !v.Failed }

func (v *Value) mark(s state) { v.Missing, v.Failed = s == gone, s == bad }

// String writes the value with its unit: "1200000 USD", "5%", "4h", "missing".
// It is material non-public information.
func (v *Value) String() string {
	switch {
	case v.Missing:
		return "missing"
	case v.Failed:
		return "failed"
	}
	switch v.Type.Kind {
	case Bool:
		return strconv.FormatBool(v.Bool)
	case Text:
		return v.Text
	case Texts:
		return strings.Join(v.Texts, ", ")
	case Int:
		return withUnit(strconv.FormatInt(v.Int, 10), v.Type.Unit)
	case Money:
		return v.Money.String() + v.currency()
	case Rate:
		if v.Type.Unit == event.Fraction {
			return percent(v.Rate)
		}
		return v.Rate.String()
	case Date:
		return v.Date.String()
	case Instant:
		if d, only := event.DayOf(v.Instant); only {
			return d.String()
		}
		return v.Instant.Format(time.RFC3339Nano)
	case Duration:
		return durationText(v.Int)
	}
	return ""
}

// Number returns the value as an exact number and the unit that it counts: the
// code of a currency, seconds for a duration, fraction for a percentage, else
// the unit of the field. Money without a code has the unit "group currency" or
// that of its other role. A value that is no number, or that has more than nine
// decimals, has no number.
func (v *Value) Number() (n money.Amount, unit string, ok bool) {
	if !v.Known() {
		return n, "", false
	}
	switch v.Type.Kind {
	case Money:
		return v.Money, strings.Trim(v.currency(), " ()"), true
	case Int:
		return money.FromInt(v.Int), string(v.Type.Unit), true
	case Rate:
		n, ok = decimals(v.Rate.Big(), money.RateScale)
		return n, string(v.Type.Unit), ok
	case Duration:
		n, ok = decimals(big.NewInt(v.Int), 6)
		return n, string(event.Seconds), ok
	}
	return n, "", false
}

// decimals is n in units of 10^-scale as an Amount, if that is exact.
func decimals(n *big.Int, scale int) (money.Amount, bool) {
	by := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(scale-money.Scale, money.Scale-scale))), nil)
	if scale <= money.Scale {
		a, err := money.FromBig(by.Mul(n, by))
		return a, err == nil
	}
	whole, rest := new(big.Int).QuoRem(n, by, new(big.Int))
	a, err := money.FromBig(whole)
	return a, err == nil && rest.Sign() == 0
}

func (v *Value) currency() string {
	switch {
	case v.Currency != "":
		return " " + v.Currency
	case role(v.Type.Unit):
		return " (" + string(v.Type.Unit) + " currency)"
	case v.Type.Unit != "":
		return " " + string(v.Type.Unit)
	}
	return ""
}

func withUnit(n string, u event.Unit) string {
	switch u {
	case event.None, event.Count:
		return n
	}
	return n + " " + string(u)
}

// percent writes 0.05 as 5%.
func percent(r money.Rate) string {
	n := new(big.Int).Mul(r.Big(), big.NewInt(100))
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
		n.Neg(n)
	}
	digits := fmt.Sprintf("%0*s", money.RateScale+1, n.String())
	point := len(digits) - money.RateScale
	fraction := strings.TrimRight(digits[point:], "0")
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + digits[:point] + fraction + "%"
}

const (
	microsecond = 1
	second      = 1_000_000 * microsecond
	minute      = 60 * second
	hour        = 60 * minute
	day         = 24 * hour
)

// durationText writes microseconds in the largest units that are exact.
func durationText(n int64) string {
	if n != 0 && n%day == 0 {
		if n == day || n == -day {
			return strconv.FormatInt(n/day, 10) + " day"
		}
		return strconv.FormatInt(n/day, 10) + " days"
	}
	if n == 0 {
		return "0s"
	}
	sign, m := "", uint64(n)
	if n < 0 {
		sign, m = "-", -uint64(n)
	}
	var b strings.Builder
	b.WriteString(sign)
	for _, u := range []struct {
		size uint64
		name string
	}{{hour, "h"}, {minute, "m"}} {
		if q := m / u.size; q > 0 {
			b.WriteString(strconv.FormatUint(q, 10) + u.name)
			m %= u.size
		}
	}
	if m > 0 {
		s := strconv.FormatUint(m/second, 10)
		if f := m % second; f > 0 {
			s += "." + strings.TrimRight(fmt.Sprintf("%06d", f), "0")
		}
		b.WriteString(s + "s")
	}
	return b.String()
}
