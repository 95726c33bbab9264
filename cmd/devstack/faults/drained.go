package faults

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// drained waits until every record of the topics with these ids has a row, and every
// candidate a message.
func (r *run) drained(ctx context.Context, produced int64, ids []string) error {
	bound := drainBound
	if r.Scenario != "" {
		bound = soonBound
	}
	ctx, cancel := context.WithTimeoutCause(ctx, bound, errors.New("not in "+bound.String()))
	defer cancel()
	var rows int64
	var owed int
	for ctx.Err() == nil {
		var err error
		if rows, owed, err = r.lacking(ctx, ids); err != nil {
			return err
		}
		if rows >= produced && owed == 0 {
			return nil
		}
		sleep(ctx, 300*time.Millisecond)
	}
	return fmt.Errorf("drained: %w: %d of %d records are stored, %d candidates of them are not alerted", context.Cause(ctx), rows, produced, owed)
}

// lacking returns how many records of the topics with these ids have rows, and how
// many candidates of the rows have no message.
func (r *run) lacking(ctx context.Context, ids []string) (rows int64, owed int, err error) {
	if rows, err = r.servers.http.number(ctx, "SELECT uniqExact(topic_id, partition, offset) FROM events WHERE "+of(ids)); err != nil {
		return 0, 0, err
	}
	candidates, err := r.servers.http.texts(ctx, "SELECT DISTINCT arrayJoin(findings.candidate_id) FROM events WHERE "+of(ids))
	if err != nil {
		return 0, 0, err
	}
	messages, err := readMessages(ctx, r.servers.alerts)
	if err != nil {
		return 0, 0, err
	}
	sent := make(map[string]bool)
	for _, m := range messages {
		sent[m.id] = true
	}
	for _, id := range candidates {
		if !sent[id] {
			owed++
		}
	}
	return rows, owed, nil
}
