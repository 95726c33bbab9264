package cli

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/rules/diag"
)

// Word returns an error if the value of a flag is none of the words that it may be.
func Word(flag, value string, words ...string) error {
	switch near := diag.Nearest(value, words); {
	case slices.Contains(words, value):
		return nil
	case value == "":
		return fmt.Errorf("%s is missing: use %s", flag, Either(words))
	case near != "":
		return fmt.Errorf("%s %q is unknown: did you mean %s?", flag, value, near)
	}
	return fmt.Errorf("%s %q is unknown: use %s", flag, value, Either(words))
}

// Either lists words: a, b or c.
func Either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
