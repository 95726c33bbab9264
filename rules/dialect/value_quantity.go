package dialect

import (
	"math/big"
	"time"

	"tocsin/rules/event"
	"tocsin/rules/money"
)

// Quantity is a value as a whole number of its kind's smallest unit: 1e-9 of an
// amount, 1e-18 of a rate, a day of a date, a microsecond of an instant or
// duration. It is meaningful for kinds that have an order.
func (v *Value) Quantity() *big.Int {
	switch v.Type.Kind {
	case Money:
		return v.Money.Big()
	case Rate:
		return v.Rate.Big()
	case Date:
		return big.NewInt(int64(v.Date))
	case Instant:
		return big.NewInt(v.Instant.UnixMicro())
	}
	return big.NewInt(v.Int)
}

// SmallestStep is the step by which people move a quantity, in the units of Quantity: a
// cent, one, a day, a second, one part in ten thousand.
func SmallestStep(k Kind) *big.Int {
	switch k {
	case Money:
		return big.NewInt(10_000_000)
	case Rate:
		return big.NewInt(100_000_000_000_000)
	case Instant, Duration:
		return big.NewInt(second)
	}
	return big.NewInt(1)
}

// moved is the value some steps on, unless that does not fit.
func (v Value) moved(steps int64) (Value, bool) {
	by := new(big.Int).Mul(SmallestStep(v.Type.Kind), big.NewInt(steps))
	ok := true
	switch v.Type.Kind {
	case Money:
		v.Money, ok = addMoney(v.Money, money.FromBits(bitsOf(by)))
	case Rate:
		v.Rate, ok = addRate(v.Rate, money.RateFromBits(bitsOf(by)))
	case Date:
		v.Date = v.Date.AddDays(int(steps))
	case Instant:
		_, only := event.DayOf(v.Instant)
		v.Instant, ok = v.Instant.Add(time.Duration(steps)*time.Second), !only
	default:
		v.Int, ok = addInt(v.Int, by.Int64())
	}
	return v, ok
}

// bitsOf are the halves of a small number, as packages money and event hold
// them.
func bitsOf(n *big.Int) (hi int64, lo uint64) {
	small := n.Int64()
	return small >> 63, uint64(small)
}
