package packs

import (
	"context"
	"flag"
	"io"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
)

// checkCommand is tocsin rules check.
var checkCommand = &cli.Command{
	Name: "check", Summary: "report every mistake of a pack at once",
	Usage:       "PACK [flags]",
	Description: "Reads the files of the pack, and compiles and compares its rules. It runs no case.",
	Example:     "tocsin rules check my-rules\ntocsin rules check my-rules --sarif > rules.sarif",
	Args:        onePack,
	Define:      func(flags *flag.FlagSet) cli.Action { return definePack(flags, false) },
}

// testCommand is tocsin rules test.
var testCommand = &cli.Command{
	Name: "test", Summary: "check a pack, run its cases, and report limits that no case tests",
	Usage:       "PACK [flags]",
	Description: "Reports what check reports, the cases whose outcome differs from the expected one,\nand thresholds without a case at, just below and just above them.",
	Example:     "tocsin rules test my-rules\ntocsin rules test my-rules --junit rules.xml",
	Args:        onePack,
	Define:      func(flags *flag.FlagSet) cli.Action { return definePack(flags, true) },
}

// packFlags are the flags of tocsin rules check and tocsin rules test.
type packFlags struct {
	asJSON, asSARIF bool
	junit           string
	update          bool
}

func definePack(flags *flag.FlagSet, test bool) cli.Action {
	f := &packFlags{}
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.BoolVar(&f.asSARIF, "sarif", false, "print the mistakes as SARIF 2.1.0, for code review")
	calendar := calendarFlag(flags)
	if test {
		flags.StringVar(&f.junit, "junit", "", "write the cases as JUnit's XML to `FILE`, for a build server")
		flags.BoolVar(&f.update, "update", false, "replace the expected outcomes of the cases by the actual ones, for you to review")
	}
	return func(_ context.Context, call *cli.Call) error {
		calendars, err := config.OpenCalendars(*calendar)
		if err != nil {
			return cli.Misused(err)
		}
		files, err := config.OpenPack(call.Args[0])
		if err != nil {
			return cli.Misused(err)
		}
		report := inspect(files, call.Args[0], calendars, test)
		if err := f.write(report, call.Stdout); err != nil {
			return err
		}
		if len(report.Mistakes) > 0 {
			return cli.ErrFailed
		}
		return nil
	}
}

// write prints the report in the form that the flags choose, and writes the files
// that they name.
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
