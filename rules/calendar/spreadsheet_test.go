package calendar_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"tocsin/rules/calendar"
)

// wide writes a text in UTF-16 with its byte order mark.
func wide(text string, high, low int) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		b.WriteByte(byte(unit >> high))
		b.WriteByte(byte(unit >> low))
	}
	return b.String()
}

// Spreadsheets save a file of closures in many forms. Each gives the same closure,
// or is refused with its place and a remedy.
func TestClosuresFromSpreadsheets(t *testing.T) {
	const mark = "\ufeff"
	event := at(t, "2026-12-23T20:00:00-05:00")
	row := "2026-12-24,sec,closed,Executive order,sec.gov,2026-12-18\n"
	plain := header + row
	for _, form := range []string{
		plain, strings.TrimSuffix(plain, "\n"), plain + "\n", plain + "\n\n# announced late\n", "# closures\n" + plain, header + "\n" + row, header + "# one\n" + row,
		header + strings.ReplaceAll(`"2026-12-24","sec","closed","Executive order","sec.gov","2026-12-18"`, ",", ",") + "\n", header + "2026-12-24, sec ,closed , Executive order,sec.gov,2026-12-18\n",
		header + `2026-12-24,sec,closed,"Executive order, of the President",sec.gov,` + "\n", header + `2026-12-24,sec,closed,"The ""holiday"" order",sec.gov,` + "\n", `"date","market","status","reason","source","announced"` + "\n" + row,
	} {
		for _, end := range []string{"\n", "\r\n", "\r"} {
			for _, before := range []string{"", mark} {
				text := before + strings.ReplaceAll(form, "\n", end)
				cals, err := calendar.Load(write(t, map[string]string{"a.csv": text}))
				if err != nil {
					t.Errorf("%q: %v", text, err)
					continue
				}
				if d, err := cals.Deadline(calendar.O4, event); err != nil || d.DueDate.String() != "2026-12-31" {
					t.Errorf("%q: due %s, %v", text, d.DueDate, err)
				}
			}
		}
	}
	for text, want := range map[string]string{
		mark + mark + plain:                 "a.csv:1:1: the header is",
		mark:                                "a.csv:1:1: the file is empty: begin it with the line",
		wide(plain, 0, 8):                   "a.csv:1:1: the file is UTF-16: save it as CSV UTF-8",
		wide(plain, 8, 0):                   "a.csv:1:1: the file is UTF-16: save it as CSV UTF-8",
		strings.ReplaceAll(plain, ",", ";"): `a.csv:1:1: the header is "date;market;status;reason;source;announced": it must be "date,market,status,reason,source,announced"`,
		header + "2026-12-24,sec,closed,Beh\xf6rde,sec.gov,\n":   "a.csv:2:23: reason is not UTF-8: save the file as CSV UTF-8",
		mark + header + "24.12.2026,sec,closed,Order,sec.gov,\n": `a.csv:2:1: "24.12.2026" is not a date`,
		mark + header + "12/24/2026,sec,closed,Order,sec.gov,\n": `a.csv:2:1: "12/24/2026" is not a date`,
		mark + header + "46380,sec,closed,Order,sec.gov,\n":      `a.csv:2:1: "46380" is not a date`,
		mark + header + "2026-12-24,SEC,closed,Order,sec.gov,\n": `a.csv:2:12: market "SEC" is unknown: write sec or nyse`,
		mark + header + "2026-12-24,sec,closed,Order, of,s,\n":   "a.csv:2:1: 7 cells instead of 6: write date,market",
		mark + header + ",,,,,\n" + row:                          `a.csv:2:1: "" is not a date`,
	} {
		if _, err := calendar.Load(write(t, map[string]string{"a.csv": text})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
