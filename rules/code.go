package rules

// The codes of diagnostics about packs. Those about YAML are in package
// strictyaml (E1xx), those about expressions in package dialect (E2xx).
const (
	codePackFile  = "E301" // a file is missing, unreadable or out of place
	codeSchema    = "E302" // schema: names another kind of file or version
	codeID        = "E303" // an id is malformed or is not the file's name
	codeDuplicate = "E304" // two rules or profiles have one id
	codeType      = "E305" // unknown event type
	codeMixed     = "E306" // applies_to mixes ledger and system events
	codeItem      = "E307" // unknown item of Form 8-K
	codeClock     = "E308" // unknown clock or basis, or a clock that the item has not
	codeEmpty     = "E309" // a text or list that must not be empty
	codeUnused    = "E310" // a param or let that nothing reads
	codeField     = "E311" // requires names no field of the event
	codeWord      = "E312" // a word outside its vocabulary: severity, on_missing, method
	codeName      = "E313" // the name of a param or let is taken or malformed
	codeProfile   = "E314" // a profile's amount, currency, registrant or date
	codeOverlap   = "E315" // two profiles are in force on one day
	codeApproval  = "E316" // fewer than two approvals, or the preparer's own
	codeCalendar  = "E317" // an override of the calendars
	codeAccount   = "E318" // a class or range of the chart of accounts

	codeNever    = "E321" // a condition that no event can make true
	codeAlways   = "E322" // a condition that every event makes true
	codeShadowed = "E323" // a band that is never reached
	codeBands    = "E324" // bands that overlap, the less severe first
	codeSame     = "E325" // two rules that say the same
	codeCost     = "E326" // a rule that costs more than its budget

	codeCaseRule   = "E401" // cases of a rule that the pack does not have
	codeCaseField  = "E402" // a field that the event does not have
	codeCaseEvent  = "E403" // an event that cannot be decoded
	codeCaseExpect = "E404" // an expectation that no verdict can meet
	codeCaseTime   = "E405" // nothing says when the event was seen
	codeTemplate   = "E406" // a template that the pack does not have
	codeCaseFailed = "E410" // the verdict is not the one expected
	codeBoundary   = "E411" // no case at, just below or just above a limit
	codeNoCases    = "E412" // a rule without cases
	codeUndecided  = "E413" // a part of a rule that no case decides
	codeSurvivor   = "E414" // an alteration of a rule that no case notices
)
