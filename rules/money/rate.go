package money

import (
	"errors"
	"math/big"
)

// RateScale is the number of decimals of a Rate: Decimal(38, 18).
const RateScale = 18

// Rate is an exact number without a currency: a percentage, a ratio or an
// exchange rate, |r| < 10^20, with eighteen decimals. A percentage is stored
// as the fraction it stands for: 5 % is 0.05.
type Rate struct{ v Amount }

// ErrRate means that a rate has too many digits to be exact.
var ErrRate = errors.New("does not fit Decimal(38,18): more than 20 digits before the point or 18 after it")

// ErrDivision means that a ratio has no value because its base is zero.
var ErrDivision = errors.New("division by zero")

// ParseRate reads a rate in JSON's number grammar, exactly.
func ParseRate(s string) (Rate, error) {
	v, err := parse(s, RateScale)
	if errors.Is(err, ErrOverflow) || errors.Is(err, ErrPrecision) {
		err = ErrRate
	}
	return Rate{v}, err
}

// Percent returns the rate that p percent stands for: p / 100.
func Percent(p Rate) (Rate, error) {
	q, r := new(big.Int).QuoRem(p.v.Big(), big.NewInt(100), new(big.Int))
	if r.Sign() != 0 {
		return Rate{}, ErrRate
	}
	return RateFromBig(q)
}

// RateFromBits builds a Rate from the halves of its integer, in units of 1e-18.
func RateFromBits(hi int64, lo uint64) Rate { return Rate{Amount{hi, lo}} }

// Bits returns the halves of the 128-bit integer, in units of 1e-18.
func (r Rate) Bits() (hi int64, lo uint64) { return r.v.hi, r.v.lo }

// Big returns the integer of r, in units of 1e-18.
func (r Rate) Big() *big.Int { return r.v.Big() }

// RateFromBig returns the Rate whose integer, in units of 1e-18, is b.
func RateFromBig(b *big.Int) (Rate, error) {
	v, err := FromBig(b)
	if err != nil {
		return Rate{}, ErrRate
	}
	return Rate{v}, nil
}

// Cmp compares r and o and returns -1, 0 or 1.
func (r Rate) Cmp(o Rate) int { return r.v.Cmp(o.v) }

// Sign returns -1, 0 or 1.
func (r Rate) Sign() int { return r.v.Sign() }

// String writes r with no exponent and no trailing zeros.
func (r Rate) String() string { return string(appendScaled(nil, r.v, RateScale)) }

// Append appends the text of r to dst.
func (r Rate) Append(dst []byte) []byte { return appendScaled(dst, r.v, RateScale) }

var rateUnit = new(big.Int).Exp(big.NewInt(10), big.NewInt(RateScale), nil)

// Times returns r * a, rounded half away from zero at the ninth decimal: the
// product of a percentage and a base in cents is exact well before that, and a
// rule that compares with it has one documented value in every case.
func (r Rate) Times(a Amount) (Amount, error) {
	p := new(big.Int).Mul(r.v.Big(), a.Big())
	return FromBig(divRound(p, rateUnit))
}

// Ratio returns a / b as a Rate, rounded half away from zero at the eighteenth
// decimal, or ErrDivision when b is zero.
func Ratio(a, b Amount) (Rate, error) {
	if b.IsZero() {
		return Rate{}, ErrDivision
	}
	return RateFromBig(divRound(new(big.Int).Mul(a.Big(), rateUnit), b.Big()))
}

// divRound divides with rounding half away from zero.
func divRound(a, b *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	r.Abs(r).Lsh(r, 1)
	if r.CmpAbs(b) >= 0 {
		if a.Sign()*b.Sign() < 0 {
			return q.Sub(q, big.NewInt(1))
		}
		return q.Add(q, big.NewInt(1))
	}
	return q
}
