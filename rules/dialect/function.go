package dialect

import (
	"slices"

	"tocsin/rules/event"
)

// Function is a function of the rule language, for its reference.
type Function struct {
	Name      string
	Signature string // such as ratio(a, b)
	Doc       string // what it is, and what becomes of missing values and zeros
}

// form is how a function's arguments are read.
type form uint8

const (
	plain     form = iota // values
	presence              // a name, whose value is not read
	predicate             // a list and a condition on each of its members
	totalling             // a list, an amount of each record, maybe a condition
)

// function is a row of the table of functions.
type function struct {
	Function
	form form
	// takes lists the kinds that each argument may have; the last row stands for
	// the arguments that follow when variadic is set.
	takes    [][]Kind
	optional int  // arguments at the end that may be left out
	variadic bool // two or more arguments of the last row's kinds
	alike    bool // the arguments must be of one type
	zoned    bool // the last, optional, argument is the name of a time zone
	result   func(args []*node) Type
	build    func(n *node, args []closure) closure
}

// overList reports whether arguments after the first are evaluated for every
// member of the first.
func (f *function) overList() bool { return f.form == predicate || f.form == totalling }

func (f *function) min() int { return len(f.takes) - f.optional }

func returns(t Type) func([]*node) Type { return func([]*node) Type { return t } }

func sameAs(args []*node) Type { return args[0].typ }

var (
	numbers    = []Kind{Int, Money, Rate, Duration}
	moments    = []Kind{Date, Instant}
	weekdays   = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	boolType   = Type{Kind: Bool}
	countType  = Type{Kind: Int, Unit: event.Count}
	zoneDoc    = " Without a zone, in the offset the source sent."
	noTimeDoc  = " Unknown where the source sent a date alone."
	anyMissing = " Unknown when an argument is missing."
)

// functions is the table of functions, in the order of the reference.
var functions = []function{
	{Function: Function{"present", "present(field)", "Whether the field was sent. Never unknown."},
		form: presence, takes: [][]Kind{nil}, result: returns(boolType), build: buildPresent},
	{Function: Function{"missing", "missing(field)", "Whether the field was not sent. Never unknown."},
		form: presence, takes: [][]Kind{nil}, result: returns(boolType), build: buildPresent},

	{Function: Function{"abs", "abs(x)", "x without its sign." + anyMissing},
		takes: [][]Kind{numbers}, result: sameAs, build: buildAbs},
	{Function: Function{"min", "min(a, b, ...)", "The least of two or more numbers of one unit or amounts of one currency." + anyMissing},
		takes: [][]Kind{append(numbers, moments...), append(numbers, moments...)}, variadic: true, alike: true, result: sameAs, build: buildExtreme},
	{Function: Function{"max", "max(a, b, ...)", "The greatest of two or more numbers of one unit or amounts of one currency." + anyMissing},
		takes: [][]Kind{append(numbers, moments...), append(numbers, moments...)}, variadic: true, alike: true, result: sameAs, build: buildExtreme},
	{Function: Function{"ratio", "ratio(a, b)", "a divided by b as a plain number, rounded half away from zero at the 18th decimal. Unknown when b is 0 or an argument is missing."},
		takes: [][]Kind{numbers, numbers}, alike: true, result: returns(Type{Kind: Rate}), build: buildRatio},
	{Function: Function{"pct_of", "pct_of(part, whole)", "part divided by whole as a percentage: ratio, shown with a percent sign. Unknown when whole is 0 or an argument is missing."},
		takes: [][]Kind{numbers, numbers}, alike: true, result: returns(Type{Kind: Rate, Unit: event.Fraction}), build: buildRatio},

	{Function: Function{"days_between", "days_between(from, to)", "Days from one date to another, or whole days of 24 hours from one instant to another; negative when to is earlier." + anyMissing},
		takes: [][]Kind{moments, moments}, alike: true, result: returns(Type{Kind: Int, Unit: unitDays}), build: buildDaysBetween},
	{Function: Function{"business_days_between", "business_days_between(from, to)", "SEC business days after from up to and including to; negative when to is earlier. Instants count by their date in New York. Failed outside the years of the calendar." + anyMissing},
		takes: [][]Kind{moments, moments}, result: returns(Type{Kind: Int, Unit: unitBusinessDays}), build: buildBusinessDays},
	{Function: Function{"date_of", "date_of(instant[, zone])", "The civil date of an instant in a zone such as \"America/New_York\"." + zoneDoc},
		takes: [][]Kind{{Instant}, {Text}}, optional: 1, zoned: true, result: returns(Type{Kind: Date}), build: buildDateOf},
	{Function: Function{"hour_of", "hour_of(instant[, zone])", "The hour of the day, 0 to 23, of an instant." + zoneDoc + noTimeDoc},
		takes: [][]Kind{{Instant}, {Text}}, optional: 1, zoned: true, result: returns(Type{Kind: Int}), build: buildHourOf},
	{Function: Function{"local_time", "local_time(instant[, zone])", "The time of day that a clock on the wall shows, as a duration since midnight: 22h30m at half past ten in the evening, also on days on which clocks are changed." + zoneDoc + noTimeDoc},
		takes: [][]Kind{{Instant}, {Text}}, optional: 1, zoned: true, result: returns(Type{Kind: Duration}), build: buildLocalTime},
	{Function: Function{"in_close_window", "in_close_window(moment, days)", "Whether the moment lies in the financial close: from the first day of a calendar month to the end of its SEC business day number days. Instants count by their date in New York. Failed outside the years of the calendar." + anyMissing},
		takes: [][]Kind{moments, {Int}}, result: returns(boolType), build: buildCloseWindow},
	{Function: Function{"day_of_week", "day_of_week(date or instant[, zone])", "monday, tuesday, ... sunday." + zoneDoc},
		takes: [][]Kind{moments, {Text}}, optional: 1, zoned: true, result: returns(Type{Kind: Text, Values: weekdays}), build: buildDayOfWeek},

	{Function: Function{"lower", "lower(text)", "The text in small letters." + anyMissing},
		takes: [][]Kind{{Text}}, result: func(args []*node) Type { return Type{Kind: Text, Unit: args[0].typ.Unit} }, build: buildLower},
	{Function: Function{"text", "text(x)", "A whole number or a date as a text, for keys." + anyMissing},
		takes: [][]Kind{{Int, Date, Text}}, result: returns(Type{Kind: Text}), build: buildText},
	{Function: Function{"len", "len(x)", "The number of letters of a text, or of members of a list." + anyMissing},
		takes: [][]Kind{{Text, Texts, Lines}}, result: returns(countType), build: buildLen},

	{Function: Function{"any", "any(list, condition)", "Whether the condition is true of a member of the list: any(lines, .account == \"1000\"), any(contract.parties, # == \"ACME\"). Kleene's or over the members; false for an empty list."},
		form: predicate, takes: [][]Kind{{Lines, Texts}, {Bool}}, result: returns(boolType), build: buildAny},
	{Function: Function{"all", "all(list, condition)", "Whether the condition is true of every member of the list. Kleene's and over the members; true for an empty list."},
		form: predicate, takes: [][]Kind{{Lines, Texts}, {Bool}}, result: returns(boolType), build: buildAny},
	{Function: Function{"count", "count(list, condition)", "Of how many members of the list the condition is true. Unknown when it is unknown of one."},
		form: predicate, takes: [][]Kind{{Lines, Texts}, {Bool}}, result: returns(countType), build: buildCount},
	{Function: Function{"total", "total(lines, .amount[, condition])", "The exact sum of an amount or number over the records for which the condition is true. Unknown when a value that counts is missing; 0 for an empty list."},
		form: totalling, takes: [][]Kind{{Lines}, {Money, Int}, {Bool}}, optional: 1, result: func(args []*node) Type { return args[1].typ }, build: buildTotal},
}

// Functions lists the functions of the rule language, for its reference.
func Functions() []Function {
	all := make([]Function, len(functions))
	for i := range functions {
		all[i] = functions[i].Function
	}
	return all
}

func functionNamed(name string) *function {
	i := slices.IndexFunc(functions, func(f function) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &functions[i]
}

func functionNames() []string {
	names := make([]string, len(functions))
	for i := range functions {
		names[i] = functions[i].Name
	}
	return names
}
