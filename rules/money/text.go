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

// maxExponent bounds the exponent of a number in scientific notation. It is far
// larger than any text that holds a number is long, so that no count of zeros
// can bring a number with a larger exponent back into range.
const maxExponent = 1 << 40

// Parse reads a decimal in JSON's number grammar exactly: a number that does not fit
// Decimal(38,9) is an error, never a rounding. Zeros
// beyond the ninth decimal lose nothing and are accepted. An exponent is exact
// too and is applied, because common serialisers write 1E+3 for 1000. A
// leading plus sign and leading zeros, which JSON forbids, are errors.
func Parse(s string) (Amount, error) { return parse(s, Scale) }

// parse reads s with the given number of decimals.
func parse(s string, scale int) (Amount, error) {
	if a, ok := parseShort(s, scale); ok {
		return a, nil
	}
	return parseLong(s, scale)
}

// powers holds the powers of ten that 64 bits hold and a scale needs.
var powers = func() (p [RateScale + 1]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// parseShort reads nearly every number: at most 19 characters, no
// exponent and no more decimals than the scale. 19 digits fit 64 bits, and 18
// more that the scale adds fit 38. It returns false for anything else,
// whether it is a number or not.
func parseShort(s string, scale int) (a Amount, ok bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > 19 {
		return Amount{}, false
	}
	point := len(s)
	var n uint64
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			if s[i] != '.' || point != len(s) || i == 0 {
				return Amount{}, false
			}
			point = i
			continue
		}
		n = n*10 + uint64(c)
	}
	places := max(len(s)-point-1, 0)
	if places > scale || point == len(s)-1 || (s[0] == '0' && point > 1) {
		return Amount{}, false
	}
	hi, lo := bits.Mul64(n, powers[scale-places])
	if a = (Amount{int64(hi), lo}); neg {
		a = a.Neg()
	}
	return a, true
}

// parseLong reads any number.
func parseLong(s string, scale int) (Amount, error) {
	i, neg := 0, false
	if i < len(s) && s[i] == '-' {
		neg, i = true, i+1
	}
	first := i
	var m mantissa
	for ; i < len(s) && isDigit(s[i]); i++ {
		m.add(s[i])
	}
	if i == first || (s[first] == '0' && i > first+1) {
		return Amount{}, ErrSyntax
	}
	// before is how many digits stand before the point, from the first that is
	// not zero on; below zero it is how many zeros follow the point.
	before, places := m.digits, 0
	if i < len(s) && s[i] == '.' {
		i++
		for ; i < len(s) && isDigit(s[i]); i++ {
			m.add(s[i])
			if places++; m.digits == 0 {
				before--
			}
		}
		if places == 0 {
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
	shift := scale - places + exp + m.zeros
	switch {
	case i != len(s):
		return Amount{}, ErrSyntax
	case m.digits == 0:
		return Amount{}, nil
	case before+exp > Digits-scale:
		return Amount{}, ErrOverflow
	case m.long || shift < 0:
		return Amount{}, ErrPrecision
	}
	for ; shift > 0; shift-- {
		m.push('0')
	}
	a := Amount{int64(m.hi), m.lo}
	if neg {
		a = a.Neg()
	}
	return a, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func exponent(s string, i int) (exp, next int, ok bool) {
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

// mantissa is the digits of a number as an unsigned 128-bit integer. Zeros at
// its end are counted and not yet part of it, because they must not cost digits
// when they stand behind the point or when an exponent takes them away again.
type mantissa struct {
	hi, lo uint64
	digits int  // from the first that is not zero on, zeros included
	zeros  int  // at the end
	long   bool // more than 38 digits: hi and lo are meaningless
}

// add appends a digit of the text.
func (m *mantissa) add(c byte) {
	if c == '0' {
		if m.digits > 0 {
			m.digits++
			m.zeros++
		}
		return
	}
	m.digits++
	for ; m.zeros > 0 && !m.long; m.zeros-- {
		m.push('0')
	}
	m.push(c)
}

// push appends a digit to the integer.
func (m *mantissa) push(c byte) {
	hi, lo, ok := mul128(m.hi, m.lo, 10)
	lo, carry := bits.Add64(lo, uint64(c-'0'), 0)
	hi += carry
	if m.long = m.long || !ok || over(hi, lo); !m.long {
		m.hi, m.lo = hi, lo
	}
}

// div10 divides a 128-bit integer by ten.
func div10(hi, lo uint64) (qhi, qlo, r uint64) {
	if hi == 0 { // nearly always, and the compiler then multiplies instead
		return 0, lo / 10, lo % 10
	}
	qlo, r = bits.Div64(hi%10, lo, 10)
	return hi / 10, qlo, r
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
	hi, lo := uint64(a.Abs().hi), a.Abs().lo
	var buf [Digits + 2]byte
	i, seen := len(buf), false
	for d := 0; d <= scale || hi != 0 || lo != 0; d++ {
		if d == scale && seen {
			i--
			buf[i] = '.'
		}
		var r uint64
		hi, lo, r = div10(hi, lo)
		if seen = seen || r != 0 || d >= scale; seen {
			i--
			buf[i] = byte('0' + r)
		}
	}
	return append(dst, buf[i:]...)
}
