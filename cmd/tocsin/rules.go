package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/diag"
	"tocsin/rules/packs"
)

const rulesUsage = `tocsin rules: check, test and explain packs of rules

  tocsin rules check PACK                 everything that is wrong with the pack, at once
  tocsin rules test PACK                  the same, and what its cases come to
  tocsin rules mutate PACK                alter the rules, one thing at a time: do cases notice?
  tocsin rules help [CODE]                what a code such as E206 means; without one, all
  tocsin rules eval [PACK] --events FILE  judge a file of events, without any server
  tocsin rules explain [PACK] --event FILE [--rule ID]
                                          why a rule fired or did not, and what would
                                          have turned it round

PACK is a directory or the name of a pack that ships with the program (%s).
Exit code 0: nothing is wrong; 1: something is; 2: called wrongly.
tocsin rules VERB -h explains a verb.
`

// rulesVerb is a verb of tocsin rules.
type rulesVerb func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int

var rulesVerbs = map[string]rulesVerb{"check": runCheckPack, "test": runTestPack, "eval": runEval, "explain": runExplain, "help": runRulesHelp, "mutate": runMutate}

// runRules is the command tocsin rules. It returns the exit code.
func runRules(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		if verb := rulesVerbs[args[0]]; verb != nil {
			return verb(ctx, args[1:], stdin, stdout, stderr)
		}
		if args[0] == "-h" || args[0] == "--help" {
			fmt.Fprintf(stdout, rulesUsage, strings.Join(packs.Names(), ", "))
			return exitOK
		}
	}
	fmt.Fprintf(stderr, "tocsin rules: say %s; tocsin rules -h explains\n", strings.Join(slices.Sorted(maps.Keys(rulesVerbs)), ", "))
	return exitUsage
}

func runCheckPack(_ context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	return runPack("check", args, stdout, stderr)
}

func runTestPack(_ context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	return runPack("test", args, stdout, stderr)
}

// runPack is tocsin rules check and tocsin rules test.
func runPack(verb string, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tocsin rules "+verb, flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print JSON")
	asSARIF := flags.Bool("sarif", false, "print the mistakes as SARIF 2.1.0, for code review")
	overrides := flags.String("calendar", "", "`directory` of calendar overrides, for a pack that has none of its own")
	wrong := func(format string, args ...any) int {
		fmt.Fprintf(stderr, "tocsin rules: "+format+"\n", args...)
		return exitUsage
	}
	named, err := interleaved(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case len(named) != 1:
		return wrong("name one pack: a directory, or one of %s", strings.Join(packs.Names(), ", "))
	}
	var cal *calendar.Calendars
	if *overrides != "" {
		if cal, err = calendar.Load(*overrides); err != nil {
			return wrong("%v", err)
		}
	}
	files, err := openPack(named[0])
	if err != nil {
		return wrong("%v", err)
	}
	report := inspect(files, named[0], cal, verb == "test")
	write := report.write
	switch {
	case *asJSON:
		write = report.writeJSON
	case *asSARIF:
		write = report.Mistakes.WriteSARIF
	}
	if err := write(stdout); err != nil {
		fmt.Fprintf(stderr, "tocsin rules: %v\n", err)
		return exitFailed
	}
	if len(report.Mistakes) > 0 {
		return exitFailed
	}
	return exitOK
}

// openPack finds a pack's files by directory or shipped name.
func openPack(path string) (fs.FS, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return os.DirFS(path), nil
	}
	if files, ok := packs.Open(path); ok {
		return files, nil
	}
	return nil, fmt.Errorf("%s is neither a directory nor a shipped pack: name one of %s, or the directory that holds pack.yaml",
		path, strings.Join(packs.Names(), ", "))
}

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
	report.Mistakes = append(report.Mistakes, pack.Check()...)
	cases := pack.RunCases()
	if !test {
		report.Mistakes = append(report.Mistakes, cases.Untried()...)
		return report
	}
	report.Passed, report.Mistakes = cases.Passed(), append(report.Mistakes, cases.Mistakes()...)
	for _, c := range cases.Results {
		report.Cases = append(report.Cases, caseReport{c.Rule, c.Name, c.File, c.Line, c.Verdict.Outcome.String(), len(c.Mistakes) == 0})
	}
	return report
}

func (r *packReport) writeJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

func (r *packReport) write(w io.Writer) error {
	if err := r.Mistakes.Write(w); err != nil {
		return err
	}
	text := ""
	if r.Digest != "" {
		text = fmt.Sprintf("%s: %s, %s, calendar %s, digest %s\n", r.Pack, plural(r.Rules, "rule"), plural(r.Profiles, "profile"), r.Calendar, r.Digest)
		if r.Tested {
			text += fmt.Sprintf("%s, %d passed\n", plural(len(r.Cases), "case"), r.Passed)
		}
	}
	if n := len(r.Mistakes); n > 0 {
		text += plural(n, "mistake") + "\n"
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
