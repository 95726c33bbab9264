package adsgl

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/diag"
	"tocsin/rules/event"
)

var ledgers = flag.Int("ledgers", 800, "how many random ledgers are written and read back")

// TestRandomLedgers writes ledgers in random styles by a writer that shares no
// code with the reader, and reads them back equal to the digit. Where the file
// leaves a question open and no option decides it, the reader must refuse, with the
// option or the change that decides it; with all options named it reads the file.
//
//	make ledgers N=100000
func TestRandomLedgers(t *testing.T) {
	reasons := make(map[string]int)
	refused, read, never := 0, 0, 0
	for seed := range *ledgers {
		w := newWriter(uint64(seed))
		file := w.file(w.journals)
		doubts := w.doubts(w.journals)
		got, report, err := w.readBack(file)
		if len(doubts) > 0 {
			w.reasons(t, seed, doubts, report, err)
			w.eachRefused(t, seed, file, doubts)
			for _, d := range doubts {
				reasons[d.what]++
			}
			refused++
			w.nameless = nameless{}
			if doubts = w.doubts(w.journals); len(doubts) > 0 { // no option decides it
				never++
				continue
			}
			got, report, err = w.readBack(file)
		}
		if err != nil || report.Refused > 0 {
			w.fail(t, seed, "%v %+v", err, report)
		}
		read++
		w.compare(t, seed, got, report)
		w.alone(t, seed, got)
	}
	if *ledgers >= 100 && (refused < *ledgers/10 || read < *ledgers/2) {
		t.Errorf("of %d ledgers %d are refused and %d read: the test has lost its aim", *ledgers, refused, read)
	}
	t.Logf("%d ledgers: %d are read back equal, %d of them when the options are named that their refusal asks for; %d leave open what no option decides", *ledgers, read, refused-never, never)
	for _, what := range slices.Sorted(maps.Keys(reasons)) {
		t.Logf("  refused for %s: %d", what, reasons[what])
	}
}

// eachRefused reads the file with all options but one, for each question that it
// leaves open: every reason of the refusals is that of the question.
func (w *writer) eachRefused(t *testing.T, seed int, file []byte, doubts []doubt) {
	t.Helper()
	for _, d := range doubts {
		w.nameless = d.without
		doubts := w.doubts(w.journals)
		if len(doubts) == 0 {
			continue // only the guess about minus signs made it one
		}
		_, report, err := w.readBack(file)
		for _, reason := range w.reasons(t, seed, doubts, report, err) {
			if !slices.ContainsFunc(doubts, func(d doubt) bool { return strings.Contains(reason, d.remedy) }) {
				w.fail(t, seed, "%v, and a reason is %q", doubts, reason)
			}
		}
	}
}

// reasons are those of all refusals. It fails the test where there is none, or one
// has no place.
func (w *writer) reasons(t *testing.T, seed int, doubts []doubt, report *Report, err error) []string {
	t.Helper()
	var mistakes diag.List
	switch {
	case errors.As(err, &mistakes):
		return []string{mistakes[0].Message + ": " + mistakes[0].Hint}
	case err != nil:
		return []string{err.Error()}
	case report.Refused == 0 && report.Undecided() != nil:
		return []string{report.Undecided().Error()}
	case report.Refused == 0:
		w.fail(t, seed, "%v, and nothing is refused", doubts)
	}
	var all []string
	for _, l := range report.RefusedLines {
		if l.Line == 0 || l.Column == 0 && !strings.HasPrefix(l.Reason, "is missing") {
			w.fail(t, seed, "a refusal has no place: %+v", l)
		}
		all = append(all, l.Reason)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (w *writer) fail(t *testing.T, seed int, format string, args ...any) {
	t.Helper()
	t.Fatalf("seed %d: %s\n%+v\n%s\n%q", seed, fmt.Sprintf(format, args...), *w.style, w.declaration(w.book), w.text)
}

// TestDamagedLedgers damages one row of a ledger and leaves out what cannot be
// read: a journal that lost a line is marked incomplete, wherever in the row the
// damage lies.
func TestDamagedLedgers(t *testing.T) {
	lost := 0
	for seed := range *ledgers {
		w := newWriter(uint64(seed))
		w.encoding, w.nameless = "utf-8", nameless{}
		whole := w.file(w.journals)
		before, report, err := w.readBack(whole)
		if err != nil {
			w.fail(t, seed, "%v", err)
		}
		if report.Refused > 0 {
			continue // a number of several years
		}
		damaged := w.damage(whole)
		after, report, err := w.readBack(damaged)
		if err != nil || report.Refused == 0 {
			continue // the damage ends the reading, or makes another valid cell
		}
		for key, have := range after {
			if len(have.lines) >= len(before[key].lines) {
				continue
			}
			if lost++; !have.incomplete {
				w.fail(t, seed, "journal %s lost a line and is not incomplete, %+v\nwas %q\nis  %q", key, report.RefusedLines, lines(whole, damaged), lines(damaged, whole))
			}
		}
	}
	if *ledgers >= 100 && lost < *ledgers/10 {
		t.Errorf("%d journals lost a line: the test has lost its aim", lost)
	}
}

// lines are the lines of a file that the other does not have.
func lines(file, other []byte) []string {
	has := strings.FieldsFunc(string(other), func(r rune) bool { return r == '\n' || r == '\r' })
	return slices.DeleteFunc(strings.FieldsFunc(string(file), func(r rune) bool { return r == '\n' || r == '\r' }), func(l string) bool { return slices.Contains(has, l) })
}

// readJournal is a journal as it came back.
type readJournal struct {
	id, posted, documented, entered string
	lines                           []string
	incomplete                      bool
}

// readBack reads the file with the options of the style.
func (w *writer) readBack(file []byte) (map[string]readJournal, *Report, error) {
	opt, err := w.options(w.book)
	if err != nil {
		return nil, nil, err
	}
	if !w.nameless.skip {
		opt.SkipLines = w.skip
	}
	survey, err := surveyed(file, opt)
	if err != nil {
		return nil, nil, err
	}
	got := make(map[string]readJournal)
	report, err := survey.Journals(bytes.NewReader(file), func(j Journal) error {
		key := j.Event.Text(ledger("source_record_key"))
		if _, twice := got[key]; twice {
			return fmt.Errorf("the key %s stands twice", key)
		}
		got[key] = w.readJournal(j.Event)
		return nil
	})
	return got, report, err
}

func (w *writer) readJournal(e *event.Event) readJournal {
	r := readJournal{id: e.Text(ledger("event_id")), incomplete: e.Bool(ledger("incomplete"))}
	if f := ledger("posting_date"); e.Has(f) {
		r.posted = e.Date(f).String()
	}
	if f := ledger("document_date"); e.Has(f) {
		r.documented = e.Date(f).String()
	}
	at := e.Instant(ledger("entered_at"))
	if day, only := event.DayOf(at); only {
		r.entered = day.String()
	} else {
		r.entered = at.UTC().Format(time.RFC3339)
	}
	for _, l := range e.Records(linesField) {
		number, local := l.Int(lineNumberField), ""
		if !w.numbered {
			number = 0
		}
		if w.functional != "" {
			local = l.Amount(functionalField).String() + e.Text(ledger("functional_currency"))
		}
		r.lines = append(r.lines, fmt.Sprint(number, " ", l.Text(lineField("segment")), " ", l.Text(lineField("account")), " ", l.Text(sideField), l.Amount(transactionField), l.Text(currencyField), " ", local, " ", l.Text(lineField("line_text"))))
	}
	if !w.numbered {
		slices.Sort(r.lines)
	}
	return r
}

// compare compares the journals and the report with what was written.
func (w *writer) compare(t *testing.T, seed int, got map[string]readJournal, report *Report) {
	t.Helper()
	if len(got) != len(w.journals) {
		w.fail(t, seed, "%d journals come back, %d were written", len(got), len(w.journals))
	}
	totals := make(map[string][2]int64)
	unbalanced, mixed, undated, zeros := 0, 0, 0, 0
	for i := range w.journals {
		j := &w.journals[i]
		want, have := w.want(j), got[w.key(j)]
		want.id = have.id
		if diff := cmp.Diff(want, have, cmp.AllowUnexported(readJournal{})); diff != "" {
			w.fail(t, seed, "journal %s comes back as (-want +got)\n%s", w.key(j), diff)
		}
		currencies := make(map[string]bool)
		for _, l := range j.lines {
			sum := totals[l.currency]
			if currencies[l.currency] = true; l.credit {
				sum[1] += l.amount
			} else {
				sum[0] += l.amount
			}
			if totals[l.currency] = sum; l.amount == 0 {
				zeros++
			}
		}
		if len(currencies) > 1 {
			mixed++
		}
		if j.undated {
			undated++
		}
		if !w.balanced(j, isCredit) {
			unbalanced++
		}
	}
	if len(report.Unbalanced) != unbalanced || report.Mixed != mixed || report.UndatedPosting != undated || report.ZeroAmounts != zeros || len(report.Totals) != len(totals) {
		w.fail(t, seed, "%d unbalanced, %d mixed, %d undated, %d zeros, %d currencies, want %d, %d, %d, %d, %d",
			len(report.Unbalanced), report.Mixed, report.UndatedPosting, report.ZeroAmounts, len(report.Totals), unbalanced, mixed, undated, zeros, len(totals))
	}
	for _, total := range report.Totals {
		if sum := totals[total.Currency]; total.Debit != exact(sum[0]) || total.Credit != exact(sum[1]) {
			w.fail(t, seed, "%s: debit %s, credit %s, want %s, %s", total.Currency, total.Debit, total.Credit, exact(sum[0]), exact(sum[1]))
		}
	}
}

// alone writes one journal by itself, in another style: it has the same id as in
// the whole ledger.
func (w *writer) alone(t *testing.T, seed int, got map[string]readJournal) {
	t.Helper()
	j := w.journals[w.rand.IntN(len(w.journals))]
	again := &writer{book: w.book, style: newStyle(w.book)}
	again.nameless = nameless{}
	file := again.file([]wroteJournal{j})
	back, report, err := again.readBack(file)
	if err != nil || report.Refused > 0 || len(back) != 1 {
		again.fail(t, seed, "one journal alone: %v, %+v", err, report)
	}
	if diff := cmp.Diff(got[w.key(&j)], back[w.key(&j)], cmp.AllowUnexported(readJournal{})); diff != "" {
		again.fail(t, seed, "journal %s differs alone (-in the ledger +alone):\n%s", w.key(&j), diff)
	}
}
