// Package adsgl reads general ledger detail in the layout of the AICPA Audit
// Data Standard (Audit Data Standards, General Ledger Standard, table
// GL_Detail): delimited text, one row a journal line. It joins the lines into
// journals and gives one canonical ledger event for each.
//
// The layout leaves questions open. This package decides them so:
//
//   - A journal is the lines with one Journal_ID in one Fiscal_Year, and in one
//     business unit where units number their journals apart (divide).
//   - A journal has the same event and id in any extract that holds all of it, in
//     any order of its lines, and in any spelling of its columns, dates and sides
//     (journal.sourceKey, journal.eventID).
//   - A file writes its amounts and dates in one way. What no line of it decides
//     is refused, with the option that decides it (Notation).
//   - A journal that lost a line is marked incomplete, also where the fault hides
//     which journal that is (Survey.lose).
//   - Amounts in events are unsigned. Without an indicator the sign is the side;
//     with one, Credits states the meaning of a minus sign.
//   - A sentinel date is no date, and nothing stands in for a posting date
//     (entry.build).
//   - A file is read three times: NewNotation learns its forms, Notation.Survey
//     counts each journal's lines, so that Survey.Journals holds only journals
//     that are not complete.
//
// Other layouts are mapped to this one by a file of columns (Columns).
//
// It is pure: readers in, events and a report out. The report names lines,
// fields and kinds of mistake. It holds values in two places: totals and
// differences, its purpose, and the cells that it shows on a terminal.
package adsgl

import "strings"

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
	debitAmount
	creditAmount
	indicator
	currency
	functionalAmount
	functionalDebit
	functionalCredit
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
	debitAmount:        {"Debit", "Debit_Amount", "Amount_Debit", "Entered_Debit", "Entered_Dr", "Dr", "Dr_Amount"},
	creditAmount:       {"Credit", "Credit_Amount", "Amount_Credit", "Entered_Credit", "Entered_Cr", "Cr", "Cr_Amount"},
	indicator:          {"Amount_Credit_Debit_Indicator", "Amount_Debit_Credit_Indicator", "Credit_Debit_Indicator", "Debit_Credit_Indicator", "Debit_Credit", "Credit_Debit", "DC_Indicator", "CD_Indicator", "DR_CR"},
	currency:           {"Amount_Currency", "Currency", "Currency_Code", "Transaction_Currency", "Entered_Currency"},
	functionalAmount:   {"Functional_Amount", "Local_Amount", "Amount_Functional"},
	functionalDebit:    {"Functional_Debit", "Functional_Debit_Amount", "Accounted_Debit", "Accounted_Dr", "Local_Debit"},
	functionalCredit:   {"Functional_Credit", "Functional_Credit_Amount", "Accounted_Credit", "Accounted_Cr", "Local_Credit"},
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
