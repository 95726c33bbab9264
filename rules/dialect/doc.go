// Package dialect is the language of rule expressions: a small, typed and
// three-valued part of expr (github.com/expr-lang/expr), whose parser it uses
// and whose checker and virtual machine it replaces.
//
// # Why not expr's own checker and machine
//
// They compute money in float64, take a missing value for nil, which is "not
// equal" to everything, wrap integers that overflow, divide by zero silently and
// let a user read the clock. Each of these gives a rule a meaning that its author
// did not write. Compiled to closures over the slots of an event.Record, an
// expression is also about ten times as fast and allocates nothing. A test
// compares this package with expr's machine over the part that both understand.
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
// or unknown" is true, the rest is unknown. "x ?? y" is y where x is missing, and
// present(x) is whether it was sent. A result that cannot be computed, such
// as an overflow, is failed, which weighs more than unknown and less than a
// side that decides the result alone. The order of the sides never matters.
//
// An instant that the source sent as a date has no time of day. hour_of, local_time
// and a difference of it are unknown; date_of, day_of_week and the functions of
// business days take the date as it stands. A comparison is decided where every time
// of day and every zone give the same.
//
// # Currency
//
// Amounts in different currencies never meet. The fields of one event that
// share a Unit share a currency, except transaction amounts. A constant meets group amounts only when it is
// in the pack's group currency, and then an event that names another one makes
// the result failed. It meets functional amounts when the event names the
// constant's currency as theirs; for any other event the result is unknown. An
// event that does not name its group currency is taken to be in the pack's. An
// amount of a materiality profile in another currency than the event's is unknown.
//
// Each line of a journal may name the currency of its transaction amount; where it
// names none, the event's counts. Such amounts meet each other and a constant where
// their currencies are the same, and the result is unknown where they are not: of a
// journal in several currencies, total(lines, .amount_transaction, .currency ==
// "EUR") has a value, and the total without a condition has none.
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
// There is no division: ratio(a, b) is unknown where b is 0. Functions lists the
// functions.
//
// # Stages
//
// An expression passes through the stages in this order; a file's name begins
// with its stage.
//
//	parse      text to expr's tree, with a place for each part: parse, parse_const,
//	           parse_date, parse_extent, parse_foreign, parse_number, parse_slip,
//	           parse_source
//	check      tree to typed nodes, or mistakes: check, check_call, check_code,
//	           check_join, check_operator
//	compile    nodes to closures: compile, compile_arith, compile_compare,
//	           compile_currency, compile_day, compile_function, compile_list
//	program    the compiled expression, and what is read off it: program,
//	           program_boundary, program_canon, program_part, program_trace
//	explain    each part of a result with its value: explain
//	reason     the parts that decided, and the least change that turns the result
//	           round: reason, reason_change, reason_phrase
//	explore    every situation that the conditions tell apart: explore, explore_atom
//	conjunct   the parts without which a condition is false, for an index:
//	           conjunct, conjunct_collect, conjunct_term
//	mutate     the expression with one thing altered: mutate
//
// All stages share the data: arith, env, function, kind, node, scope, tri,
// value, value_quantity.
package dialect
