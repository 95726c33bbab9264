// Package adsgl reads general ledger detail in the layout of the AICPA Audit
// Data Standard (Audit Data Standards, General Ledger Standard, table
// GL_Detail): delimited text, one row a journal line. It joins the lines into
// journals and gives one canonical ledger event for each.
//
// What the layout leaves open is decided thus:
//
//   - A journal is the lines with one Journal_ID in one Fiscal_Year; divide says
//     when business units number their journals apart.
//   - The same file gives the same events and ids in any order of its lines, and
//     any spelling of its columns, dates and sides (journal.eventID).
//   - Amounts in events are unsigned. Without an indicator the sign is the side;
//     with one, Credits says what a minus sign means.
//   - A sentinel date is no date, and nothing stands in for a posting date
//     (entry.build).
//   - A file is read twice: NewSurvey counts each journal's lines, so that
//     Survey.Journals holds only journals that are not complete.
//
// It is pure: readers in, events and a report out. Errors and the report name
// lines, fields and kinds of mistake, never a value; the report's totals and
// differences are the exception, they are what it is for.
package adsgl

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// column is a field of the layout that is read.
type column int

const (
	journalID column = iota
	lineNumber
	headerText
	lineText
	journalSource
	businessUnit
	effectiveDate
	fiscalYear
	fiscalPeriod
	account
	accountName
	amount
	indicator
	currency
	functionalAmount
	functionalCurrency
	reportingAmount
	reportingCurrency
	enteredBy
	enteredDate
	enteredTime
	approvedBy
	modifiedBy
	postedBy
	documentDate
	documentType
	reversal
	reverses
	costCenter
	profitCenter
	columns
)

// names holds each column's name in the standard, then the other spellings that
// extracts use. Names are compared by their letters and digits only, so case,
// underscores and stray spaces (JE_Header_ Description) make no difference.
var names = [columns][]string{
	journalID:          {"Journal_ID", "JE_ID", "Journal_Entry_ID", "Journal_Number", "JE_Number", "Document_Number"},
	lineNumber:         {"Journal_ID_Line_Number", "Journal_Line_Number", "JE_Line_Number", "Line_Number", "Journal_Line"},
	headerText:         {"JE_Header_Description", "Journal_Header_Description", "Header_Description", "Header_Text"},
	lineText:           {"JE_Line_Description", "Journal_Line_Description", "Line_Description", "Line_Text"},
	journalSource:      {"Source", "Journal_Source", "Source_ID"},
	businessUnit:       {"Business_Unit_Code", "Business_Unit", "Business_Unit_ID", "Company_Code"},
	effectiveDate:      {"Effective_Date", "JE_Effective_Date", "Posting_Date", "GL_Date"},
	fiscalYear:         {"Fiscal_Year"},
	fiscalPeriod:       {"Period", "Fiscal_Period", "Accounting_Period"},
	account:            {"GL_Account_Number", "GL_Account", "Account_Number", "Account"},
	accountName:        {"GL_Account_Name", "Account_Name", "GL_Account_Description"},
	amount:             {"Amount", "Transaction_Amount", "Entered_Amount"},
	indicator:          {"Amount_Credit_Debit_Indicator", "Amount_Debit_Credit_Indicator", "Credit_Debit_Indicator", "Debit_Credit_Indicator", "Debit_Credit", "Credit_Debit", "DC_Indicator", "CD_Indicator", "DR_CR"},
	currency:           {"Amount_Currency", "Currency", "Currency_Code", "Transaction_Currency", "Entered_Currency"},
	functionalAmount:   {"Functional_Amount", "Local_Amount", "Amount_Functional"},
	functionalCurrency: {"Functional_Amount_Currency", "Functional_Currency", "Functional_Currency_Code", "Local_Amount_Currency", "Local_Currency", "Local_Currency_Code"},
	reportingAmount:    {"Reporting_Amount", "Group_Amount", "Amount_Reporting"},
	reportingCurrency:  {"Reporting_Amount_Currency", "Reporting_Currency", "Reporting_Currency_Code", "Group_Currency"},
	enteredBy:          {"Entered_By", "Entered_By_User_ID", "Entered_User_ID", "Created_By"},
	enteredDate:        {"Entered_Date", "Entry_Date", "Created_Date"},
	enteredTime:        {"Entered_Time", "Entry_Time", "Created_Time"},
	approvedBy:         {"Approved_By", "Approved_By_User_ID", "Approved_User_ID"},
	modifiedBy:         {"Last_Modified_By", "Last_Modified_By_User_ID", "Last_Modified_User_ID", "Modified_By", "Modified_By_User_ID"},
	postedBy:           {"Posted_By", "Posted_By_User_ID"},
	documentDate:       {"Document_Date", "Journal_Document_Date"},
	documentType:       {"Document_Type", "Journal_Entry_Type"},
	reversal:           {"Reversal_Indicator", "Reversal_Flag", "Is_Reversal"},
	reverses:           {"Reversal_Journal_ID", "Reversed_Journal_ID", "Reverses_Journal_ID"},
	costCenter:         {"Cost_Center", "Cost_Centre"},
	profitCenter:       {"Profit_Center", "Profit_Centre"},
}

// required are the columns without which there is no journal.
var required = []column{journalID, account, amount}

func (c column) String() string { return names[c][0] }

// known finds a column by its folded name.
var known = func() map[string]column {
	index := make(map[string]column)
	for c := range columns {
		for _, name := range names[c] {
			index[fold(name)] = c
		}
	}
	return index
}()

// fold keeps the letters and digits of a name, in lower case.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// layout says where each column stands in a row.
type layout struct {
	separator byte
	width     int
	at        [columns]int // -1: the file does not have it
	unknown   []string     // names of the header that are not read
}

// separators are tried in this order; the standard allows the first two.
const separators = ",|;\t"

// newLayout reads the header. The separator is the one under which most names
// are known.
func newLayout(header string) (*layout, error) {
	var best *layout
	var twice []string
	most := 0
	for i := range separators {
		fields, state := split(header, separators[i], nil)
		if state != whole {
			continue
		}
		l := &layout{separator: separators[i], width: len(fields)}
		for c := range l.at {
			l.at[c] = -1
		}
		found, repeated := 0, []string(nil)
		for at, name := range fields {
			c, ok := known[fold(name)]
			switch {
			case !ok && strings.TrimSpace(name) != "":
				l.unknown = append(l.unknown, strings.TrimSpace(name))
			case ok && l.at[c] >= 0:
				repeated = append(repeated, c.String())
			case ok:
				l.at[c] = at
				found++
			}
		}
		if found > most {
			best, most, twice = l, found, repeated
		}
	}
	if best == nil {
		return nil, fmt.Errorf("the first line names no column of the Audit Data Standard general ledger detail; it must be a header such as %s%c%s%c%s", journalID, ',', account, ',', amount)
	}
	if twice != nil {
		return nil, fmt.Errorf("the header names %s twice", strings.Join(twice, ", "))
	}
	var missing []string
	for _, c := range required {
		if best.at[c] < 0 {
			missing = append(missing, c.String())
		}
	}
	if missing != nil {
		return nil, fmt.Errorf("the header lacks %s", strings.Join(missing, ", "))
	}
	for _, name := range best.unknown {
		if !utf8.ValidString(name) {
			return nil, errNotUTF8
		}
	}
	slices.Sort(best.unknown)
	return best, nil
}

// cell returns a column's value without surrounding blanks, or "".
func (l *layout) cell(fields []string, c column) string {
	if at := l.at[c]; at >= 0 {
		return strings.TrimSpace(fields[at])
	}
	return ""
}
