package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The topics of a run, and the type of the events in each.
const (
	contractTopic = "ledger.events"
	outageTopic   = "system.events"
	contractType  = "ledger.contract.executed"
	outageType    = "system.outage"
)

// partitions is how many each topic has.
const partitions = 2

// maker makes the records of a load. What it draws depends on its seed alone.
type maker struct {
	rand *rand.Rand
	name string // begins every id it gives
	n    int
	last string // the last matter it raised
}

func newMaker(seed uint64, name string) *maker {
	return &maker{rand: rand.New(rand.NewPCG(seed, uint64(len(name)))), name: name}
}

// next makes a record: mostly an event that no rule minds; now and then one at
// or about a limit, one that raises a matter again, one that lacks what a rule
// needs, a tombstone, or bytes that are no event.
func (m *maker) next() *kgo.Record {
	m.n++
	id := fmt.Sprintf("%s-%d", m.name, m.n)
	r := &kgo.Record{Topic: contractTopic, Key: []byte(id)}
	outage := m.rand.IntN(2) == 0
	if outage {
		r.Topic = outageTopic
	}
	if m.rand.IntN(3) == 0 {
		r.Headers = []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/cloudevents+json")}, {Key: "maker", Value: []byte(m.name)}}
	}
	draw := m.rand.IntN(2000)
	switch {
	case draw < 5:
		return r // a tombstone
	case draw < 15:
		r.Value = m.bad(id)
		return r
	}
	matter, amount := id, int64(1+m.rand.IntN(90_000_000))
	if outage {
		amount = int64(m.rand.IntN(3500))
	}
	said := true
	if draw < 27 {
		amount, said = m.large(outage, draw)
		if m.last != "" && m.rand.IntN(4) == 0 {
			matter = m.last // the same matter again, perhaps elsewhere
		}
		m.last = matter
	}
	r.Value = event(outage, id, matter, amount, said)
	return r
}

// plain makes an event that no rule minds.
func (m *maker) plain(outage bool) *kgo.Record { return m.one(outage, limits{1, 1}) }

// between makes an event that is a candidate under the first pack alone.
func (m *maker) between(outage bool) *kgo.Record { return m.one(outage, packs[0]) }

func (m *maker) one(outage bool, l limits) *kgo.Record {
	m.n++
	id, amount := fmt.Sprintf("%s-%d", m.name, m.n), l.Cents
	if outage {
		amount = l.Seconds
	}
	r := &kgo.Record{Topic: contractTopic, Key: []byte(id), Value: event(outage, id, id, amount, true)}
	if outage {
		r.Topic = outageTopic
	}
	return r
}

// large is an amount at or about a limit, in the rules' smallest unit; false
// where none is said.
func (m *maker) large(outage bool, draw int) (amount int64, said bool) {
	low, high := packs[0].Cents, packs[1].Cents
	if outage {
		low, high = packs[0].Seconds, packs[1].Seconds
	}
	switch draw {
	case 15:
		return 0, false
	case 16:
		return low, true
	case 17:
		return low - 1, true
	case 18:
		return high, true
	case 19:
		return high - 1, true
	case 20, 21, 22, 23:
		return low + m.rand.Int64N(high-low), true
	}
	return high + m.rand.Int64N(high), true
}

// bad are bytes that are no event.
func (m *maker) bad(id string) []byte {
	switch m.rand.IntN(4) {
	case 0:
		return []byte("not an event: " + id)
	case 1:
		return []byte(`{"specversion":"1.0","id":"` + id)
	case 2:
		return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"faults","type":"nobody.knows","data":{}}`, id)
	}
	return []byte{}
}

// event is an event as a CloudEvent in structured mode.
func event(outage bool, id, matter string, amount int64, said bool) []byte {
	var b strings.Builder
	kind, data, number := contractType, `"registrant_cik":"0009999999","group_currency":"USD","contract":{"contract_id":"`+matter+`"%s}`, `,"total_value_group":"`+money(amount)+`"`
	if outage {
		kind, data, number = outageType, `"incident_id":"`+matter+`"%s`, fmt.Sprintf(`,"duration_seconds":%d`, amount)
	}
	if !said {
		number = ""
	}
	fmt.Fprintf(&b, `{"specversion":"1.0","id":%q,"source":"faults","type":%q,"time":"2026-11-23T18:30:00-05:00","data":{`+data+`}}`, id, kind, number)
	return []byte(b.String())
}
