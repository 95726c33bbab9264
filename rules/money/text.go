package money

import (
	"errors"
	"math/bits"
)

// Errors of Parse. They name the kind of mistake and never the value: amounts
// in a ledger are material non-public information.
var (
	ErrSyntax    = errors.New("is not a decimal number: want digits, an optional sign, point and exponent")
	ErrPrecision = errors.New("has more than 9 digits after the point that are not zero")
)

// maxExponent bounds the exponent of a number in scientific notation. Any
// non-zero number with a larger one is out of range in either direction.
const maxExponent = 100

// Parse reads a decimal in JSON's number grammar, from text and exactly: a
// number that does not fit Decimal(38,9) is an error, never a rounding. Zeros
// beyond the ninth decimal lose nothing and are accepted. An exponent is exact
// too and is applied, because common serialisers write 1E+3 for 1000. A
// leading plus sign and leading zeros, which JSON forbids, are errors.
func Parse(s string) (Amount, error) { return parse(s, Scale) }

// parse reads s with the given number of decimals.
func parse[T ~string | ~[]byte](s T, scale int) (Amount, error) {
	i, neg := 0, false
	if i < len(s) && s[i] == '-' {
		neg, i = true, i+1
	}
	digits := i
	var n mantissa
	for i < len(s) && isDigit(s[i]) {
		if !n.push(s[i]) {
			return Amount{}, ErrOverflow
		}
		i++
	}
	if i == digits || (s[digits] == '0' && i > digits+1) {
		return Amount{}, ErrSyntax
	}
	places := 0 // digits of the mantissa that stand after the point
	zeros := 0  // zeros read after the point and not yet pushed
	if i < len(s) && s[i] == '.' {
		i++
		first := i
		for ; i < len(s) && isDigit(s[i]); i++ {
			// Trailing zeros must not cost digits: they are pushed only when
			// another digit follows.
			if s[i] == '0' {
				zeros++
				continue
			}
			for ; zeros >= 0; zeros-- {
				c := byte('0')
				if zeros == 0 {
					c = s[i]
				}
				if !n.push(c) {
					return Amount{}, tooLong(i - first)
				}
				places++
			}
			zeros = 0
		}
		if i == first {
			return Amount{}, ErrSyntax
		}
	}
	exp := 0
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		var ok bool
		if exp, i, ok = exponent(s, i+1); !ok {
			return Amount{}, ErrSyntax
		}
	}
	if i != len(s) {
		return Amount{}, ErrSyntax
	}
	return n.scaled(scale-places+exp, neg)
}

func tooLong(decimals int) error {
	if decimals >= Scale {
		return ErrPrecision
	}
	return ErrOverflow
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func exponent[T ~string | ~[]byte](s T, i int) (exp, next int, ok bool) {
	neg := false
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		neg, i = s[i] == '-', i+1
	}
	first := i
	for ; i < len(s) && isDigit(s[i]); i++ {
		if exp < maxExponent {
			exp = exp*10 + int(s[i]-'0')
		}
	}
	if neg {
		exp = -exp
	}
	return exp, i, i > first
}

// mantissa is an unsigned 128-bit integer built digit by digit.
type mantissa struct{ hi, lo uint64 }

// push appends a decimal digit; false when 38 digits are exceeded.
func (m *mantissa) push(c byte) bool {
	hi, lo, ok := mul128(m.hi, m.lo, 10)
	if !ok {
		return false
	}
	lo, carry := bits.Add64(lo, uint64(c-'0'), 0)
	hi += carry
	if over(hi, lo) {
		return false
	}
	m.hi, m.lo = hi, lo
	return true
}

// scaled multiplies by 10^shift exactly and applies the sign.
func (m mantissa) scaled(shift int, neg bool) (Amount, error) {
	if m.hi == 0 && m.lo == 0 {
		return Amount{}, nil
	}
	for ; shift > 0; shift-- {
		if !m.push('0') {
			return Amount{}, ErrOverflow
		}
	}
	for ; shift < 0; shift++ {
		q, r := m.div10()
		if r != 0 {
			return Amount{}, ErrPrecision
		}
		m = q
	}
	a := Amount{int64(m.hi), m.lo}
	if neg {
		a = a.Neg()
	}
	return a, nil
}

func (m mantissa) div10() (q mantissa, r uint64) {
	q.hi, r = m.hi/10, m.hi%10
	q.lo, r = bits.Div64(r, m.lo, 10)
	return q, r
}

// over reports whether the magnitude is 10^38 or more.
func over(hi, lo uint64) bool {
	return hi > uint64(limit.hi) || (hi == uint64(limit.hi) && lo >= limit.lo)
}

func mul128(hi, lo, n uint64) (uint64, uint64, bool) {
	h1, l1 := bits.Mul64(lo, n)
	h2, l2 := bits.Mul64(hi, n)
	sum, carry := bits.Add64(l2, h1, 0)
	return sum, l1, h2 == 0 && carry == 0
}

// String writes a with no exponent and no trailing zeros: -0.5, 1200, 3.000001.
func (a Amount) String() string { return string(a.Append(nil)) }

// Append appends the text of a to dst.
func (a Amount) Append(dst []byte) []byte { return appendScaled(dst, a, Scale) }

func appendScaled(dst []byte, a Amount, scale int) []byte {
	if a.hi < 0 {
		dst = append(dst, '-')
	}
	m := mantissa{uint64(a.Abs().hi), a.Abs().lo}
	var buf [Digits + 2]byte
	i, seen := len(buf), false
	for d := 0; d < scale || m.hi != 0 || m.lo != 0 || d == scale; d++ {
		if d == scale && seen {
			i--
			buf[i] = '.'
		}
		var r uint64
		m, r = m.div10()
		if seen = seen || r != 0 || d >= scale; seen {
			i--
			buf[i] = byte('0' + r)
		}
	}
	return append(dst, buf[i:]...)
}
