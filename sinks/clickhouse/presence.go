package clickhouse

import (
	"tocsin/pipeline"
	"tocsin/rules/event"
)

// presence holds the columns for which some row of a batch has a value.
type presence struct {
	groups [fields]bool
	fields map[fieldRef]bool
}

// survey reads a batch once.
func survey(b *pipeline.Batch) *presence {
	p := &presence{fields: make(map[fieldRef]bool)}
	p.groups[always], p.groups[repairs] = true, b.Repaired
	var sent [len(schemas)]event.Bits
	var lines [len(schemas)]map[*event.Field]*event.Bits
	for i := range b.Rows {
		r := &b.Rows[i]
		p.groups[tombstones] = p.groups[tombstones] || r.Tombstone
		p.groups[headers] = p.groups[headers] || len(r.Headers) > 0
		p.groups[replays] = p.groups[replays] || len(replayOf(r)) > 0
		p.groups[failures] = p.groups[failures] || r.Failure != nil
		p.groups[verdicts] = p.groups[verdicts] || len(r.Verdicts) > 0
		for v := range r.Verdicts {
			p.groups[findings] = p.groups[findings] || r.Verdicts[v].Finding != nil
		}
		eachUnstored(r, func(string, func() string) { p.groups[unheld] = true })
		if r.Event == nil {
			continue
		}
		w := which(r.Event.Schema())
		sent[w].Or(r.Event.Present())
		for _, list := range lists[w] {
			rows := r.Event.Records(list)
			if len(rows) == 0 {
				continue
			}
			if lines[w] == nil {
				lines[w] = make(map[*event.Field]*event.Bits)
			}
			if lines[w][list] == nil {
				// The first member is always sent: it carries the number of
				// records, even where none has a value.
				lines[w][list] = &event.Bits{1}
			}
			for j := range rows {
				lines[w][list].Or(rows[j].Present())
			}
		}
	}
	for w, s := range schemas {
		p.note(s, nil, &sent[w])
		for list, bits := range lines[w] {
			p.note(list.Schema(), list, bits)
		}
	}
	return p
}

func (p *presence) note(s *event.Schema, list *event.Field, bits *event.Bits) {
	for i := range s.Fields {
		switch f := &s.Fields[i]; {
		case !bits.Has(i):
		case f.Rare:
			p.groups[rare] = true
		default:
			p.fields[fieldRef{list, f}] = true
		}
	}
}

func (p *presence) has(c *col) bool {
	switch {
	case c.alias != "": // the server computes it
		return false
	case c.group == fields:
		return p.fields[c.from[ledger]] || p.fields[c.from[system]]
	}
	return p.groups[c.group]
}

// lists are the fields of each schema that hold lists of records.
var lists = func() (all [len(schemas)][]*event.Field) {
	for w, s := range schemas {
		for i := range s.Fields {
			if s.Fields[i].Kind == event.Records {
				all[w] = append(all[w], &s.Fields[i])
			}
		}
	}
	return all
}()
