package event

import "strings"

// object is the JSON object that a schema, or the part of a schema below a dot,
// has: its members in the order of the field table.
type object struct {
	members []member
	index   map[string]int
	// slot is where this object's entries begin in a Decoder's table of
	// predictions; there is one for the first member and one after each member.
	slot int
}

// member is one name in an object.
type member struct {
	key    string  // name within the object: executed_at
	head   string  // key in quotes and a colon, as nearly every sender writes it
	path   string  // name in failures: contract.executed_at, lines.amount_group
	field  *Field  // nil when the member is an object of further members
	object *object // of further members, or of the records of a list
}

// layout is how a schema's fields stand in JSON: the object under "data", and
// the fields that CloudEvents attributes fill.
type layout struct {
	data                            *object
	id, source, kind, subject, when *Field
	version                         *Field
}

// layouts holds the layout of each schema that a record can have. slots is how
// many predictions a Decoder keeps for all of them.
var layouts, slots = newLayouts(Ledger, System)

func newLayouts(schemas ...*Schema) (map[*Schema]*layout, int) {
	all, next := make(map[*Schema]*layout, len(schemas)), 0
	for _, s := range schemas {
		l := &layout{
			id: s.must("event_id"), source: s.must("event_source"), kind: s.must("event_type"),
			subject: s.must("event_subject"), when: s.must("event_time"), version: s.must("schema_version"),
		}
		l.data = newObject(s, "", func(f *Field) bool {
			return f != l.id && f != l.source && f != l.kind && f != l.subject
		})
		l.data.number(&next)
		all[s] = l
	}
	return all, next
}

// newObject makes the tree of objects that the dots in the names of s describe.
func newObject(s *Schema, prefix string, in func(*Field) bool) *object {
	root := &object{index: map[string]int{}}
	for i := range s.Fields {
		f := &s.Fields[i]
		if in != nil && !in(f) {
			continue
		}
		o, rest, path := root, f.Name, prefix
		for {
			head, tail, nested := strings.Cut(rest, ".")
			path += head
			if !nested {
				m := o.add(head, path)
				m.field = f
				if f.Kind == Records {
					m.object = newObject(f.schema, path+".", nil)
				}
				break
			}
			m := o.add(head, path)
			if m.object == nil {
				m.object = &object{index: map[string]int{}}
			}
			o, rest, path = m.object, tail, path+"."
		}
	}
	return root
}

// add returns the member with that key, new or found.
func (o *object) add(key, path string) *member {
	i, found := o.index[key]
	if !found {
		i = len(o.members)
		o.index[key] = i
		o.members = append(o.members, member{key: key, head: `"` + key + `":`, path: path})
	}
	return &o.members[i]
}

// number gives o and the objects below it their slots.
func (o *object) number(next *int) {
	o.slot = *next
	*next += len(o.members) + 1
	for i := range o.members {
		if below := o.members[i].object; below != nil {
			below.number(next)
		}
	}
}

// predict writes into table, for o and the objects below it, that members
// follow each other in the order of the field table.
func (o *object) predict(table []uint16) {
	for i := range o.members {
		table[o.slot+i] = uint16(i)
		if below := o.members[i].object; below != nil {
			below.predict(table)
		}
	}
}
