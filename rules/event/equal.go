package event

import "slices"

// Equal reports whether a and b have the same type and the same fields with the
// same values. Instants are equal when their offsets are equal too.
func Equal(a, b *Event) bool { return a.kind == b.kind && equalRecords(&a.Record, &b.Record) }

func equalRecords(a, b *Record) bool {
	if a.schema != b.schema || a.has != b.has {
		return false
	}
	for i := range a.schema.Fields {
		f := &a.schema.Fields[i]
		if !a.Has(f) {
			continue
		}
		same := false
		switch f.Kind {
		case Text:
			same = a.Text(f) == b.Text(f)
		case Texts:
			same = slices.Equal(a.Texts(f), b.Texts(f))
		case Records:
			x, y := a.Records(f), b.Records(f)
			same = len(x) == len(y)
			for i := 0; same && i < len(x); i++ {
				same = equalRecords(&x[i], &y[i])
			}
		default:
			same = a.cells[f.slot] == b.cells[f.slot]
		}
		if !same {
			return false
		}
	}
	return true
}
