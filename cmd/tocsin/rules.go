package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"tocsin/rules/packs"
)

const rulesUsage = `tocsin rules: check, test and explain packs of rules

  tocsin rules check PACK                 everything that is wrong with the pack, at once
  tocsin rules test PACK                  the same, and what its cases come to
  tocsin rules mutate PACK                alter the rules, one thing at a time: do cases notice?
  tocsin rules catalogue [PACK]           the rules with thresholds, citations and costs, in Markdown
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

var rulesVerbs = map[string]rulesVerb{"check": runCheckPack, "test": runTestPack, "eval": runEval, "explain": runExplain, "help": runRulesHelp, "mutate": runMutate, "catalogue": runCatalogue}

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

// packFlags are the flags of tocsin rules check and tocsin rules test.
type packFlags struct {
	pack, calendar  string
	asJSON, asSARIF bool
	test            bool
	junit           string
	update          bool
}

func parsePack(verb string, args []string, stderr io.Writer) (*packFlags, error) {
	f := &packFlags{test: verb == "test"}
	flags := flag.NewFlagSet("tocsin rules "+verb, flag.ContinueOnError)
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.BoolVar(&f.asSARIF, "sarif", false, "print the mistakes as SARIF 2.1.0, for code review")
	flags.StringVar(&f.calendar, "calendar", "", "`directory` of calendar overrides, for a pack that has none of its own")
	if f.test {
		flags.StringVar(&f.junit, "junit", "", "write the cases as JUnit's XML to `FILE`, for a build server")
		flags.BoolVar(&f.update, "update", false, "write what came in place of what was expected, for you to review")
	}
	named, err := arguments(flags, fmt.Sprintf("usage: tocsin rules %s PACK [flags]\n\n", verb), args, stderr)
	switch {
	case err != nil:
		return nil, err
	case len(named) != 1:
		return nil, fmt.Errorf("name one pack: a directory, or one of %s", strings.Join(packs.Names(), ", "))
	}
	f.pack = named[0]
	return f, nil
}

// runPack is tocsin rules check and tocsin rules test.
func runPack(verb string, args []string, stdout, stderr io.Writer) int {
	wrong := func(err error) int {
		fmt.Fprintf(stderr, "tocsin rules: %v\n", err)
		return exitUsage
	}
	f, err := parsePack(verb, args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return wrong(err)
	}
	calendars, err := openCalendars(f.calendar)
	if err != nil {
		return wrong(err)
	}
	files, err := openPack(f.pack)
	if err != nil {
		return wrong(err)
	}
	report := inspect(files, f.pack, calendars, f.test)
	if err := f.write(report, stdout); err != nil {
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
