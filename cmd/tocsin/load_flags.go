package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/cmd/tocsin/adsgl"
)

// ledgerFlags defines the flags about a general ledger.
func (f *loadFlags) ledgerFlags(flags *flag.FlagSet) {
	flags.StringVar(&f.ads.GroupCurrency, "group-currency", "USD", "ISO `CODE` of the group currency")
	flags.StringVar(&f.ads.Currency, "currency", "", "ISO `CODE` of lines that name no currency")
	flags.StringVar(&f.ads.Registrant, "registrant", "", "SEC Central Index Key (`CIK`) of the registrant")
	flags.StringVar(&f.ads.Source, "source", "ads-gl", "CloudEvents `source`: the ledger that the file was taken from")
	flags.StringVar(&f.timezone, "timezone", "UTC", "IANA `ZONE` of entry times")
	flags.StringVar(&f.decimal, "decimal", "", "decimal `MARK`, . or , (default: the point; what may be either is refused)")
	flags.StringVar((*string)(&f.ads.Credits), "credits", "auto", "what a minus sign next to an indicator means: signed (credits carry one), unsigned (the other side), auto")
	flags.StringVar(&f.manual, "manual-source", "", "journal sources that people key, as `NAME[,NAME]`; sets is_manual")
}

// checkLedger checks the flags about a general ledger and puts them together.
func (f *loadFlags) checkLedger() error {
	switch {
	case f.decimal != "" && f.decimal != "." && f.decimal != ",":
		return errors.New("--decimal is . or ,")
	case !slices.Contains([]adsgl.Credits{adsgl.Guess, adsgl.Signed, adsgl.Unsigned}, f.ads.Credits):
		return errors.New("--credits is auto, signed or unsigned")
	case f.ads.Registrant != "" && (len(f.ads.Registrant) > 10 || strings.Trim(f.ads.Registrant, "0123456789") != ""):
		return errors.New("--registrant is a Central Index Key: at most ten digits")
	}
	for name, code := range map[string]string{"--group-currency": f.ads.GroupCurrency, "--currency": f.ads.Currency} {
		if code != "" && (len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
			return fmt.Errorf("%s is an ISO 4217 code such as USD", name)
		}
	}
	if f.ads.Registrant != "" {
		f.ads.Registrant = strings.Repeat("0", 10-len(f.ads.Registrant)) + f.ads.Registrant
	}
	if f.decimal != "" {
		f.ads.Decimal = f.decimal[0]
	}
	if f.manual != "" {
		f.ads.ManualSources = strings.Split(f.manual, ",")
	}
	zone, err := time.LoadLocation(f.timezone)
	if err != nil || f.timezone == "" || f.timezone == "Local" {
		return errors.New("--timezone is an IANA zone such as America/New_York")
	}
	f.ads.Zone = zone
	return nil
}
