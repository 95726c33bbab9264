package packs

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

// packReport is the report of check and test.
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
	set diag.List         // mistakes between rules
}

type caseReport struct {
	Rule    string `json:"rule"`
	Name    string `json:"name"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Outcome string `json:"outcome"`
	Passed  bool   `json:"passed"`
}

// inspect loads a pack and, if it has no mistakes, runs its cases. check reports
// only the limits that no case tests; test also reports the cases that fail and
// rules without a case.
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

// updateCases rewrites the files whose cases fail, and prints their names.
func updateCases(ran *rules.CaseReport, w io.Writer) error {
	done := map[string]bool{}
	for _, c := range ran.Results {
		if len(c.Mistakes) == 0 || done[c.File] {
			continue
		}
		done[c.File] = true
		before, err := os.ReadFile(c.File)
		if err != nil {
			return fmt.Errorf("update the cases: %w; a shipped pack cannot be changed: copy it", err)
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
		text = fmt.Sprintf("%s: %s, %s, calendar %s, digest %s\n", r.Pack, diag.Plural(r.Rules, "rule"), diag.Plural(r.Profiles, "profile"), r.Calendar, r.Digest)
		if r.Tested {
			text += fmt.Sprintf("%s, %d passed; %s\n", diag.Plural(len(r.Cases), "case"), r.Passed, covered(r.Coverage))
		}
	}
	if n := len(r.Mistakes); n > 0 {
		text += diag.Plural(n, "mistake") + "; tocsin rules help CODE explains a code\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// covered reports how many conditions and bands the cases test.
func covered(all []rules.Coverage) string {
	var sum rules.Coverage
	for _, c := range all {
		sum.Parts, sum.PartsBoth, sum.Bands, sum.BandsTaken = sum.Parts+c.Parts, sum.PartsBoth+c.PartsBoth, sum.Bands+c.Bands, sum.BandsTaken+c.BandsTaken
	}
	return fmt.Sprintf("%d of %d conditions both true and not, %d of %d bands taken", sum.PartsBoth, sum.Parts, sum.BandsTaken, sum.Bands)
}
