package deadletters

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tocsin/cmd/tocsin/cli"
	"tocsin/rules/diag"
	"tocsin/sinks/clickhouse"
)

// discard notes that dead letters are set aside: all of them, or none.
func (l *letters) discard(ctx context.Context, sink *clickhouse.Sink) error {
	chosen, err := l.choose(ctx, sink, func(d *clickhouse.DeadLetter) error {
		switch d.Status {
		case clickhouse.StatusReplayed:
			return fmt.Errorf("%s was replayed as %s, which is an event: there is nothing to set aside", d.Place, d.ReplayedAs)
		case clickhouse.StatusFailedAgain:
			return fmt.Errorf("%s was replayed as %s, which is a dead letter too: discard that one", d.Place, d.ReplayedAs)
		case clickhouse.StatusDiscarded:
			return fmt.Errorf("%s is discarded already; tocsin deadletters show %[1]s names the person and the reason", d.Place)
		}
		return nil
	})
	if err != nil || len(chosen) == 0 {
		return err
	}
	var all []clickhouse.Disposition
	for _, d := range chosen {
		all = append(all, clickhouse.Disposition{Place: d.Place, Action: clickhouse.Discarding, Reason: l.reason, Actor: l.actor})
	}
	if err := sink.Note(ctx, l.cluster, all...); err != nil {
		return err
	}
	for _, d := range chosen {
		if err := l.printDone(doneLine{Place: d.Place.String(), Action: clickhouse.Discarding}); err != nil {
			return err
		}
	}
	return nil
}

// choose returns the dead letters of the named places, or the open ones that the
// filter selects. It returns an error when one place is no dead letter, or several, or
// refuse rejects one, so that a mistyped place leaves every record alone.
func (l *letters) choose(ctx context.Context, sink *clickhouse.Sink, refuse func(*clickhouse.DeadLetter) error) (chosen []clickhouse.DeadLetter, err error) {
	if l.filtered {
		l.filter.Statuses = []clickhouse.Status{clickhouse.StatusOpen}
		if chosen, err = sink.DeadLetters(ctx, l.cluster, l.filter); err != nil {
			return nil, err
		}
		switch {
		case len(chosen) == 0:
			fmt.Fprintf(l.stderr, "tocsin deadletters: the filter selects no open dead letter of cluster %s\n", l.cluster)
		case !l.yes:
			if err := l.printTable(l.stderr, chosen); err != nil {
				return nil, err
			}
			return nil, cli.Usagef("%s: nothing is done yet; give --yes to %s all of them", diag.Plural(len(chosen), "dead letter"), l.verb)
		}
	}
	var against []error
	for _, n := range l.places {
		d, err := sink.Find(ctx, l.cluster, n)
		switch {
		case errors.Is(err, clickhouse.ErrNoDeadLetter), errors.Is(err, clickhouse.ErrSeveral):
			against = append(against, err)
		case err != nil:
			return nil, err
		case !slices.ContainsFunc(chosen, func(c clickhouse.DeadLetter) bool { return c.Place == d.Place }):
			chosen = append(chosen, d)
		}
	}
	for i := range chosen {
		if err := refuse(&chosen[i]); err != nil {
			against = append(against, err)
		}
	}
	if against != nil {
		return nil, fmt.Errorf("nothing is done:\n%w", errors.Join(against...))
	}
	return chosen, nil
}
