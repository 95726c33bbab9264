package adsgl

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// refusedLine is a line that cannot be given to a journal.
type refusedLine struct {
	at int
	fault
}

// divide makes journals out of the lines that have one number in one year.
//
// ByLedger they are one journal, whatever business units they name. ByCompany
// there is one journal a unit. Where neither is given, the lines decide, by their
// own content and never by the rest of the file:
//
//   - A line number stands under two units: one journal a unit.
//   - The lines balance together and not by unit, or they are numbered without
//     a gap: one journal.
//   - Otherwise they may be either, and are refused.
//
// Extracts leave the unit blank on later lines. A line without a unit belongs to
// the unit in which its number is free; when several have it free, the order of
// the file decides if it is unbroken (each journal's lines in ascending order,
// one unit each), and else the line is refused. That is the only place where
// the order of lines matters.
func divide(lines []*line, numbers Numbers) ([]journal, []refusedLine) {
	if len(yearsOf(lines)) > 1 {
		return nil, refuseAll(lines, fiscalYear, "is missing, and the dates of this journal are of several years: add the column, or load each year by itself")
	}
	units := unitsOf(lines)
	if len(units) < 2 || numbers == ByLedger {
		return oneJournal(lines)
	}
	apart, homeless := share(lines, units)
	if numbers != ByCompany && !overlap(lines) {
		byUnit := !slices.ContainsFunc(apart, unbalanced)
		if gapless(lines) || !byUnit && !unbalanced(journal{lines: lines}) {
			return oneJournal(lines)
		}
		return nil, refuseAll(lines, journalID, "stands under several business units, and may be one journal or one of each; name it with --numbers ledger or --numbers company")
	}
	var refused []refusedLine
	for i := range apart {
		slices.SortFunc(apart[i].lines, compare)
		apart[i].dedupe(&refused)
	}
	return apart, append(homeless, refused...)
}

// gapless reports whether the lines are numbered from their first number on
// without a gap.
func gapless(lines []*line) bool {
	for i, l := range lines {
		if l.number < 0 || i > 0 && l.number > lines[i-1].number+1 {
			return false
		}
	}
	return true
}

func oneJournal(lines []*line) (_ []journal, refused []refusedLine) {
	j := journal{id: lines[0].id, lines: lines}
	j.dedupe(&refused)
	j.unit = firstText(j.lines, func(l *line) string { return l.unit })
	return []journal{j}, refused
}

func refuseAll(lines []*line, c column, reason string) []refusedLine {
	refused := make([]refusedLine, len(lines))
	for i, l := range lines {
		refused[i] = refusedLine{l.at, fault{c.String(), reason, l.id.number}}
	}
	return refused
}

// share gives each unit its lines, and returns the lines without a home.
func share(lines []*line, units []string) ([]journal, []refusedLine) {
	taken := make(map[string]map[int64]bool, len(units))
	journals := make([]journal, len(units))
	for i, unit := range units {
		taken[unit] = make(map[int64]bool)
		journals[i] = journal{id: lines[0].id, unit: unit}
	}
	var blank []*line
	for _, l := range lines {
		if l.unit == "" {
			blank = append(blank, l)
			continue
		}
		taken[l.unit][l.number] = true
		at, _ := slices.BinarySearch(units, l.unit)
		journals[at].lines = append(journals[at].lines, l)
	}
	var homeless []refusedLine
	order := unbroken(lines)
	for _, l := range blank {
		home, free := 0, 0
		for i, unit := range units {
			if l.number >= 0 && !taken[unit][l.number] {
				home, free = i, free+1
			}
		}
		if unit, known := order[l]; known && free != 1 {
			home, _ = slices.BinarySearch(units, unit)
			free = 1
		}
		if free != 1 {
			homeless = append(homeless, refusedLine{l.at, fault{businessUnit.String(), "is empty, and several journals of this number lack such a line: fill it in", ""}})
			continue
		}
		journals[home].lines = append(journals[home].lines, l)
	}
	return journals, homeless
}

// unbalanced reports whether debits differ from credits in a currency, and also
// in the functional currency where every line has an amount in it.
func unbalanced(j journal) bool {
	t, err := j.sums()
	return err != nil || !t.balanced()
}

// overlap reports whether a line number stands under two units.
func overlap(lines []*line) bool {
	last := ""
	for i, l := range lines {
		if i == 0 || l.number != lines[i-1].number {
			last = ""
		}
		if l.number < 0 || l.unit == "" {
			continue
		}
		if last != "" && last != l.unit {
			return true
		}
		last = l.unit
	}
	return false
}

func unitsOf(lines []*line) []string {
	var units []string
	for _, l := range lines {
		if l.unit != "" {
			units = append(units, l.unit)
		}
	}
	slices.Sort(units)
	return slices.Compact(units)
}

// yearsOf returns the years of the posting dates, when the file has no fiscal
// year, or of the document dates where no line has a posting date.
func yearsOf(lines []*line) []int {
	if lines[0].id.year != 0 {
		return nil
	}
	var posted, documented []int
	for _, l := range lines {
		if l.effective.known {
			posted = append(posted, l.effective.year())
		}
		if l.document.known {
			documented = append(documented, l.document.year())
		}
	}
	if posted == nil {
		posted = documented
	}
	slices.Sort(posted)
	return slices.Compact(posted)
}

// unbroken returns the unit of each line when the lines, in the order of the
// file, are runs of ascending numbers of one unit each; else nothing.
func unbroken(lines []*line) map[*line]string {
	inFile := slices.SortedFunc(slices.Values(lines), func(a, b *line) int { return cmp.Compare(a.at, b.at) })
	unit := make(map[*line]string)
	seen := make(map[string]bool)
	for start := 0; start < len(inFile); {
		end := start + 1
		for end < len(inFile) && inFile[end].number > inFile[end-1].number {
			end++
		}
		run := unitsOf(inFile[start:end])
		if len(run) != 1 || seen[run[0]] {
			return nil
		}
		seen[run[0]] = true
		for _, l := range inFile[start:end] {
			unit[l] = run[0]
		}
		start = end
	}
	return unit
}

// dedupe rejects lines whose number the journal already has. The content of the
// lines decides which one stays, not their place in the file.
func (j *journal) dedupe(refused *[]refusedLine) {
	kept := j.lines[:0:0]
	for _, l := range j.lines {
		if n := len(kept); n > 0 && l.number >= 0 && kept[n-1].number == l.number {
			*refused = append(*refused, refusedLine{l.at, fault{lineNumber.String(), fmt.Sprintf("stands twice in its journal; the other is line %d; leave one out with --skip-lines", kept[n-1].at), strconv.FormatInt(l.number, 10)}})
			continue
		}
		kept = append(kept, l)
	}
	j.lines = kept
}
