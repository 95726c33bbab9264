// Package company is a company that does not exist, Northwind Instruments: four
// entities, a chart of accounts, forty users, a monthly close and an IT
// department. It gives the events of its days, in order and without end, and
// plants disclosure events among them at a stated rate, so that a demonstration
// or a test knows which candidates must appear, and that no other may.
//
// The same seed and start give the same events. The shipped pack sox409 and its
// profile northwind fit it.
package company

import (
	"fmt"
	"math/rand/v2"
	"time"

	"tocsin/rules/event"
)

// Registrant is the Central Index Key of Northwind Instruments. The SEC has
// given it to no company.
const Registrant = "0009999999"

// Options shape what a Generator gives. The zero value is usable.
type Options struct {
	// OneIn plants one disclosure event in so many events; 0 means 200. It is
	// exact: the last of every OneIn events is the planted one. Below zero,
	// nothing is planted.
	OneIn int
	// PerDay is about how many events an ordinary working day has; 0 means
	// 4,000. The days around a month's end have several times as many.
	PerDay int
	// LedgerTopic and SystemTopic name the topics; "" means ledger.events and
	// system.events.
	LedgerTopic, SystemTopic string
}

// Planting is a candidate that an event must raise.
type Planting struct {
	Rule string // id of the rule in the pack sox409
	Key  string // value of the rule's dedup expression
}

// Item is one record to produce.
type Item struct {
	Topic string
	Key   string // business key of the event: registrant, object
	Event *event.Event
	// Planted is what the event must raise, all of it; nil for an ordinary
	// event, which must raise nothing. Nothing of it is in the event.
	Planted []Planting
}

// Generator gives the events of the company. It is not safe for concurrent use.
type Generator struct {
	options Options
	rand    *rand.Rand
	now     time.Time
	count   int
	numbers map[string]int // last number given out, by series
	kinds   []int          // plantings still to come before all kinds came again
	open    []accrual      // accruals that are reversed next month
	next    []*draft       // events that follow from one already given
}

// accrual is a journal that a later one reverses.
type accrual struct {
	document string
	due      time.Time
	journal  posting
}

// New returns the generator of a seed. start is the time of its first events.
func New(seed uint64, start time.Time, options Options) *Generator {
	if options.OneIn == 0 {
		options.OneIn = 200
	}
	if options.PerDay <= 0 {
		options.PerDay = 4_000
	}
	if options.LedgerTopic == "" {
		options.LedgerTopic = "ledger.events"
	}
	if options.SystemTopic == "" {
		options.SystemTopic = "system.events"
	}
	return &Generator{options: options, rand: rand.New(rand.NewPCG(seed, 0x746f6373696e)), now: start.Truncate(time.Second), numbers: make(map[string]int)}
}

// Now returns the time of the company: that of the last event.
func (g *Generator) Now() time.Time { return g.now }

// Next returns the next event.
func (g *Generator) Next() Item {
	g.count++
	g.now = g.now.Add(g.pause())
	var d *draft
	var planted []Planting
	switch {
	case g.options.OneIn > 0 && g.count%g.options.OneIn == 0:
		d, planted = g.plant()
	case len(g.next) > 0:
		d, g.next = g.next[0], g.next[1:]
	case g.rand.IntN(100) < 58:
		d = g.ledgerNoise()
	default:
		d = g.systemNoise()
	}
	item := Item{Topic: g.options.SystemTopic, Event: d.event, Planted: planted, Key: Registrant + "/" + d.subject}
	if d.event.Schema() == event.Ledger {
		item.Topic = g.options.LedgerTopic
	}
	return item
}

// pause is the time to the next event: short in business hours, shorter in the
// close, long at night.
func (g *Generator) pause() time.Duration {
	const workday = 10 * time.Hour
	mean := float64(workday) / float64(g.options.PerDay) / activity(g.now)
	return time.Duration(mean * g.rand.ExpFloat64()).Truncate(time.Millisecond)
}

// serial returns the next number of a series.
func (g *Generator) serial(series string) int {
	g.numbers[series]++
	return g.numbers[series]
}

// between returns a number of [low, high].
func (g *Generator) between(low, high int) int { return low + g.rand.IntN(high-low+1) }

// pick returns one of all.
func pick[T any](g *Generator, all []T) T { return all[g.rand.IntN(len(all))] }

// chance is true in percent of a hundred cases.
func (g *Generator) chance(percent int) bool { return g.rand.IntN(100) < percent }

// name returns a name that nothing else has, such as CTR-000017.
func (g *Generator) name(series string) string {
	return fmt.Sprintf("%s-%06d", series, g.serial(series))
}
