package event

import "unsafe"

// Size is the memory that an event takes. Decoding makes an event of a
// fixed size, and as much again for each of its lines, whatever they say: an
// empty line is two bytes on the wire and some hundred here.

// Size is how many bytes of memory the event's values take, without the bytes
// of its texts, which are those of the record it was decoded from.
func (e *Event) Size() int { return e.size(false) }

// Forget lets go of the texts, and so of the record that e was decoded from, and
// keeps the storage for another; e is not to be read any more. It returns how many bytes the storage takes: more than Size,
// because it has room for the most lines that any event in it had.
func (e *Event) Forget() (kept int) {
	e.forget()
	return e.size(true)
}

func (r *Record) forget() {
	clear(r.texts)
	for _, texts := range r.lists {
		clear(texts)
	}
	for _, rows := range r.rows {
		for i := range rows {
			rows[i].forget()
		}
	}
}

// size is how many bytes r takes, or, with room, its storage.
func (r *Record) size(room bool) int {
	if r.schema == nil {
		return int(unsafe.Sizeof(*r))
	}
	total := r.schema.size()
	for _, texts := range r.lists {
		n := len(texts)
		if room {
			n = cap(texts)
		}
		total += n * int(unsafe.Sizeof(""))
	}
	for _, rows := range r.rows {
		n := len(rows)
		if room {
			n = cap(rows)
		}
		if n > 0 {
			total += n * rows[:1][0].schema.size()
		}
	}
	return total
}

// size is how many bytes a record takes that has no lists.
func (s *Schema) size() int {
	return int(unsafe.Sizeof(Record{})) + s.cells*int(unsafe.Sizeof(cell{})) + s.texts*int(unsafe.Sizeof("")) +
		s.lists*int(unsafe.Sizeof([]string{})) + s.lines*int(unsafe.Sizeof([]Record{}))
}
