//go:build race

package rules_test

// raced reports that the race detector is on. A sync.Pool then drops some of what it is
// given, so that what it saves is allocated now and then.
const raced = true
