package rules

// The codes of diagnostics about cases.
const (
	codeCaseRule   = "E401" // cases of a rule that the pack does not have
	codeCaseField  = "E402" // a field that the event does not have
	codeCaseEvent  = "E403" // an event that cannot be decoded
	codeCaseExpect = "E404" // an expectation that no verdict can meet
	codeCaseTime   = "E405" // a case without the time at which the event was seen
	codeTemplate   = "E406" // a template that the pack does not have
	codeCaseFailed = "E410" // the verdict is not the one expected
	codeBoundary   = "E411" // no case at, just below or just above a limit
	codeNoCases    = "E412" // a rule without cases
	codeUndecided  = "E413" // a part of a rule that no case decides
	codeSurvivor   = "E414" // an alteration of a rule that no case notices
)
