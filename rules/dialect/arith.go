package dialect

import (
	"math"
	"math/bits"

	"tocsin/rules/money"
)

// The products and quotients of package money go through math/big, which
// allocates. These do the same on limbs: rules compute thresholds for every
// event. A test holds them equal to package money.

const rateOne = 1_000_000_000_000_000_000 // 10^18, the integer of the rate 1
const amountOne = 1_000_000_000           // 10^9, the integer of the amount 1

func addInt(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func subInt(a, b int64) (int64, bool) {
	c := a - b
	return c, (c < a) == (b > 0)
}

func mulInt(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	c := a * b
	return c, c/b == a && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64)
}

func absInt(a int64) (int64, bool) {
	if a >= 0 {
		return a, true
	}
	return -a, a != math.MinInt64
}

// A rate has the representation and the range of an amount; only the scale
// differs. So sums of rates are sums of amounts.
func raw(r money.Rate) money.Amount    { return money.FromBits(r.Bits()) }
func cooked(a money.Amount) money.Rate { return money.RateFromBits(a.Bits()) }
func negRate(r money.Rate) money.Rate  { return cooked(raw(r).Neg()) }
func absRate(r money.Rate) money.Rate  { return cooked(raw(r).Abs()) }
func addRate(a, b money.Rate) (money.Rate, bool) {
	c, err := raw(a).Add(raw(b))
	return cooked(c), err == nil
}
func subRate(a, b money.Rate) (money.Rate, bool) { return addRate(a, negRate(b)) }

func rateOfInt(n int64) (money.Rate, bool) {
	a, ok := mulDiv(money.FromInt(n), money.FromBits(0, rateOne), amountOne)
	return cooked(a), ok
}

func addMoney(a, b money.Amount) (money.Amount, bool) {
	c, err := a.Add(b)
	return c, err == nil
}

func subMoney(a, b money.Amount) (money.Amount, bool) {
	c, err := a.Sub(b)
	return c, err == nil
}

// timesRate is money.Rate.Times.
func timesRate(r money.Rate, a money.Amount) (money.Amount, bool) {
	return mulDiv(raw(r), a, rateOne)
}

// timesInt is n times a.
func timesInt(n int64, a money.Amount) (money.Amount, bool) {
	return mulDiv(money.FromInt(n), a, amountOne)
}

// mulDiv returns a*b/d, rounded half away from zero, and whether it fits 38
// digits.
func mulDiv(a, b money.Amount, d uint64) (money.Amount, bool) {
	w := product(a.Abs(), b.Abs())
	var r uint64
	for i := 3; i >= 0; i-- {
		if r|w[i] != 0 { // a division costs as much as the rest; most limbs are zero
			w[i], r = bits.Div64(r, w[i], d)
		}
	}
	return rounded(w, r >= d-r, a.Sign()*b.Sign() < 0)
}

// product is the 256-bit product of two magnitudes, lowest limb first.
func product(a, b money.Amount) (w [4]uint64) {
	ahi, alo := a.Bits()
	bhi, blo := b.Bits()
	x, y := [2]uint64{alo, uint64(ahi)}, [2]uint64{blo, uint64(bhi)}
	for i, m := range x {
		var carry uint64
		for j, n := range y {
			hi, lo := bits.Mul64(m, n)
			var c uint64
			lo, c = bits.Add64(lo, w[i+j], 0)
			hi += c
			lo, c = bits.Add64(lo, carry, 0)
			w[i+j], carry = lo, hi+c
		}
		w[i+2] += carry
	}
	return w
}

// rounded makes an amount of a magnitude, one unit greater when up is set.
func rounded(w [4]uint64, up, negative bool) (money.Amount, bool) {
	var c uint64
	if up {
		c = 1
	}
	w[0], c = bits.Add64(w[0], 0, c)
	w[1], c = bits.Add64(w[1], 0, c)
	if w[2]|w[3]|c != 0 || w[1]>>63 != 0 {
		return money.Amount{}, false
	}
	// Adding zero checks that it has no more than 38 digits.
	a, err := money.FromBits(int64(w[1]), w[0]).Add(money.Amount{})
	if negative {
		a = a.Neg()
	}
	return a, err == nil
}

// ratio is money.Ratio, for amounts and rates alike: the scales cancel out.
// b must not be zero.
func ratio(a, b money.Amount) (money.Rate, bool) {
	negative := a.Sign()*b.Sign() < 0
	w := product(a.Abs(), money.FromBits(0, rateOne))
	bhi, blo := b.Abs().Bits()
	d := [2]uint64{blo, uint64(bhi)}
	var q [4]uint64
	var r [2]uint64 // remainder, below d, which is below 2^127
	for i := 191; i >= 0; i-- {
		r[1] = r[1]<<1 | r[0]>>63
		r[0] = r[0]<<1 | w[i/64]>>(i%64)&1
		if lo, hi, ok := minus(r, d); ok {
			r = [2]uint64{lo, hi}
			q[i/64] |= 1 << (i % 64)
		}
	}
	twice := [2]uint64{r[0] << 1, r[1]<<1 | r[0]>>63}
	_, _, up := minus(twice, d)
	a, ok := rounded(q, up, negative)
	return cooked(a), ok
}

// remMoney is what a is more than a whole multiple of b, with the sign of a; false
// when b is zero.
func remMoney(a, b money.Amount) (money.Amount, bool) {
	if b.IsZero() {
		return money.Amount{}, false
	}
	whi, wlo := a.Abs().Bits()
	bhi, blo := b.Abs().Bits()
	w, d := [2]uint64{wlo, uint64(whi)}, [2]uint64{blo, uint64(bhi)}
	var r [2]uint64 // below d, which is below 2^127
	for i := 127; i >= 0; i-- {
		r[1] = r[1]<<1 | r[0]>>63
		r[0] = r[0]<<1 | w[i/64]>>(i%64)&1
		if lo, hi, ok := minus(r, d); ok {
			r = [2]uint64{lo, hi}
		}
	}
	rest := money.FromBits(int64(r[1]), r[0])
	if a.Sign() < 0 {
		rest = rest.Neg()
	}
	return rest, true
}

// minus is a - b, and whether a is not less than b.
func minus(a, b [2]uint64) (lo, hi uint64, ok bool) {
	lo, borrow := bits.Sub64(a[0], b[0], 0)
	hi, borrow = bits.Sub64(a[1], b[1], borrow)
	return lo, hi, borrow == 0
}
