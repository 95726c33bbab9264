package packs

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"strings"

	"tocsin/rules"
	"tocsin/rules/diag"
)

// Build servers show JUnit's XML as a table of tests: a suite for each rule, a test
// for each case, and a suite for the pack as a whole.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Name    string       `xml:"name,attr"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Failure *junitFailure `xml:"failure,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (s *junitSuite) add(c junitCase, mistakes diag.List) {
	if len(mistakes) > 0 {
		var text strings.Builder
		_ = mistakes.Write(&text) // a Builder takes everything
		c.Failure = &junitFailure{mistakes[0].Message, text.String()}
		s.Failures++
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}

// writeJUnit writes a report of cases as JUnit's XML.
func writeJUnit(w io.Writer, pack string, report *rules.CaseReport, mistakes diag.List) error {
	out := junitSuites{Name: pack}
	for _, c := range report.Results {
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != c.Rule {
			out.Suites = append(out.Suites, junitSuite{Name: c.Rule})
		}
		out.Suites[len(out.Suites)-1].add(junitCase{Name: c.Name, Class: pack + "." + c.Rule, File: c.File, Line: c.Line}, c.Mistakes)
	}
	whole := junitSuite{Name: "pack"}
	whole.add(junitCase{Name: "the rules beside each other", Class: pack}, mistakes)
	whole.add(junitCase{Name: "cases are complete", Class: pack}, report.Gaps)
	out.Suites = append(out.Suites, whole)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// saveJUnit writes the report to a file.
func saveJUnit(path, pack string, report *rules.CaseReport, mistakes diag.List) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := writeJUnit(file, pack, report, mistakes); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
