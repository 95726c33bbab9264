package rules

import (
	"math/bits"
	"slices"
)

// set is a set of rules by their places in the index: the words of a bitmap that are
// not zero. It takes memory for its members, not for those that it lacks.
type set []word64

type word64 struct {
	at   int // of the 64 bits in the bitmap
	bits uint64
}

// add adds a rule.
func (s *set) add(rule int) {
	at, bit := rule/64, uint64(1)<<(rule%64)
	i, found := slices.BinarySearchFunc(*s, at, func(w word64, at int) int { return w.at - at })
	if !found {
		*s = slices.Insert(*s, i, word64{at: at})
	}
	(*s)[i].bits |= bit
}

func (s set) has(rule int) bool {
	i, found := slices.BinarySearchFunc(s, rule/64, func(w word64, at int) int { return w.at - at })
	return found && s[i].bits>>(rule%64)&1 == 1
}

func (s set) count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w.bits)
	}
	return n
}

// meets reports whether a bitmap has a member of the set.
func (s set) meets(bitmap []uint64) bool {
	for _, w := range s {
		if bitmap[w.at]&w.bits != 0 {
			return true
		}
	}
	return false
}

// addTo adds the members to a bitmap.
func (s set) addTo(bitmap []uint64) {
	for _, w := range s {
		bitmap[w.at] |= w.bits
	}
}

// dropFrom takes the members from a bitmap, but those of keep.
func (s set) dropFrom(bitmap []uint64, keep set) {
	for _, w := range s {
		for len(keep) > 0 && keep[0].at < w.at {
			keep = keep[1:]
		}
		drop := w.bits
		if len(keep) > 0 && keep[0].at == w.at {
			drop &^= keep[0].bits
		}
		bitmap[w.at] &^= drop
	}
}
