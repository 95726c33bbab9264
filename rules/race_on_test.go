//go:build race

package rules_test

// raced is how many times as long a computation takes under the race detector,
// at most.
const raced = 10
