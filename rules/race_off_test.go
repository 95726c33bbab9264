//go:build !race

package rules_test

const raced = 1
