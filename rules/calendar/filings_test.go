package calendar_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/devstack/realdata"
	"tocsin/rules/calendar"
)

// lateFilings are the rows of the known file that were filed after the date
// that the report date gives, each with the reason why the calendar is right.
var lateFilings = map[string]string{
	"0001045810-20-000120": "8-K/A: amends item 9.01 of the report on a closing of 2020-04-27 with the statements " +
		"of the acquired business, due 71 days after the initial report (2020-07-13) and filed 2020-07-01",
}

// knownFilings is the SHA-256 of the file that lateFilings speaks of.
const knownFilings = "1e269e0b6831d33eccf021c772d8f36274f62a4cb5c289edd47fd9ebda6669e3"

// lateShare is how many of the reports in a file without such a list may be
// late. Registrants do file late, and the report date is not always the date the
// clock starts; a wrong calendar shows otherwise: see the checks of each row.
const lateShare = 0.05

// Real filings agree with the calendar: none is dated on a closed day, the day
// each is dated follows from its acceptance by the 17:30 rule, and reports with
// a clock of four business days were filed within it.
func TestRealFilings(t *testing.T) {
	path := realdata.File(t, "form_8k_filings.csv")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	known := hex.EncodeToString(sum[:]) == knownFilings

	var reports, late, unruly int
	unseen := map[string]bool{}
	for accession := range lateFilings {
		unseen[accession] = true
	}
	for _, row := range csvRows(t, path) {
		id, filed := row["accession"], date(t, row["filing_date"])
		if open, err := calendar.Default().IsOpen(filed); err != nil || !open {
			t.Errorf("%s: filed on %s, which is closed by the calendar (%v)", id, filed, err)
		}
		accepted := acceptance(t, row)
		if row["matches_1730_rule"] != "1" || accepted.In(calendar.NewYork()).Format("15:04") == "17:30" {
			// A date adjusted by the SEC; or accepted within the minute, where
			// it is the beginning of the transmission that counts.
			unruly++
		} else if want := dated(t, accepted); want != filed {
			t.Errorf("%s: accepted %s, so dated %s by the 17:30 rule, not %s", id, accepted.Format(time.RFC3339), want, filed)
		}
		if !fourDay(t, row) {
			continue
		}
		reports++
		d, err := calendar.Default().DeadlineOn(calendar.O4, date(t, row["report_date"]))
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		if filed <= d.DueDate {
			continue
		}
		late++
		if why, ok := lateFilings[id]; ok {
			delete(unseen, id)
			t.Logf("%s: explained: %s", id, why)
			continue
		}
		t.Logf("%s: %s of %s, items %s, due %s, filed %s", id, row["form"], row["report_date"], row["items"], d.DueDate, filed)
		if known {
			t.Errorf("%s: late and not explained", id)
		}
	}
	if known && len(unseen) > 0 {
		t.Errorf("explained but not late: %v", unseen)
	}
	if reports == 0 || float64(late) > max(1, lateShare*float64(reports)) {
		t.Errorf("%d of %d reports are late: more than registrants are, so the calendar is in doubt", late, reports)
	}
	t.Logf("%d reports with a clock of four business days, %d late, %d filing dates outside the 17:30 rule", reports, late, unruly)
}

// acceptance is the instant EDGAR accepted the filing, and checks that the raw
// column, read in the zone it is said to be in, is that instant.
func acceptance(t *testing.T, row map[string]string) time.Time {
	t.Helper()
	accepted, err := time.Parse("2006-01-02T15:04:05-0700", row["acceptance_et"])
	if err != nil {
		t.Fatal(err)
	}
	raw, err := time.Parse(time.RFC3339, row["acceptance_raw"])
	if err != nil {
		t.Fatal(err)
	}
	if row["raw_tz"] == "et-labelled-z" {
		raw = time.Date(raw.Year(), raw.Month(), raw.Day(), raw.Hour(), raw.Minute(), raw.Second(), 0, calendar.NewYork())
	}
	if !raw.Equal(accepted) {
		t.Errorf("%s: raw acceptance is %s, want %s", row["accession"], raw.In(calendar.NewYork()), accepted)
	}
	return accepted
}

// dated is the filing date of an acceptance (Regulation S-T Rule 13(a)(2)).
func dated(t *testing.T, accepted time.Time) calendar.Date {
	t.Helper()
	et := accepted.In(calendar.NewYork())
	day := calendar.DateOf(et)
	if et.Hour()*60+et.Minute() >= 17*60+30 {
		day = day.AddDays(1)
	}
	day, err := calendar.Default().AddBusinessDays(day, 0)
	if err != nil {
		t.Fatal(err)
	}
	return day
}

func fourDay(t *testing.T, row map[string]string) bool {
	t.Helper()
	for _, code := range strings.Split(row["items"], ",") {
		// Without a dot it is the numbering before 2004-08-23, of other clocks.
		it, ok := calendar.LookupItem(strings.TrimSpace(code))
		if !ok && strings.Contains(code, ".") {
			t.Errorf("%s: item %q is not in the table", row["accession"], code)
		}
		if it.FourDay {
			return true
		}
	}
	return false
}
