package event

import "sort"

// Event is one thing that happened, in canonical form: a type and the values
// of its schema's fields. Texts may alias the bytes the event was decoded from,
// so an Event lives no longer than those.
type Event struct {
	Record
	kind *Type
}

// Type is an event type, as a rule names it in applies_to.
type Type struct {
	Name   string // CloudEvents "type", such as ledger.contract.executed
	Schema *Schema
	Doc    string
}

// New returns an empty event of a type.
func New(t *Type) *Event {
	e := &Event{}
	e.Reset(t)
	return e
}

// Reset makes e an empty event of type t and keeps its storage for reuse.
func (e *Event) Reset(t *Type) {
	e.kind = t
	e.reset(t.Schema)
}

// Type returns the event's type.
func (e *Event) Type() *Type { return e.kind }

// LookupType returns the event type with that name, or nil.
func LookupType(name string) *Type { return types[name] }

// Types returns every event type, sorted by name.
func Types() []*Type {
	all := make([]*Type, 0, len(types))
	for _, t := range types {
		all = append(all, t)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// Ledger and System are the two canonical schemas.
var (
	Ledger = NewSchema("ledger_event", append(common(), ledgerFields...))
	System = NewSchema("system_event", append(common(), systemFields...))
)

var types = indexTypes()

func indexTypes() map[string]*Type {
	all := make(map[string]*Type, len(ledgerTypes)+len(systemTypes))
	for _, t := range ledgerTypes {
		all[t.name] = &Type{t.name, Ledger, t.doc}
	}
	for _, t := range systemTypes {
		all[t.name] = &Type{t.name, System, t.doc}
	}
	return all
}

// common declares the fields that both events have. The first five are
// CloudEvents attributes; the rest stand in the event's data.
func common() []Field {
	return []Field{
		{Name: "event_id", Kind: Text, Doc: "CloudEvents id. With event_source it identifies the event."},
		{Name: "event_source", Kind: Text, Doc: "CloudEvents source: the system instance that speaks."},
		{Name: "event_type", Kind: Text, Doc: "CloudEvents type: the canonical event type."},
		{Name: "event_subject", Kind: Text, Doc: "CloudEvents subject: the business object, such as a document key."},
		{Name: "event_time", Kind: Instant, Doc: "When it happened in the economic or legal sense. Taken from data, else from the CloudEvents time."},
		{Name: "source_system", Kind: Text, Doc: "Kind of source: sap_s4, oracle_ebs, netsuite, okta."},
		{Name: "source_instance", Kind: Text, Doc: "Which installation of the source."},
		{Name: "source_record_key", Kind: Text, Doc: "Key of the record in the source, such as 100/1000/0100000123/2026."},
		{Name: "source_op", Kind: Text, Values: []string{"c", "u", "d", "r", "t"}, Doc: "Operation in the source: c create, u update, d delete, r snapshot read, t truncate."},
		{Name: "source_sequence", Kind: Text, Rare: true, Doc: "Position in the source's log: SCN, LSN, offset."},
		{Name: "source_transaction_id", Kind: Text, Rare: true, Doc: "Transaction of the source."},
		{Name: "source_changed_at", Kind: Instant, Rare: true, Doc: "When the source committed the change."},
		{Name: "source_timezone", Kind: Text, Rare: true, Doc: "IANA zone of the source, for local dates."},
		{Name: "observed_at", Kind: Instant, Doc: "When the connector saw it."},
		{Name: "is_snapshot", Kind: Bool, Rare: true, Doc: "Read from a snapshot or back-fill, not from the live log."},
		{Name: "schema_version", Kind: Text, Doc: "Version of the canonical form: ledger_event.v1 or system_event.v1."},
		{Name: "mapping_version", Kind: Text, Rare: true, Doc: "Version of the mapping that made the canonical form."},
		{Name: "registrant_cik", Kind: Text, Doc: "SEC Central Index Key of the registrant, ten digits."},
		{Name: "legal_entity_id", Kind: Text, Rare: true, Doc: "Legal entity; an LEI is fine."},
	}
}
