package model

import (
	"fmt"
	"strings"
)

// action is the action of one step. actor does it, and it concerns another actor.
// In does, {w} stands for the worker concerned, {batch} for its batch, {commit} for
// its commit, {group} for the group's state afterwards, and {rows} for the rows of
// its insert.
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
	noOne // stands for a worker that is gone
)

func name(a actor) string {
	return [...]string{"A", "B", "Kafka", "ClickHouse", "JetStream", "The clock", "The operator", ""}[a]
}

// sentence describes the action.
func (p *Protocol) sentence(a action, before, after *state) string {
	does := a.sentence(after.kafka.String())
	if a.concern < 2 {
		m, was := after.workers[a.concern], before.workers[a.concern]
		if !m.open.set {
			m.open = was.open
		}
		does = strings.ReplaceAll(does, "{batch}", m.open.String())
		does = strings.ReplaceAll(does, "{rows}", was.insert.batch.String())
		does = strings.ReplaceAll(does, "{commit}", m.commitment().String())
	}
	return strings.ReplaceAll(does, "{rows}", before.clickhouse.orphan.batch.String())
}

// sentence names the actors and the group's state afterwards.
func (a action) sentence(group string) string {
	does := strings.ReplaceAll(a.does, "{w}", name(a.concern))
	return name(a.actor) + " " + strings.ReplaceAll(does, "{group}", group)
}

// String returns the range, the rules, and the number of a token after the first.
func (b batch) String() string {
	text := fmt.Sprintf("%d-%d by rules %d", b.first, b.last, b.rules)
	if b.number > 0 {
		text += fmt.Sprintf(", token %d", b.number+1)
	}
	return text
}

// String returns the offset and the intent, if there is one.
func (c commit) String() string {
	if c.mark.last == 0 {
		return fmt.Sprintf("offset %d", c.offset)
	}
	return fmt.Sprintf("offset %d, intent to %d by rules %d", c.offset, c.mark.last-1, c.mark.rules)
}

// String returns the committed offset and its intent.
func (k *coordinator) String() string { return commit{true, k.offset, k.mark}.String() }
