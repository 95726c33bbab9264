package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"

	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/diag"
)

// packReport is what check and test print.
type packReport struct {
	Pack     string       `json:"pack"`
	Digest   string       `json:"digest,omitempty"`
	Calendar string       `json:"calendar_version,omitempty"`
	Rules    int          `json:"rules"`
	Profiles int          `json:"profiles"`
	Tested   bool         `json:"tested"`
	Passed   int          `json:"passed"`
	Cases    []caseReport `json:"cases,omitempty"`
	Mistakes diag.List    `json:"mistakes"`

	Coverage []rules.Coverage `json:"coverage,omitempty"`

	ran *rules.CaseReport // nil: the pack has mistakes, or was not tested
	set diag.List         // of the rules beside each other
}

type caseReport struct {
	Rule    string `json:"rule"`
	Name    string `json:"name"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Outcome string `json:"outcome"`
	Passed  bool   `json:"passed"`
}

// inspect loads a pack and, without mistakes, runs its cases. Check counts the
// limits that cases leave untried; only test counts what cases come to, and
// rules that have none.
func inspect(files fs.FS, name string, cal *calendar.Calendars, test bool) *packReport {
	report := &packReport{Pack: name, Tested: test, Mistakes: diag.List{}}
	pack, mistakes := rules.Load(files, name, cal)
	if len(mistakes) > 0 {
		report.Mistakes = mistakes
		return report
	}
	report.Pack, report.Digest, report.Calendar = pack.ID, pack.Digest(), pack.CalendarVersion()
	report.Rules, report.Profiles = len(pack.Rules()), len(pack.Profiles())
	report.set = pack.Check()
	report.Mistakes = append(report.Mistakes, report.set...)
	cases := pack.RunCases()
	if !test {
		report.Mistakes = append(report.Mistakes, cases.Untried()...)
		return report
	}
	report.ran, report.Coverage = cases, cases.Coverage
	report.Passed, report.Mistakes = cases.Passed(), append(report.Mistakes, cases.Mistakes()...)
	for _, c := range cases.Results {
		report.Cases = append(report.Cases, caseReport{c.Rule, c.Name, c.File, c.Line, c.Verdict.Outcome.String(), len(c.Mistakes) == 0})
	}
	return report
}

// write prints the report as the flags say, and writes the files they name.
func (f *packFlags) write(r *packReport, w io.Writer) error {
	if f.junit != "" && r.ran != nil {
		if err := saveJUnit(f.junit, r.Pack, r.ran, r.set); err != nil {
			return err
		}
	}
	if f.update && r.ran != nil {
		if err := updateCases(r.ran, w); err != nil {
			return err
		}
	}
	switch {
	case f.asJSON:
		return r.writeJSON(w)
	case f.asSARIF:
		return r.Mistakes.WriteSARIF(w)
	}
	return r.writeText(w)
}

// updateCases rewrites the files whose cases fail, and says which.
func updateCases(ran *rules.CaseReport, w io.Writer) error {
	done := map[string]bool{}
	for _, c := range ran.Results {
		if len(c.Mistakes) == 0 || done[c.File] {
			continue
		}
		done[c.File] = true
		before, err := os.ReadFile(c.File)
		if err != nil {
			return fmt.Errorf("update the cases: %w; copy the pack, a shipped one cannot be changed", err)
		}
		after := ran.Updated(c.File, string(before))
		if after == string(before) {
			continue
		}
		if err := os.WriteFile(c.File, []byte(after), 0o644); err != nil {
			return fmt.Errorf("update the cases: %w", err)
		}
		fmt.Fprintf(w, "%s: written; review it, and test again\n", c.File)
	}
	return nil
}

func (r *packReport) writeJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

func (r *packReport) writeText(w io.Writer) error {
	if err := r.Mistakes.Write(w); err != nil {
		return err
	}
	text := ""
	if r.Digest != "" {
		text = fmt.Sprintf("%s: %s, %s, calendar %s, digest %s\n", r.Pack, plural(r.Rules, "rule"), plural(r.Profiles, "profile"), r.Calendar, r.Digest)
		if r.Tested {
			text += fmt.Sprintf("%s, %d passed; %s\n", plural(len(r.Cases), "case"), r.Passed, covered(r.Coverage))
		}
	}
	if n := len(r.Mistakes); n > 0 {
		text += plural(n, "mistake") + "; tocsin rules help CODE explains a code\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// covered says how much of the rules the cases look at.
func covered(all []rules.Coverage) string {
	var sum rules.Coverage
	for _, c := range all {
		sum.Parts, sum.PartsBoth, sum.Bands, sum.BandsTaken = sum.Parts+c.Parts, sum.PartsBoth+c.PartsBoth, sum.Bands+c.Bands, sum.BandsTaken+c.BandsTaken
	}
	return fmt.Sprintf("%d of %d conditions both true and not, %d of %d bands taken", sum.PartsBoth, sum.Parts, sum.BandsTaken, sum.Bands)
}
