package dialect

// Codes of the diagnostics about expressions. They are stable.
const (
	CodeSyntax     = "E200" // the expression cannot be parsed
	CodeName       = "E201" // no such field, param or let
	CodeFunction   = "E202" // no such function
	CodeArguments  = "E203" // too few, too many or wrong arguments
	CodeType       = "E204" // operands whose types do not go together
	CodeCurrency   = "E205" // amounts in different currencies
	CodeNoCurrency = "E206" // a plain number next to an amount
	CodeUnit       = "E207" // numbers that count different things
	CodeResult     = "E208" // the expression is not of the type wanted here
	CodeWord       = "E209" // a word that is not in the field's vocabulary
	CodeForbidden  = "E210" // part of expr, not of this language
	CodeNesting    = "E211" // a predicate inside a predicate
	CodePattern    = "E212" // a pattern that is not constant or not RE2
	CodeNumber     = "E213" // a number that cannot be read exactly
	CodeTooLarge   = "E214" // too long, too many parts, too costly
	CodeDivision   = "E215" // division
	CodeConstant   = "E216" // a condition that no event can change
	CodePredicate  = "E217" // .field outside a predicate, or a predicate where a value belongs
	CodeConst      = "E220" // a param whose value cannot be read
)
