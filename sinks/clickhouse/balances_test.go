package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/rules/event"
)

// balancesView adds up each journal by currency and decides whether it balances, as
// tocsin load does. It reads the arrays of lines where they stand: a query over a
// year of journals sorts and groups nothing.
func balancesView() view {
	kept := slices.Concat(inPlace(), of("event_type", "event_source", "event_id", "registrant_cik", "company_code", "fiscal_year", "fiscal_period", "document_number", "source_record_key"))
	value := func(name, expr string) viewColumn { return viewColumn{name: name, expr: expr} }
	complete := func(amounts string) string { return "NOT has(arrayMap(a -> isNull(a), " + amounts + "), true)" }
	added := func(side string) string {
		return "arraySum((a, s, c) -> if(s " + side + " 'C' AND (b != 'transaction' OR c = k), ifNull(a, toDecimal128(0, 9)), toDecimal128(0, 9)), amounts, sides, currencies)"
	}
	journal := view{columns: append(slices.Clone(kept),
		value("sides", "`lines.debit_credit`"),
		value("currencies", "arrayMap(c -> if(empty(c), toString(transaction_currency), toString(c)), `lines.currency`)"),
		value("distinct_currencies", "arraySort(arrayDistinct(currencies))"),
		value("in_transaction", "arrayMap(c -> ('transaction', c, `lines.amount_transaction`), distinct_currencies)"),
		value("in_functional", "[('functional', toString(functional_currency), `lines.amount_functional`)]"),
		value("in_group", "[('group', toString(group_currency), `lines.amount_group`)]"),
		// What is added up: basis, currency, amounts. What decides comes last.
		value("sums", fmt.Sprintf(`multiIf(
        %s, arrayConcat(in_transaction, if(length(in_transaction) > 1 AND %[2]s, in_functional, [])),
        %[2]s, in_functional,
        %[3]s, in_group,
        [])`, complete("`lines.amount_transaction`"), complete("`lines.amount_functional`"), complete("`lines.amount_group`")))),
		body: "FROM events\nWHERE event_type IN (" + journalTypes() + ") AND notEmpty(`lines.line_number`)"}
	totals := view{columns: append(slices.Clone(kept), value("totals", fmt.Sprintf(`arrayMap((b, k, amounts) -> (b, k,
        countEqual(arrayMap(c -> b != 'transaction' OR c = k, currencies), true),
        %s,
        %s), sums.1, sums.2, sums.3)`, added("!="), added("=")))),
		body: "FROM\n" + journal.subquery("")}
	const amountType = "Nullable(Decimal(38, 9))"
	none := func(expr string) string { return "if(empty(totals), NULL, " + expr + ")" }
	return view{"journal_balances", "One row for each journal and currency: its debits and credits, and whether the journal balances. A journal in several currencies has a further row in its functional currency where each line has an amount in it, and that row decides.",
		append(kept,
			viewColumn{"basis", "String", "What is added up: transaction, amounts in the currencies of the lines; functional, amounts in functional currency; group, amounts in group currency, where some line has neither of the others. Empty where none of the three is complete: nothing is added up.", "total.1"},
			viewColumn{"currency", "String", "ISO 4217 code of the amounts; empty where the journal names none.", "total.2"},
			viewColumn{"lines", "UInt64", "Lines that are added up.", "total.3"},
			viewColumn{"debits", amountType, "Sum of the debits.", none("total.4")},
			viewColumn{"credits", amountType, "Sum of the credits, unsigned.", none("total.5")},
			viewColumn{"difference", amountType, "debits minus credits.", none("total.4 - total.5")},
			viewColumn{"balances", "Nullable(Bool)", "The journal balances: in functional currency where it has a row in it, else in each currency. The same in each row of a journal. NULL where nothing is added up.",
				"CAST(" + none("arrayAll(x -> x.1 != totals[-1].1 OR x.4 = x.5, totals)") + ", 'Nullable(Bool)')"}),
		"FROM\n" + totals.subquery("") + "\nLEFT ARRAY JOIN totals AS total"}
}

// journalTypes are the event types of journals, as SQL lists them.
func journalTypes() string {
	var names []string
	for _, t := range event.Types() {
		if strings.HasPrefix(t.Name, "ledger.journal_entry.") {
			names = append(names, literal(t.Name))
		}
	}
	return strings.Join(inLines(names), ",\n    ")
}
