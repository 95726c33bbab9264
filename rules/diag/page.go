package diag

import (
	_ "embed"
	"regexp"
	"strings"
)

//go:embed codes.md
var codes string

var pageHead = regexp.MustCompile(`(?m)^## (E[0-9]{3}) `)

// Codes returns every code that has a page, in order.
func Codes() []string {
	var all []string
	for _, m := range pageHead.FindAllStringSubmatch(codes, -1) {
		all = append(all, m[1])
	}
	return all
}

// Page returns the page of a code in Markdown: its meaning, why it is a mistake, and
// what to write instead. It returns false for an unknown code.
func Page(code string) (text string, ok bool) {
	_, rest, ok := strings.Cut(codes, "\n## "+code+" ")
	if !ok {
		return "", false
	}
	page, _, _ := strings.Cut(rest, "\n## ")
	return code + " " + strings.TrimSpace(page) + "\n", true
}

// Title is the heading of a code's page.
func Title(code string) string {
	page, _ := Page(code)
	line, _, _ := strings.Cut(page, "\n")
	return strings.TrimPrefix(line, code+" ")
}
