package diag

import "fmt"

// Plural is a number and a noun: 1 rule, 2 rules.
func Plural[N int | int32 | int64 | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
