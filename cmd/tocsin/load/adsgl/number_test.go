package adsgl

import "testing"

// Each form of an amount that is refused has the reason of its kind.
func TestMalformedAmounts(t *testing.T) {
	for _, f := range []struct {
		texts []string
		want  error
	}{
		{[]string{"$1,234.00", "-$1,234.00", "€ 5", "USD 1,234.00", "5.00 USD", "(£100.00)", "1.234,00 €"}, errSymbol},
		{[]string{"100.00 Dr", "100.00 Cr", "100 CR.", "5,00 S", "5,00 H", "7D", "1,234.00DB"}, errIndicator},
		{[]string{"12,34,567.00", "1,2,3", "1.2.3", "1'23.00", "1,23,456"}, errGrouping},
		{[]string{"n/a", "--5", "12x34", "-", "1e5"}, errAmount},
	} {
		for _, text := range f.texts {
			for _, mark := range []byte{0, '.', ','} {
				if _, err := parseAmount(text, mark); err == nil {
					t.Errorf("%q is read with the mark %q", text, mark)
				} else if err != f.want && mark == 0 {
					t.Errorf("%q: %v, want: %v", text, err, f.want)
				}
			}
		}
	}
}
