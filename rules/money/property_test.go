package money_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/rules/money"
)

var limit = new(big.Int).Exp(big.NewInt(10), big.NewInt(money.Digits), nil)

// decimals draws integers of up to 38 digits, the ends and neighbours included,
// as they stand for amounts (and rates).
func decimals() *rapid.Generator[*big.Int] {
	return rapid.Custom(func(t *rapid.T) *big.Int {
		digits := rapid.StringMatching(`[0-9]{1,38}`).Draw(t, "digits")
		b, _ := new(big.Int).SetString(digits, 10)
		switch rapid.IntRange(0, 9).Draw(t, "shape") {
		case 0:
			b.Sub(limit, big.NewInt(int64(rapid.IntRange(1, 3).Draw(t, "below"))))
		case 1:
			b.SetInt64(int64(rapid.IntRange(0, 3).Draw(t, "small")))
		}
		if rapid.Bool().Draw(t, "negative") {
			b.Neg(b)
		}
		return b
	})
}

func amount(t *rapid.T, b *big.Int) money.Amount {
	a, err := money.FromBig(b)
	if err != nil {
		t.Fatalf("FromBig(%s): %v", b, err)
	}
	return a
}

func rate(t *rapid.T, b *big.Int) money.Rate {
	r, err := money.RateFromBig(b)
	if err != nil {
		t.Fatalf("RateFromBig(%s): %v", b, err)
	}
	return r
}

// check compares a result with math/big's: equal, or an overflow exactly when
// the number has more than 38 digits.
func check(t *rapid.T, what string, got *big.Int, err error, overflow error, want *big.Int) {
	t.Helper()
	if want.CmpAbs(limit) >= 0 {
		if !errors.Is(err, overflow) {
			t.Fatalf("%s = %s, %v; want %v", what, got, err, overflow)
		}
		return
	}
	if err != nil || got.Cmp(want) != 0 {
		t.Fatalf("%s = %s, %v; want %s", what, got, err, want)
	}
}

func TestArithmeticAgreesWithBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := decimals().Draw(t, "x"), decimals().Draw(t, "y")
		a, b := amount(t, x), amount(t, y)
		if a.Big().Cmp(x) != 0 {
			t.Fatalf("FromBig(%s).Big() = %s", x, a.Big())
		}
		hi, lo := a.Bits()
		if money.FromBits(hi, lo) != a {
			t.Fatalf("FromBits(Bits()) differs")
		}
		if got, want := a.Cmp(b), x.Cmp(y); got != want {
			t.Fatalf("Cmp = %d, want %d", got, want)
		}
		if a.Sign() != x.Sign() || a.IsZero() != (x.Sign() == 0) {
			t.Fatalf("Sign = %d, IsZero = %v of %s", a.Sign(), a.IsZero(), x)
		}
		check(t, "Neg", a.Neg().Big(), nil, nil, new(big.Int).Neg(x))
		check(t, "Abs", a.Abs().Big(), nil, nil, new(big.Int).Abs(x))
		sum, err := a.Add(b)
		check(t, "Add", sum.Big(), err, money.ErrOverflow, new(big.Int).Add(x, y))
		difference, err := a.Sub(b)
		check(t, "Sub", difference.Big(), err, money.ErrOverflow, new(big.Int).Sub(x, y))
	})
}

// rounded is a / b rounded half away from zero, by way of rational numbers and
// not by the quotient and remainder that the package uses.
func rounded(a, b *big.Int) *big.Int {
	q := new(big.Rat).SetFrac(a, b)
	negative := q.Sign() < 0
	q.Abs(q).Add(q, big.NewRat(1, 2))
	floor := new(big.Int).Div(q.Num(), q.Denom())
	if negative {
		floor.Neg(floor)
	}
	return floor
}

func TestRatesAgreeWithBig(t *testing.T) {
	ten18 := new(big.Int).Exp(big.NewInt(10), big.NewInt(money.RateScale), nil)
	rapid.Check(t, func(t *rapid.T) {
		x, y := decimals().Draw(t, "x"), decimals().Draw(t, "y")
		r, a := rate(t, x), amount(t, y)
		product, err := r.Times(a)
		check(t, "Times", product.Big(), err, money.ErrOverflow, rounded(new(big.Int).Mul(x, y), ten18))
		if r.Cmp(rate(t, y)) != x.Cmp(y) || r.Sign() != x.Sign() {
			t.Fatalf("Cmp or Sign of %s and %s", x, y)
		}
		back, err := money.ParseRate(r.String())
		if err != nil || back != r {
			t.Fatalf("%s parses as %s, %v", r, back, err)
		}

		ratio, err := money.Ratio(amount(t, x), a)
		if y.Sign() == 0 {
			if !errors.Is(err, money.ErrDivision) {
				t.Fatalf("Ratio by zero: %v", err)
			}
		} else {
			check(t, "Ratio", ratio.Big(), err, money.ErrRate, rounded(new(big.Int).Mul(x, ten18), y))
		}

		fraction, err := money.Percent(r)
		want, rest := new(big.Int).QuoRem(x, big.NewInt(100), new(big.Int))
		if rest.Sign() != 0 {
			if !errors.Is(err, money.ErrRate) {
				t.Fatalf("Percent(%s) = %s, %v; want %v", r, fraction, err, money.ErrRate)
			}
		} else if err != nil || fraction.Big().Cmp(want) != 0 {
			t.Fatalf("Percent(%s) = %s, %v", r, fraction, err)
		}
	})
}

// TestTextRoundTrip writes the digits itself, so that String is compared with
// something other than Parse.
func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := decimals().Draw(t, "x")
		want := strings.TrimRight(new(big.Rat).SetFrac(x, big.NewInt(1_000_000_000)).FloatString(money.Scale), "0")
		want = strings.TrimSuffix(want, ".")
		a := amount(t, x)
		if a.String() != want {
			t.Fatalf("String = %s, want %s", a, want)
		}
		if got := string(a.Append([]byte("x"))); got != "x"+want {
			t.Fatalf("Append = %s", got)
		}
		back, err := money.Parse(want)
		if err != nil || back != a {
			t.Fatalf("Parse(%s) = %s, %v", want, back, err)
		}
	})
}

func TestFromInt(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 5_000_000, math.MaxInt64, math.MinInt64} {
		want := new(big.Int).Mul(big.NewInt(n), big.NewInt(1_000_000_000))
		if got := money.FromInt(n).Big(); got.Cmp(want) != 0 {
			t.Errorf("FromInt(%d) = %s", n, got)
		}
	}
}

func TestFromBigRefusesWhatDoesNotFit(t *testing.T) {
	for _, b := range []*big.Int{limit, new(big.Int).Neg(limit), new(big.Int).Lsh(big.NewInt(1), 127), new(big.Int).Lsh(big.NewInt(1), 300)} {
		if a, err := money.FromBig(b); !errors.Is(err, money.ErrOverflow) {
			t.Errorf("FromBig(%s) = %s, %v", b, a, err)
		}
	}
}

// TestHalvesRoundAwayFromZero has the ties that random numbers do not hit.
func TestHalvesRoundAwayFromZero(t *testing.T) {
	parse := func(s string) money.Amount {
		a, err := money.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	f := func(rate, base, want string) {
		t.Helper()
		r, err := money.ParseRate(rate)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Times(parse(base)); err != nil || got.String() != want {
			t.Errorf("%s times %s = %s, %v; want %s", rate, base, got, err, want)
		}
	}
	f("0.5", "0.000000001", "0.000000001")
	f("-0.5", "0.000000001", "-0.000000001")
	f("0.5", "-0.000000003", "-0.000000002")
	f("-0.5", "-0.000000003", "0.000000002")
	f("0.499999999999999999", "0.000000001", "0")
	f("0.05", "1000000", "50000")
	for base, want := range map[string]string{"2000000000": "0.000000000000000001", "-2000000000": "-0.000000000000000001", "2000000001": "0"} {
		if got, err := money.Ratio(parse("0.000000001"), parse(base)); err != nil || got.String() != want {
			t.Errorf("ratio to %s = %s, %v; want %s", base, got, err, want)
		}
	}
}
