package load

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/load/adsgl"
	"tocsin/rules/diag"
)

// Input names a file of events and describes how it is read.
type Input struct {
	File   string // - is standard input
	Format string // ads-gl or cloudevents

	ads                       adsgl.Options
	decimal, timezone, manual string
	columns, encoding         string
	separator, skipLines      string
	dateOrder, numbers        string
	skipRows                  int
}

// loader returns the loader of the format.
func (in *Input) loader() loader {
	if in.Format == "ads-gl" {
		return &ledgerLoader{opt: in.ads, file: in.name()}
	}
	return &eventLoader{file: in.name()}
}

// name is the file's name in messages; standard input has none.
func (in *Input) name() string {
	if in.File == "-" {
		return ""
	}
	return in.File
}

// LedgerFlags defines the flags about a general ledger.
func (in *Input) LedgerFlags(flags *flag.FlagSet) {
	flags.StringVar(&in.ads.GroupCurrency, "group-currency", "USD", "ISO `CODE` of the group currency")
	flags.StringVar(&in.ads.Currency, "currency", "", "ISO `CODE` of lines that name no currency")
	flags.StringVar(&in.ads.Registrant, "registrant", "", "SEC Central Index Key (`CIK`) of the registrant")
	flags.StringVar(&in.ads.Source, "source", "ads-gl", "CloudEvents `source`: the ledger that the file was taken from")
	flags.StringVar(&in.timezone, "timezone", "UTC", "IANA `ZONE` of entry times that name none")
	flags.StringVar(&in.decimal, "decimal", "", "decimal `MARK`, . or , (default: the point where the amounts decide it; an amount that may be either, or has a decimal comma, is refused)")
	flags.StringVar((*string)(&in.ads.Credits), "credits", "auto", "what a minus sign next to an indicator means: signed (the sign is the side), unsigned (the other side), auto (refused where the journals balance better the other way)")
	flags.StringVar(&in.manual, "manual-source", "", "journal sources that people key, as `NAME[,NAME]`; sets is_manual")
	flags.StringVar(&in.columns, "columns", "", "`FILE` that maps other column names to the standard's, or one that ships: "+strings.Join(adsgl.ShippedNames(), ", "))
	flags.StringVar(&in.encoding, "encoding", "", "encoding of the file: "+joined(adsgl.Encodings)+" (default: utf-8, or what a byte order mark states)")
	flags.StringVar(&in.separator, "separator", "", "separator of columns: one `CHARACTER`, or tab (default: the one under which the header is known)")
	flags.StringVar(&in.dateOrder, "date-order", "", "`ORDER` of dates such as 03/02/2026: "+joined(adsgl.DateOrders)+" (default: what the dates decide; a date that may be either is refused)")
	flags.StringVar(&in.numbers, "numbers", "", "`SCOPE` within which journal numbers are unique: company, ledger, auto (the lines decide)")
	flags.IntVar(&in.skipRows, "skip-rows", 0, "leave out the first `N` lines of the file (default: lines above the header are found and reported)")
	flags.StringVar(&in.skipLines, "skip-lines", "", "leave out these lines of the file, as `LIST` 1-3,118")
}

func joined[T ~string](all []T) string { return strings.Join(texts(all), ", ") }

func texts[T ~string](all []T) []string {
	words := make([]string, len(all))
	for i, a := range all {
		words[i] = string(a)
	}
	return words
}

// CheckLedger checks the flags about a general ledger and fills in its options.
func (in *Input) CheckLedger() error {
	if in.ads.Registrant != "" && (len(in.ads.Registrant) > 10 || strings.Trim(in.ads.Registrant, "0123456789") != "") {
		return fmt.Errorf("--registrant %q is no Central Index Key: write at most ten digits", in.ads.Registrant)
	}
	if err := cli.Word("--credits", string(in.ads.Credits), texts([]adsgl.Credits{adsgl.Guess, adsgl.Signed, adsgl.Unsigned})...); err != nil {
		return err
	}
	for name, code := range map[string]string{"--group-currency": in.ads.GroupCurrency, "--currency": in.ads.Currency} {
		if code != "" && (len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
			return fmt.Errorf("%s %q is no ISO 4217 code: write three capital letters, such as USD", name, code)
		}
	}
	if in.ads.Registrant != "" {
		in.ads.Registrant = strings.Repeat("0", 10-len(in.ads.Registrant)) + in.ads.Registrant
	}
	if in.decimal != "" {
		in.ads.Decimal = in.decimal[0]
	}
	if in.manual != "" {
		in.ads.ManualSources = strings.Split(in.manual, ",")
	}
	zone, err := time.LoadLocation(in.timezone)
	if err != nil || in.timezone == "" || in.timezone == "Local" {
		return fmt.Errorf("--timezone %q is no IANA zone: write one such as America/New_York or UTC", in.timezone)
	}
	in.ads.Zone = zone
	return in.checkForm()
}

// checkForm checks the flags about the form of the file.
func (in *Input) checkForm() error {
	for _, f := range []struct {
		name, value string
		allowed     []string
	}{
		{"--decimal", in.decimal, []string{".", ","}},
		{"--encoding", in.encoding, texts(adsgl.Encodings)},
		{"--date-order", in.dateOrder, texts(adsgl.DateOrders)},
		{"--numbers", in.numbers, texts(adsgl.NumberScopes)},
	} {
		if f.value == "" {
			continue
		}
		if err := cli.Word(f.name, f.value, f.allowed...); err != nil {
			return err
		}
	}
	in.ads.Encoding, in.ads.DateOrder, in.ads.Numbers = adsgl.Encoding(in.encoding), adsgl.DateOrder(in.dateOrder), adsgl.Numbers(in.numbers)
	var err error
	if in.separator != "" {
		if in.ads.Separator, err = adsgl.ParseSeparator(in.separator); err != nil {
			return fmt.Errorf("--separator %q: it %w", in.separator, err)
		}
	}
	if in.skipRows < 0 {
		return fmt.Errorf("--skip-rows %d is no number of lines: write 0 or more", in.skipRows)
	}
	in.ads.SkipLines = adsgl.First(in.skipRows)
	if in.skipLines != "" {
		lines, err := adsgl.ParseLines(in.skipLines)
		if err != nil {
			return fmt.Errorf("--skip-lines %q %w", in.skipLines, err)
		}
		in.ads.SkipLines = append(in.ads.SkipLines, lines...)
	}
	if in.columns != "" {
		in.ads.Columns, err = readColumns(in.columns)
	}
	return err
}

// readColumns reads a file of columns, or a shipped one if no file has this name.
// The error is a diag.List when the file has mistakes.
func readColumns(name string) (*adsgl.Columns, error) {
	text, err := os.ReadFile(name)
	if err == nil {
		return adsgl.ParseColumns(name, string(text))
	}
	if shipped, ok := adsgl.ShippedColumns(name); ok && errors.Is(err, fs.ErrNotExist) {
		return adsgl.ParseColumns(name+".yaml", shipped)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--columns %q: %w: name a file that this program's user may read", name, err)
	}
	hint := "name one, or " + cli.Either(adsgl.ShippedNames())
	if near := diag.Nearest(name, adsgl.ShippedNames()); near != "" {
		hint = "did you mean " + near + "?"
	}
	return nil, fmt.Errorf("--columns %q: no file has this name, and none that ships: %s", name, hint)
}
