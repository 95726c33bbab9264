package rules

import (
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/strictyaml"
)

// schemaFiles are the kinds of file of a pack that have a JSON Schema, by name.
var schemaFiles = []struct {
	name string
	like any
	keys func() map[string]map[string]any
}{
	{"pack", packFile{}, packKeys},
	{"rule", ruleFile{}, ruleKeys},
	{"accounts", chartFile{}, chartKeys},
	{"profile", profileFile{}, profileKeys},
	{"cases", casesFile{}, casesKeys},
	{"templates", templatesFile{}, templateKeys},
}

// SchemaNames lists the kinds of file of a pack that have a JSON Schema.
func SchemaNames() (names []string) {
	for _, f := range schemaFiles {
		names = append(names, f.name)
	}
	return names
}

// JSONSchema returns the JSON Schema of a kind of file of a pack, for editors.
// Load is stricter: a schema does not check expressions. It returns false for an
// unknown kind.
func JSONSchema(name string) ([]byte, bool) {
	for _, f := range schemaFiles {
		if f.name == name {
			return strictyaml.JSONSchema(f.like, strictyaml.SchemaOptions{ID: "urn:tocsin:" + name + ".v1", Title: "Tocsin " + name, Keys: f.keys()}), true
		}
	}
	return nil, false
}

// key is what an editor shows of a key.
func key(description string) map[string]any { return map[string]any{"description": description} }

// oneOf is a key that holds one of some words.
func oneOf(description string, words ...string) map[string]any {
	return map[string]any{"description": description, "enum": words}
}

var severityWords = []string{"S1", "S2", "S3", "S4"}

func packKeys() map[string]map[string]any {
	return map[string]map[string]any{
		"schema":         oneOf("What kind of file this is.", packSchema),
		"id":             key("Name of the pack."),
		"title":          key("What the pack is, for people."),
		"group_currency": {"description": "ISO 4217 code of group amounts.", "pattern": currencyForm.String()},
	}
}

func ruleKeys() map[string]map[string]any {
	var types, clocks []string
	for _, t := range event.Types() {
		types = append(types, t.Name)
	}
	for _, c := range calendar.Clocks() {
		clocks = append(clocks, string(c.Code))
	}
	return map[string]map[string]any{
		"id":               {"description": "Immutable; the file is named for it.", "pattern": idForm.String()},
		"revision":         {"description": "From 1, raised with every change of meaning.", "minimum": 1},
		"title":            key("What the rule finds."),
		"description":      key("What it is for, and what it decides about missing data."),
		"owner":            key("Who answers for the rule."),
		"item":             key("Item of Form 8-K in quotes; P for the periodic report, I for internal control."),
		"severity":         oneOf("S1 now, S2 the same business day, S3 the next business day, S4 in the digest.", severityWords...),
		"applies_to":       key("The event types that the rule judges: all of the ledger, or all of the systems."),
		"applies_to[]":     {"enum": types},
		"citation":         key("The law or standard that the rule serves."),
		"params":           key("Constants with units, such as USD 1_000 or 5%; thresholds live here."),
		"let":              key("Named expressions, in order; a later one may use an earlier one."),
		"requires":         key("Fields without which the rule does not decide."),
		"on_missing":       oneOf("The outcome when something needed was not sent; indeterminate unless said.", "indeterminate", "match", "no_match"),
		"when":             key("The condition under which an event is put before people."),
		"bands":            key("The first that is true gives the severity instead."),
		"bands[].severity": oneOf("The severity of the band.", severityWords...),
		"bands[].when":     key("The condition of the band."),
		"value":            key("The number that people ask for first."),
		"dedup":            key("A text that names the matter: the same matter alerts once."),
		"deadline":         key("How the time to file is counted."),
		"deadline.clock":   oneOf("The counting rule.", clocks...),
		"deadline.from":    key("The instant or date that the clock runs from; the event's own time unless said."),
		"deadline.basis": oneOf("What that instant means.", string(calendar.Occurrence), string(calendar.Determination), string(calendar.Notice),
			string(calendar.Awareness), string(calendar.Filing)),
		"runbook": key("What the reader of an alert does first."),
	}
}

func chartKeys() map[string]map[string]any {
	return map[string]map[string]any{
		"schema":       oneOf("What kind of file this is.", chartSchema),
		"accounts":     {"description": "The classes of accounts, each with its accounts and ranges.", "propertyNames": map[string]any{"enum": subtypeField.Values}},
		"accounts{}[]": key("An account, or a range such as 100000..100999 with both ends in it."),
	}
}

func profileKeys() map[string]map[string]any {
	keys := map[string]map[string]any{
		"schema":                    oneOf("What kind of file this is.", profileSchema),
		"id":                        {"description": "With version, names the profile for ever.", "pattern": idForm.String()},
		"version":                   {"description": "From 1, raised with every change.", "minimum": 1},
		"registrant_cik":            {"description": "Central Index Key, ten digits in quotes.", "pattern": cikForm.String()},
		"effective_from":            key("First day in New York."),
		"effective_to":              key("Last day in New York; open-ended without."),
		"group_currency":            {"description": "ISO 4217 code of the amounts.", "pattern": currencyForm.String()},
		"basis":                     {"description": "The bases: an amount, or { amount, source, restated_in }.", "propertyNames": map[string]any{"enum": basisNames()}},
		"method":                    oneOf("derived: the thresholds follow from the bases; given: they are stated.", "given", "derived"),
		"sign_changed":              key("Pre-tax income changed its sign within the last four periods."),
		"overall":                   key("Overall materiality, with method given."),
		"performance":               key("Performance materiality, with method given."),
		"clearly_trivial":           key("Clearly trivial, with method given."),
		"components":                key("Entities that have a materiality of their own."),
		"components[].company_code": key("Company code of the component's events."),
		"components[].overall":      key("Overall materiality of the component, at most the group's."),
		"components[].performance":  key("Performance materiality of the component."),
		"notes":                     key("How figures were normalised, and what else a reader must know."),
		"prepared_by":               key("Who prepared it."),
		"approved_by":               {"description": "Two or more, none of them the preparer.", "minItems": 2},
		"sources":                   key("Documents that the bases were taken from."),
	}
	return keys
}

// eventKeys are the keys of an event in cases, at a path.
func eventKeys(keys map[string]map[string]any, path string) {
	for name, text := range map[string]string{"template": "Name of a template to begin with.", "type": "Event type.", "id": "Id; the case's name unless said.", "source": "Source of the event.",
		"subject": "Subject of the event.", "time": "When it happened, with offset.", "data": "The event's fields, nested or with dots; ~ takes one away."} {
		keys[path+"."+name] = key(text)
	}
}

func casesKeys() map[string]map[string]any {
	keys := map[string]map[string]any{
		"schema":                       oneOf("What kind of file this is.", casesSchema),
		"base":                         key("What every case's event has unless the case replaces it."),
		"cases":                        key("Events, and what the rule must say of them."),
		"cases[].name":                 key("What the case shows; unique in the file."),
		"cases[].event":                key("What this event has that base has not."),
		"cases[].observed":             key("When Kafka had the event; when it happened unless said."),
		"cases[].profile":              key("Id of the materiality profile to judge by, or none; the one in force unless said."),
		"cases[].expect":               key("What the rule must say."),
		"cases[].expect.outcome":       oneOf("The verdict; new: not written yet.", "match", "no_match", "indeterminate", "error", newOutcome),
		"cases[].expect.severity":      oneOf("After bands and lateness.", severityWords...),
		"cases[].expect.due_date":      key("Date in New York, or none."),
		"cases[].expect.item":          key("Item of Form 8-K."),
		"cases[].expect.key":           key("The matter."),
		"cases[].expect.value":         key("The headline value with its unit."),
		"cases[].expect.trigger_field": key("Where the instant was taken that the clock runs from."),
		"cases[].expect.reason":        key("A part of the reason."),
		"cases[].expect.why":           key("A part of the explanation in English."),
		"survivors":                    key("Alterations of the rule that no case can notice: see tocsin rules mutate."),
		"survivors[].what":             key("The alteration, as mutate names it."),
		"survivors[].why":              key("Why no case can notice it."),
	}
	eventKeys(keys, "base")
	eventKeys(keys, "cases[].event")
	return keys
}

func templateKeys() map[string]map[string]any {
	keys := map[string]map[string]any{
		"schema":    oneOf("What kind of file this is.", templatesSchema),
		"templates": key("Events that cases begin with, by name."),
	}
	eventKeys(keys, "templates{}")
	return keys
}
