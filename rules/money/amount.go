// Package money holds exact decimal numbers: amounts of money and rates.
//
// An Amount is a 128-bit two's complement integer in units of 1e-9, which is
// ClickHouse's Decimal(38, 9) itself: nothing is converted between the wire,
// the rules and the column, so nothing can be rounded on the way. The currency
// is not part of the value; it belongs to the field the value stands in (see
// package event), because one event carries amounts in up to three currencies
// and the rule language checks them by field, at compile time.
//
// Decimal libraries were measured and rejected: udecimal is 1.5 to 3 times
// slower and stops at 19 decimals with silent truncation, govalues rounds
// 21-digit input silently, shopspring allocates on every operation.
package money

import (
	"errors"
	"math/big"
	"math/bits"
)

// Scale is the number of decimals of an Amount.
const Scale = 9

// Digits is the number of significant digits that fit: Decimal(38, 9) holds
// 29 digits before the point and 9 after it.
const Digits = 38

// ErrOverflow means that a result does not fit 38 digits.
var ErrOverflow = errors.New("does not fit Decimal(38,9): more than 29 digits before the point")

// Amount is a signed decimal with nine places, |a| < 10^29. The zero value is 0.
type Amount struct {
	hi int64
	lo uint64
}

// unit is 10^9, the integer that stands for 1.
const unit = 1_000_000_000

// limit is 10^38, the first magnitude that does not fit.
var limit = Amount{hi: 0x4b3b4ca85a86c47a, lo: 0x098a224000000000}

// FromInt returns the whole number n.
func FromInt(n int64) Amount {
	neg := n < 0
	mag := uint64(n)
	if neg {
		mag = -mag
	}
	hi, lo := bits.Mul64(mag, unit)
	a := Amount{int64(hi), lo}
	if neg {
		return a.Neg()
	}
	return a
}

// FromBits builds an Amount from the two halves of its 128-bit integer, in
// units of 1e-9; Bits is the inverse. It is how sinks read a column back.
func FromBits(hi int64, lo uint64) Amount { return Amount{hi, lo} }

// Bits returns the two halves of the 128-bit integer, in units of 1e-9.
func (a Amount) Bits() (hi int64, lo uint64) { return a.hi, a.lo }

// Sign returns -1, 0 or 1.
func (a Amount) Sign() int {
	switch {
	case a.hi < 0:
		return -1
	case a.hi == 0 && a.lo == 0:
		return 0
	}
	return 1
}

// IsZero reports whether a is 0.
func (a Amount) IsZero() bool { return a.hi == 0 && a.lo == 0 }

// Cmp compares a and b and returns -1, 0 or 1.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a.hi < b.hi:
		return -1
	case a.hi > b.hi:
		return 1
	case a.lo < b.lo:
		return -1
	case a.lo > b.lo:
		return 1
	}
	return 0
}

// Neg returns -a. Every Amount has a negative: the range is symmetric.
func (a Amount) Neg() Amount {
	lo, borrow := bits.Sub64(0, a.lo, 0)
	hi, _ := bits.Sub64(0, uint64(a.hi), borrow)
	return Amount{int64(hi), lo}
}

// Abs returns the magnitude of a.
func (a Amount) Abs() Amount {
	if a.hi < 0 {
		return a.Neg()
	}
	return a
}

// Add returns a + b, or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(uint64(a.hi), uint64(b.hi), carry)
	// Both operands are below 10^38 < 2^127, so the sum cannot wrap past the
	// sign bit unseen: it is compared with the limit instead.
	return Amount{int64(hi), lo}.checked()
}

// Sub returns a - b, or ErrOverflow.
func (a Amount) Sub(b Amount) (Amount, error) { return a.Add(b.Neg()) }

func (a Amount) checked() (Amount, error) {
	if m := a.Abs(); m.hi < 0 || m.Cmp(limit) >= 0 {
		return Amount{}, ErrOverflow
	}
	return a, nil
}

// Big returns a's integer, in units of 1e-9.
func (a Amount) Big() *big.Int {
	m := a.Abs()
	b := new(big.Int).SetUint64(uint64(m.hi))
	b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(m.lo))
	if a.hi < 0 {
		b.Neg(b)
	}
	return b
}

// FromBig returns the Amount whose integer, in units of 1e-9, is b, or
// ErrOverflow.
func FromBig(b *big.Int) (Amount, error) {
	m := new(big.Int).Abs(b)
	if m.BitLen() > 127 {
		return Amount{}, ErrOverflow
	}
	a := Amount{int64(new(big.Int).Rsh(m, 64).Uint64()), m.Uint64()}
	if b.Sign() < 0 {
		a = a.Neg()
	}
	return a.checked()
}
