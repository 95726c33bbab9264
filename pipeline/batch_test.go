package pipeline

import (
	"slices"
	"testing"
	"time"
	"unsafe"
)

// asleep returns the time after a machine slept for d: the wall clock went on
// and the monotonic clock stood still. Package time cannot make such a time.
func asleep(t *testing.T, from time.Time, d time.Duration) time.Time {
	t.Helper()
	now := from.Add(d)
	// A time.Time begins with a wall reading and a monotonic reading.
	type readings struct {
		wall uint64
		mono int64
	}
	(*readings)(unsafe.Pointer(&now)).mono = (*readings)(unsafe.Pointer(&from)).mono
	if now.Sub(from) != 0 || now.Round(0).Sub(from.Round(0)) != d {
		t.Fatalf("the clocks moved by %s and %s, want 0s and %s: time.Time has another layout", now.Sub(from), now.Round(0).Sub(from.Round(0)), d)
	}
	return now
}

func TestABatchIsLateByEitherClock(t *testing.T) {
	const ttl = time.Minute
	declared := time.Now()
	setBack := asleep(t, declared.Add(ttl), -ttl) // the wall clock shows declared again
	for _, c := range []struct {
		name string
		now  time.Time
		late bool
	}{
		{"at once", declared, false},
		{"just within the intent", declared.Add(ttl - 1), false},
		{"at the intent's end", declared.Add(ttl), true},
		{"after a sleep within the intent", asleep(t, declared, ttl-1), false},
		{"after a sleep to the intent's end", asleep(t, declared, ttl), true},
		{"after the wall clock was set back", setBack, true},
	} {
		b := Batch{Declared: declared, IntentTTL: ttl}
		if got := b.Late(c.now); got != c.late {
			t.Errorf("%s: late is %v, want %v", c.name, got, c.late)
		}
	}
	if (&Batch{IntentTTL: ttl}).Late(declared) {
		t.Error("a batch that was never declared is late")
	}
}

func TestHeadersCanBeReadInPart(t *testing.T) {
	var seen []string
	for name := range EachHeader([]Header{{"a", nil}, {"b", nil}, {"c", nil}}) {
		if seen = append(seen, name); name == "b" {
			break
		}
	}
	if !slices.Equal(seen, []string{"a", "b"}) {
		t.Errorf("%q, want a and b", seen)
	}
}
