package dialect

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"tocsin/rules/money"
)

// drawAmount draws amounts of every length.
func drawAmount(t *rapid.T, label string) money.Amount {
	digits := rapid.StringMatching(`-?[0-9]{1,38}`).Draw(t, label)
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		t.Fatal(digits)
	}
	a, err := money.FromBig(n)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestArithmetic holds the arithmetic without allocation to package money and
// to math/big.
func TestArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawAmount(t, "a"), drawAmount(t, "b")
		r := cooked(b)
		if got, ok := timesRate(r, a); true {
			want, err := r.Times(a)
			if ok != (err == nil) || ok && got != want {
				t.Fatalf("%s * %s = %s %t, want %s %v", r, a, got, ok, want, err)
			}
		}
		if !b.IsZero() {
			got, ok := ratio(a, b)
			want, err := money.Ratio(a, b)
			if ok != (err == nil) || ok && got != want {
				t.Fatalf("%s / %s = %s %t, want %s %v", a, b, got, ok, want, err)
			}
		}
		if got, ok := remMoney(a, b); ok != !b.IsZero() || ok && got.Big().Cmp(new(big.Int).Rem(a.Big(), b.Big())) != 0 {
			t.Fatalf("%s %% %s = %s %t", a, b, got, ok)
		}
		n := rapid.Int64().Draw(t, "n")
		got, ok := timesInt(n, a)
		want, err := money.FromBig(new(big.Int).Mul(a.Big(), big.NewInt(n)))
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("%d * %s = %s %t, want %s %v", n, a, got, ok, want, err)
		}
		if one, ok := rateOfInt(n); !ok && n < 1e18 || ok && one.Big().Cmp(new(big.Int).Mul(big.NewInt(n), big.NewInt(rateOne))) != 0 {
			t.Fatalf("the rate of %d is %s", n, one)
		}
	})
}

// TestOverflow: a product that would be the bits of a negative amount is none.
func TestOverflow(t *testing.T) {
	a, err := money.Parse("90000000000000000000000000000") // 9e37 units
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(1); n <= 8; n++ { // 2^127 is 1.7e38, 2^128 is 3.4e38
		for _, n := range []int64{n, -n} {
			if got, ok := timesInt(n, a); ok != (n == 1 || n == -1) {
				t.Errorf("%d times %s is %s, want none", n, a, got)
			}
		}
	}
}

func TestIntegers(t *testing.T) {
	edges := []int64{math.MinInt64, math.MinInt64 + 1, -1 << 32, -2, -1, 0, 1, 2, 1 << 31, 1 << 32, math.MaxInt64 - 1, math.MaxInt64}
	for _, a := range edges {
		for _, b := range edges {
			x, y := big.NewInt(a), big.NewInt(b)
			for name, c := range map[string]struct {
				f    func(int64, int64) (int64, bool)
				want *big.Int
			}{"+": {addInt, new(big.Int).Add(x, y)}, "-": {subInt, new(big.Int).Sub(x, y)}, "*": {mulInt, new(big.Int).Mul(x, y)}} {
				got, ok := c.f(a, b)
				if ok != c.want.IsInt64() || ok && got != c.want.Int64() {
					t.Errorf("%d %s %d = %d %t, want %s", a, name, b, got, ok, c.want)
				}
			}
		}
	}
}
