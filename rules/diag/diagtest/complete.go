// Package diagtest holds the test that every package with diagnostics passes.
package diagtest

import (
	"strings"
	"testing"

	"tocsin/rules/diag"
)

// Complete reports diagnostics that lack a place, a cause, a remedy or a page.
func Complete(t testing.TB, all diag.List) {
	t.Helper()
	for _, d := range all {
		switch {
		case d.File == "":
			t.Errorf("%s names no file", d.Error())
		case d.Line > 0 && (d.Column < 1 || d.Width < 1 || d.Source == "" && d.Message != "the value is empty"):
			t.Errorf("%s shows no place", d.Error())
		case d.Message == "":
			t.Errorf("%s states no cause", d.Error())
		case d.Hint == "" && !strings.Contains(d.Message, ": write "):
			t.Errorf("%s states no remedy", d.Error())
		}
		if _, ok := diag.Page(d.Code); !ok {
			t.Errorf("%s has a code without a page", d.Error())
		}
	}
}
