package money_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"tocsin/rules/money"
)

// max29 and min9 are the ends of Decimal(38,9).
var (
	nines = strings.Repeat("9", 29)
	max   = nines + ".999999999"
)

func TestParse(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		a, err := money.Parse(in)
		if err != nil || a.String() != want {
			t.Errorf("Parse(%q) = %s, %v; want %s", in, a, err, want)
		}
	}
	f("0", "0")
	f("-0", "0")
	f("-0.000", "0")
	f("0e5", "0")
	f("0e-99999999999999999999", "0")
	f("0."+strings.Repeat("0", 500), "0")
	f("1", "1")
	f("-1", "-1")
	f("1.5", "1.5")
	f("1200.00", "1200")
	f("0.000000001", "0.000000001")
	f("-0.5", "-0.5")
	f("3.0000010", "3.000001")
	f("1.000000000000000000000000000000000000000000", "1")
	f("1E3", "1000")
	f("1e+3", "1000")
	f("1e-9", "0.000000001")
	f("10e-10", "0.000000001")
	f("123.456e2", "12345.6")
	f("123456789012345678", "123456789012345678")
	f("9999999999999999999", "9999999999999999999")
	f("10000000000000000000", "10000000000000000000")
	f("123456789.123456789", "123456789.123456789")
	f("1234567890.123456789", "1234567890.123456789")
	f(max, max)
	f("-"+max, "-"+max)
	f("1e28", "1"+strings.Repeat("0", 28))
	f("1"+strings.Repeat("0", 45)+"e-20", "1"+strings.Repeat("0", 25))
	f("0."+strings.Repeat("0", 200)+"1e201", "1")
	f("0."+strings.Repeat("0", 4999)+"1e5000", "1")
	f(strings.ReplaceAll(max, ".", "")+"e-9", max)
}

func TestParseFailures(t *testing.T) {
	f := func(in string, want error) {
		t.Helper()
		a, err := money.Parse(in)
		if !errors.Is(err, want) || a != (money.Amount{}) {
			t.Errorf("Parse(%q) = %s, %v; want %v", in, a, err, want)
		}
	}
	for _, in := range []string{"", "-", "+1", ".5", "-.5", "1.", "1.e5", "01", "-01", "00", "00.5", "1_000", "1,000", " 1", "1 ", "1\n", "--1", "1-", "1..5", "1.5.5",
		"e5", "1e", "1e+", "1e-", "1e5.5", "0x10", "NaN", "Inf", "1f", "１", "1\x00", "\xd1\xd2", "1\xd0", "5%", nines + "9x", nines + nines + "x", "1e99999999999999999999x"} {
		f(in, money.ErrSyntax)
	}
	f("1"+strings.Repeat("0", 29), money.ErrOverflow)
	f(nines+"9", money.ErrOverflow)
	f("1e29", money.ErrOverflow)
	f("-1e29", money.ErrOverflow)
	f("1e38", money.ErrOverflow)
	f("1e99999999999999999999", money.ErrOverflow)
	f("1"+strings.Repeat("0", 40)+".5", money.ErrOverflow)
	f(strings.Repeat("9", 38), money.ErrOverflow)
	f(strings.Repeat("9", 39), money.ErrOverflow)
	f("0."+strings.Repeat("0", 491)+"1e5000", money.ErrOverflow)
	f("0.0000000001", money.ErrPrecision)
	f("1e-10", money.ErrPrecision)
	f("1e-99999999999999999999", money.ErrPrecision)
	f("1.0000000001", money.ErrPrecision)
	f(nines+".9999999999", money.ErrPrecision)
	f("0."+strings.Repeat("0", 60)+"1", money.ErrPrecision)
	f("1."+strings.Repeat("1", 60), money.ErrPrecision)
	f(strings.Repeat("1", 40)+"e-30", money.ErrPrecision)
}

func TestParseRate(t *testing.T) {
	f := func(in, want string, wantErr error) {
		t.Helper()
		r, err := money.ParseRate(in)
		if !errors.Is(err, wantErr) || (wantErr == nil && r.String() != want) {
			t.Errorf("ParseRate(%q) = %s, %v; want %s, %v", in, r, err, want, wantErr)
		}
	}
	f("0.05", "0.05", nil)
	f("1.1", "1.1", nil)
	f("9999999999999999999", "9999999999999999999", nil)
	f("0.000000000000000001", "0.000000000000000001", nil)
	f("-99999999999999999999.999999999999999999", "-99999999999999999999.999999999999999999", nil)
	f("1e-19", "", money.ErrRate)
	f("1e20", "", money.ErrRate)
	f("5%", "", money.ErrSyntax)
}

// FuzzParse compares with math/big's rational numbers: what JSON's grammar
// accepts and fits is read to the same number, and nothing else is read.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-1.5", "1e3", "0.000000001", "1e-10", max, nines + "9", "01", "1.", "123456789.123456789", "1234567890123456789.5", "9e28"} {
		f.Add(s)
	}
	unit := big.NewRat(1_000_000_000, 1)
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(money.Digits), nil)
	f.Fuzz(func(t *testing.T, s string) {
		a, err := money.Parse(s)
		if strings.ContainsAny(s, "_/xXpPbBoO") || len(exponentOf(s)) > 5 {
			if err == nil && strings.ContainsAny(s, "_/xXpPbBoO") {
				t.Fatalf("Parse(%q) accepted", s)
			}
			return // math/big reads other grammars too, and slowly
		}
		r, ok := new(big.Rat).SetString(s)
		if err == nil {
			if !ok || r.Mul(r, unit).Cmp(new(big.Rat).SetInt(a.Big())) != 0 {
				t.Fatalf("Parse(%q) = %s, math/big has %v", s, a, r)
			}
			back, err := money.Parse(a.String())
			if err != nil || back != a {
				t.Fatalf("%q: %s parses as %s, %v", s, a, back, err)
			}
			return
		}
		if ok && !errors.Is(err, money.ErrSyntax) {
			r.Mul(r, unit)
			large := r.Cmp(new(big.Rat).SetInt(limit)) >= 0 || r.Cmp(new(big.Rat).SetInt(new(big.Int).Neg(limit))) <= 0
			switch {
			case large && !errors.Is(err, money.ErrOverflow):
				t.Fatalf("Parse(%q): %v, want an overflow", s, err)
			case !large && (r.IsInt() || !errors.Is(err, money.ErrPrecision)):
				t.Fatalf("Parse(%q): %v, math/big has %v", s, err, r)
			}
		}
	})
}

func exponentOf(s string) string {
	_, after, _ := strings.Cut(strings.ToLower(s), "e")
	return after
}

func BenchmarkParse(b *testing.B) {
	for _, s := range []string{"1250000.00", "-99999999999999999999999999999.999999999", "1.5e6"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := money.Parse(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	a, err := money.Parse("1250000.25")
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	for b.Loop() {
		buf = a.Append(buf[:0])
	}
}
