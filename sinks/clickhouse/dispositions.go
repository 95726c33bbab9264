package clickhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tocsin/pipeline"
)

// Action is what an operator did about a dead letter.
type Action string

// The actions.
const (
	Replaying  Action = "replay"  // noted before the record is produced
	Refused    Action = "refused" // the broker would not take that replay: it is in no partition
	Discarding Action = "discard"
)

// Disposition is one row of dispositions.
type Disposition struct {
	Place
	Action  Action
	Attempt uint32        // for Replaying and Refused: which replay of the dead letter, from 1 on
	SHA256  pipeline.Hash // for Replaying and Refused: of the bytes produced
	Reason  string        // never a value of the record
	Actor   string
	At      time.Time // when it was noted, by the server's clock, UTC; not read by Note
}

// Dispositions returns what was noted about the dead letter at a place, in
// order. Errors are as for Store.
func (s *Sink) Dispositions(ctx context.Context, cluster string, p Place) (all []Disposition, err error) {
	rows, err := s.conn.Query(ctx, `SELECT toString(action), attempt, sha256, reason, actor, at FROM dispositions
		WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset = $4 ORDER BY at, attempt`, cluster, p.Topic, p.Partition, p.Offset)
	if err != nil {
		return nil, classified(ctx, err)
	}
	for rows.Next() {
		d := Disposition{Place: p}
		var action, sum string
		if err := rows.Scan(&action, &d.Attempt, &sum, &d.Reason, &d.Actor, &d.At); err != nil {
			return nil, classified(ctx, errors.Join(err, rows.Close()))
		}
		d.Action = Action(action)
		copy(d.SHA256[:], sum)
		all = append(all, d)
	}
	return all, classified(ctx, errors.Join(rows.Err(), rows.Close()))
}

// ErrTaken is returned by Claim when another has noted that attempt first.
var ErrTaken = errors.New("another operator replays it at this moment")

// Claim notes a replay before its record is produced, and returns ErrTaken when
// the same attempt is noted already: of two operators who look, see no replay
// and go on at once, one produces. The server decides between them by the
// insert's token, which only the attempt is in, so that the second insert is
// dropped; whose id is there then was the first. Otherwise errors are as for
// Store; after one the note may be there or not, and nothing may be produced.
func (s *Sink) Claim(ctx context.Context, cluster string, d Disposition) error {
	id := rand.Text()
	if err := s.note(ctx, fmt.Sprintf("replay/%s/%d", d.In(cluster), d.Attempt), cluster, id, d); err != nil {
		return err
	}
	var first string
	err := s.conn.QueryRow(ctx, `SELECT any(id) FROM dispositions WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset = $4 AND attempt = $5 AND action = 'replay'`,
		cluster, d.Topic, d.Partition, d.Offset, d.Attempt).Scan(&first)
	if err != nil {
		return classified(ctx, err)
	}
	if first != id {
		return fmt.Errorf("%s: %w", d.Place, ErrTaken)
	}
	return nil
}

// Note notes dispositions, all or none. Errors are as for Store.
func (s *Sink) Note(ctx context.Context, cluster string, all ...Disposition) error {
	id := rand.Text()
	return s.note(ctx, id, cluster, id, all...)
}

func (s *Sink) note(ctx context.Context, token, cluster, id string, all ...Disposition) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate": 1, "insert_deduplication_token": token, "async_insert": 0,
	}))
	insert, err := s.conn.PrepareBatch(ctx, `INSERT INTO dispositions (cluster, topic, partition, offset, action, attempt, id, sha256, reason, actor)`)
	if err != nil {
		return classified(ctx, err)
	}
	for _, d := range all {
		if err := insert.Append(cluster, d.Topic, d.Partition, d.Offset, string(d.Action), d.Attempt, id, d.SHA256[:], d.Reason, d.Actor); err != nil {
			return classified(ctx, errors.Join(err, insert.Abort()))
		}
	}
	return classified(ctx, insert.Send())
}
