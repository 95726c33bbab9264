package rules

// The codes of diagnostics about the files of a pack. Those about YAML are in package
// strictyaml (E1xx), those about expressions in package dialect (E2xx).
const (
	codePackFile  = "E301" // a file is missing, unreadable or out of place
	codeSchema    = "E302" // schema: names another kind of file or version
	codeID        = "E303" // an id is malformed or is not the file's name
	codeDuplicate = "E304" // two rules or profiles have one id
	codeType      = "E305" // unknown event type
	codeMixed     = "E306" // applies_to mixes ledger and system events
	codeItem      = "E307" // unknown item of Form 8-K
	codeClock     = "E308" // unknown clock or basis, or a clock that the item does not have
	codeEmpty     = "E309" // a text or list that must not be empty
	codeUnused    = "E310" // a param or let without effect
	codeField     = "E311" // requires names no field of the event
	codeWord      = "E312" // a word outside its vocabulary: severity, on_missing, method
	codeName      = "E313" // the name of a param or let is taken or malformed
	codeProfile   = "E314" // a profile's amount, currency, registrant or date
	codeOverlap   = "E315" // two profiles are in force on one day
	codeApproval  = "E316" // fewer than two approvals, or the preparer's own
	codeCalendar  = "E317" // an override of the calendars
	codeAccount   = "E318" // a class or range of the chart of accounts
)
