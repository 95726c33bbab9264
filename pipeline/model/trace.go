package model

import (
	"fmt"
	"strings"
)

// action is what happens in one step. Who does it and whom it concerns are
// worker numbers, or one of the actors below; in does, {w} stands for the
// worker concerned, {batch} for its batch, {commit} for its commit, {group} for
// what the group then knows and {rows} for the rows of its insert.
type action struct {
	actor   actor
	concern actor
	does    string
}

// actor is a worker's number, or one of those below.
type actor = int8

const (
	kafka actor = 2 + iota
	server
	nats
	clock
	operator
	noOne // a worker that is gone, as one that is concerned
)

func name(a actor) string {
	return [...]string{"A", "B", "Kafka", "ClickHouse", "JetStream", "The clock", "The operator", ""}[a]
}

// tell tells a way, a line a step.
func (p *Protocol) tell(way []*state) []string {
	var lines []string
	for i, after := range way[1:] {
		before := *way[i]
		told := false
		p.successors(&before, func(next state, what action) {
			if !told && next == *after {
				told = true
				lines = append(lines, fmt.Sprintf("%2d. %s", i+1, what.sentence(&before, after)))
			}
		})
	}
	return lines
}

// sentence says the action.
func (a action) sentence(before, after *state) string {
	does := strings.ReplaceAll(a.does, "{w}", name(a.concern))
	does = strings.ReplaceAll(does, "{group}", after.kafka.String())
	if a.concern < 2 {
		m, was := after.workers[a.concern], before.workers[a.concern]
		if !m.open.set {
			m.open = was.open
		}
		does = strings.ReplaceAll(does, "{batch}", m.open.String())
		does = strings.ReplaceAll(does, "{rows}", was.insert.batch.String())
		does = strings.ReplaceAll(does, "{commit}", m.commitment().String())
	}
	does = strings.ReplaceAll(does, "{rows}", before.clickhouse.orphan.batch.String())
	return name(a.actor) + " " + does
}

// String is the range and the rules.
func (b batch) String() string { return fmt.Sprintf("%d-%d by rules %d", b.first, b.last, b.rules) }

// String is the offset and the intent, if there is one.
func (c commit) String() string {
	if c.mark.last == 0 {
		return fmt.Sprintf("offset %d", c.offset)
	}
	return fmt.Sprintf("offset %d, intent to %d by rules %d", c.offset, c.mark.last-1, c.mark.rules)
}

// String is what the group knows.
func (k *coordinator) String() string { return commit{true, k.offset, k.mark}.String() }
