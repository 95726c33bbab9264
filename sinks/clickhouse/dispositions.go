package clickhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"tocsin/pipeline"
)

// Action is an operator's action on a dead letter.
type Action string

// The actions.
const (
	Replaying  Action = "replay"  // noted before the record is produced
	Refused    Action = "refused" // the broker rejected that replay: it is in no partition
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

// Dispositions returns the notes on the dead letter at a place, in order. Errors
// are as for Store.
func (s *Sink) Dispositions(ctx context.Context, cluster string, p Place) (all []Disposition, err error) {
	rows, err := s.conn.Query(ctx, `SELECT toString(action), attempt, sha256, reason, actor, at FROM dispositions
		WHERE `+atPlace+` ORDER BY at, attempt`, p.in(cluster)...)
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

// ErrTaken is returned by Claim when another operator noted the attempt first.
var ErrTaken = errors.New("another operator replays it at this moment")

// Claim notes a replay before its record is produced, and returns ErrTaken when
// the same attempt is noted already. So of two operators who see no replay and
// start one at once, only one produces. The server decides between them by the
// insert's token, which holds only place and attempt: it drops the second insert, and
// the id that is stored is that of the first. Other errors are as for Store. After
// one the note may be stored or not, and nothing may be produced.
func (s *Sink) Claim(ctx context.Context, cluster string, d Disposition) error {
	id := rand.Text()
	var first string
	noted := func(ctx context.Context) (bool, error) {
		err := s.conn.QueryRow(ctx, `SELECT any(id) FROM dispositions WHERE `+atPlace+` AND attempt = $6 AND action = 'replay'`,
			append(d.in(cluster), d.Attempt)...).Scan(&first)
		return first != "", err
	}
	if err := s.note(ctx, fmt.Sprintf("replay/%s/%d", d.In(cluster), d.Attempt), cluster, id, noted, d); err != nil {
		return err
	}
	if _, err := noted(ctx); err != nil {
		return classified(ctx, err)
	}
	if first != id {
		return fmt.Errorf("%s: %w", d.Place, ErrTaken)
	}
	return nil
}

// Note notes dispositions, all or none. Errors are as for Store.
func (s *Sink) Note(ctx context.Context, cluster string, all ...Disposition) error {
	if len(all) == 0 {
		return nil
	}
	id := rand.Text()
	return s.note(ctx, id, cluster, id, func(ctx context.Context) (held bool, err error) {
		err = s.conn.QueryRow(ctx, `SELECT count() > 0 FROM dispositions WHERE id = $1`, id).Scan(&held)
		return held, err
	}, all...)
}

// note inserts dispositions under a token; there reports whether they, or others
// under the same token, are in the table.
func (s *Sink) note(ctx context.Context, token, cluster, id string, there func(context.Context) (bool, error), all ...Disposition) error {
	return once(ctx, token, s.insertTimeout, func(ctx context.Context) error {
		insert, err := s.conn.PrepareBatch(ctx, `INSERT INTO dispositions (cluster, topic, topic_id, partition, offset, action, attempt, id, sha256, reason, actor)`)
		if err != nil {
			return err
		}
		for _, d := range all {
			if err := insert.Append(cluster, d.Topic, d.ID.String(), d.Partition, d.Offset, string(d.Action), d.Attempt, id, d.SHA256[:], d.Reason, d.Actor); err != nil {
				return errors.Join(err, insert.Abort())
			}
		}
		return insert.Send()
	}, there)
}
