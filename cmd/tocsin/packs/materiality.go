package packs

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"tocsin/cmd/tocsin/cli"
	"tocsin/rules"
	"tocsin/rules/calendar"
)

// MaterialityCommand is tocsin materiality.
var MaterialityCommand = &cli.Command{
	Name: "materiality", Summary: "show the materiality of a registrant on a day, number by number",
	Example:  "tocsin materiality show --registrant 9999999 --at 2026-03-02",
	Commands: []*cli.Command{showCommand},
}

// showCommand is tocsin materiality show.
var showCommand = &cli.Command{
	Name: "show", Summary: "show the profile in force",
	Usage: "[PACK] --registrant CIK --at DATE [--component CODE]",
	Description: `Shows the materiality profile in force for a registrant on a day in New York, with
the source of each number: a document, or the numbers that it follows from.`,
	Example: "tocsin materiality show --registrant 9999999 --at 2026-03-02",
	Args:    anyPack,
	Define: func(flags *flag.FlagSet) cli.Action {
		f := &materialityFlags{}
		flags.StringVar(&f.registrant, "registrant", "", "SEC Central Index Key (`CIK`)")
		flags.StringVar(&f.day, "at", "", "`DATE` in New York, such as 2026-03-02")
		flags.StringVar(&f.component, "component", "", "company `CODE` of a component")
		flags.BoolVar(&f.asJSON, "json", false, "print JSON")
		return func(_ context.Context, call *cli.Call) error {
			if err := f.check(); err != nil {
				return cli.Misused(err)
			}
			return f.show(named(call.Args), call.Stdout)
		}
	},
}

// materialityFlags are the flags of tocsin materiality show.
type materialityFlags struct {
	registrant, component, day string
	at                         calendar.Date // parsed from day
	asJSON                     bool
}

// check reads registrant and day.
func (f *materialityFlags) check() (err error) {
	if n := len(f.registrant); n == 0 || n > 10 || strings.Trim(f.registrant, "0123456789") != "" {
		return errors.New("--registrant is a Central Index Key: at most ten digits")
	}
	f.registrant = strings.Repeat("0", 10-len(f.registrant)) + f.registrant
	if f.at, err = calendar.ParseDate(f.day); err != nil {
		return errors.New("--at is a date such as 2026-03-02")
	}
	return nil
}

func (f *materialityFlags) show(name string, stdout io.Writer) error {
	pack, _, err := openRules(name, "")
	if err != nil {
		return unusable(err)
	}
	profile, err := pack.ProfileAt(f.registrant, f.at)
	if err != nil {
		return err
	}
	if f.component != "" && !slices.Contains(profile.Components(), f.component) {
		return fmt.Errorf("the profile %s has no component %s; it has %s", profile.Ref(), f.component, orNone(strings.Join(profile.Components(), ", ")))
	}
	return f.write(profile, stdout)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// profileJSON is a profile as --json prints it.
type profileJSON struct {
	Profile    string       `json:"profile"`
	Registrant string       `json:"registrant_cik"`
	From       string       `json:"effective_from"`
	To         string       `json:"effective_to,omitempty"`
	Currency   string       `json:"group_currency"`
	PreparedBy string       `json:"prepared_by"`
	ApprovedBy []string     `json:"approved_by"`
	Figures    []figureJSON `json:"figures"`
}

type figureJSON struct {
	Name   string `json:"name"`
	Amount string `json:"amount"`
	What   string `json:"what"`
	How    string `json:"how"`
}

func (f *materialityFlags) write(p *rules.Profile, w io.Writer) error {
	out := profileJSON{Profile: p.Ref(), Registrant: p.Registrant, From: p.From.String(), Currency: p.Currency(), PreparedBy: p.PreparedBy, ApprovedBy: p.ApprovedBy}
	if !p.OpenEnded() {
		out.To = p.To.String()
	}
	for _, figure := range p.Figures(f.component) {
		out.Figures = append(out.Figures, figureJSON{figure.Name, figure.Amount.String(), figure.Doc, figure.How})
	}
	if f.asJSON {
		return writeLine(w, out)
	}
	until := "open-ended"
	if out.To != "" {
		until = "to " + out.To
	}
	fmt.Fprintf(w, "%s of the registrant %s, from %s %s, in %s\nprepared by %s, approved by %s\n", out.Profile, out.Registrant, out.From, until, out.Currency, out.PreparedBy, strings.Join(out.ApprovedBy, ", "))
	if p.Notes != "" {
		fmt.Fprintln(w, strings.TrimSpace(p.Notes))
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIGURE\tAMOUNT\tFROM")
	for _, figure := range out.Figures {
		fmt.Fprintf(table, "%s\t%s\t%s\n", figure.Name, figure.Amount, figure.How)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if codes := p.Components(); len(codes) > 0 && f.component == "" {
		fmt.Fprintf(w, "\ncomponents: %s; --component shows one\n", strings.Join(codes, ", "))
	}
	return nil
}
