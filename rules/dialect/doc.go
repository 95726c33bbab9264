// Package dialect is the language of rule expressions: a small, typed and
// three-valued part of expr (github.com/expr-lang/expr), whose parser it uses
// and whose checker and virtual machine it replaces.
//
// # Why not expr's own checker and machine
//
// They decide money through float64, take a missing value for nil, which is
// "not equal" to everything, wrap integers that overflow, divide by zero
// without a word and let a user reach the clock. Each of these makes a rule say
// something that nobody wrote. Compiled to closures over the slots of an
// event.Record an expression is also about ten times as fast, and costs no
// allocation. Over the part that both understand, expr's machine is the oracle
// of a test of this package.
//
// # Values
//
// bool, text, list of texts, integer (with a unit), amount of money (in the
// group, functional or transaction currency, or that of a constant), rate,
// date, instant, duration, list of records. Amounts and rates are exact.
// Constants with a currency, a percent sign or a unit of time are params of a
// rule (see ParseConst); an expression itself holds only plain numbers, texts
// and true and false.
//
// # Missing
//
// A comparison with a field that was not sent is neither true nor false but
// unknown. and, or and not follow Kleene: "false and unknown" is false, "true
// or unknown" is true, the rest is unknown. "x ?? y" is y where x is missing,
// present(x) tells whether it was sent. A result that cannot be computed, such
// as an overflow, is failed, which weighs more than unknown and less than a
// side that decides the result alone. The order of the sides never matters.
//
// # Currency
//
// Amounts in different currencies never meet. The fields of one event that
// share a Unit share a currency. A constant meets group amounts only when it is
// in the pack's group currency, and then an event that names another one makes
// the result failed. It meets functional or transaction amounts when the event
// says that they are in the constant's currency; for any other event the result
// is unknown. An event that does not name its group currency is taken to be in
// the pack's. An amount of a materiality profile in another currency than the
// event's is unknown.
//
// # Operators
//
//	and or not            && || ! are the same
//	== != < <= > >=       of equal types; texts and booleans have no order; 1 < n < 5 is allowed
//	in, not in            a word in a list of constants, or in a list of texts
//	contains startsWith endsWith    of texts; matches with a constant RE2 pattern
//	+ - * %               overflow is an error, never a wrap; % of zero is failed
//	??                    a value for a missing one
//	a ? b : c             with b and c of one type
//
// There is no division: ratio(a, b) says what becomes of a zero. Functions
// lists the functions.
package dialect
