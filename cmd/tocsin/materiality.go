package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"tocsin/rules"
	"tocsin/rules/calendar"
)

const materialityUsage = `usage: tocsin materiality show [PACK] --registrant CIK --at DATE [--component CODE]

Shows the materiality profile in force for a registrant on a day in New York,
and of each number the document it was taken from, or how it follows from others.

  tocsin materiality show --registrant 9999999 --at 2026-03-02

`

// materialityFlags are the flags of tocsin materiality show.
type materialityFlags struct {
	pack, registrant, component string
	at                          calendar.Date
	asJSON                      bool
}

func parseMateriality(args []string, stderr io.Writer) (*materialityFlags, error) {
	f := &materialityFlags{}
	flags := flag.NewFlagSet("tocsin materiality show", flag.ContinueOnError)
	flags.StringVar(&f.registrant, "registrant", "", "SEC Central Index Key (`CIK`)")
	at := flags.String("at", "", "`DATE` in New York, such as 2026-03-02")
	flags.StringVar(&f.component, "component", "", "company `CODE` of a component")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	named, err := arguments(flags, materialityUsage, args, stderr)
	if err != nil {
		return nil, err
	}
	if len(named) == 0 || named[0] != "show" || len(named) > 2 {
		return nil, errors.New("say show, and a pack or none; tocsin materiality -h explains")
	}
	f.pack = append(named, defaultPack)[1]
	if n := len(f.registrant); n == 0 || n > 10 || strings.Trim(f.registrant, "0123456789") != "" {
		return nil, errors.New("--registrant is a Central Index Key: at most ten digits")
	}
	f.registrant = strings.Repeat("0", 10-len(f.registrant)) + f.registrant
	if f.at, err = calendar.ParseDate(*at); err != nil {
		return nil, errors.New("--at is a date such as 2026-03-02")
	}
	return f, nil
}

// runMateriality is the command tocsin materiality.
func runMateriality(args []string, stdout, stderr io.Writer) int {
	const command = "tocsin materiality"
	f, err := parseMateriality(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, command+":", err)
		return exitUsage
	}
	pack, _, err := openRules(f.pack, "")
	if err != nil {
		printPackError(command, err, stderr)
		return exitUsage
	}
	profile, err := pack.ProfileAt(f.registrant, f.at)
	if err == nil && f.component != "" && !slices.Contains(profile.Components(), f.component) {
		err = fmt.Errorf("the profile %s has no component %s; it has %s", profile.Ref(), f.component, orNone(strings.Join(profile.Components(), ", ")))
	}
	if err == nil {
		err = f.write(profile, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, command+":", err)
		return exitFailed
	}
	return exitOK
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
