package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/pipeline"
)

// Place is the position of a record in a Kafka cluster. A topic that was deleted and
// created again has another id, and its offsets begin anew: without the id a place
// may be that of several records.
type Place struct {
	Topic     string
	ID        pipeline.TopicID // zero where the brokers report none
	Partition int32
	Offset    int64
}

// String returns topic/ID/partition/offset, without the ID where it is zero.
func (p Place) String() string {
	if p.ID == (pipeline.TopicID{}) {
		return fmt.Sprintf("%s/%d/%d", p.Topic, p.Partition, p.Offset)
	}
	return p.whole()
}

func (p Place) whole() string {
	return fmt.Sprintf("%s/%s/%d/%d", p.Topic, p.ID, p.Partition, p.Offset)
}

// In returns the place with the name of its cluster before it: the form of the header
// of a replay and of the column replay_of.
func (p Place) In(cluster string) string { return cluster + "/" + p.String() }

// atPlace is the condition for the rows of a place, whose parameters in returns.
const atPlace = ofLog + `$4 AND offset = $5`

func (p Place) in(cluster string) []any {
	return []any{cluster, p.Topic, p.Partition, p.ID.String(), p.Offset}
}

// Named is a place as a person gives it: usually without the topic's id.
type Named struct {
	Place
	Whole bool // the id is given: it is that of Place, which may be zero
}

// String returns the place as a person gives it. A whole one without an id has an
// empty part in its place.
func (n Named) String() string {
	if n.Whole {
		return n.whole()
	}
	return n.Place.String()
}

// ParsePlace parses topic/partition/offset and topic/ID/partition/offset.
func ParsePlace(text string) (Named, error) {
	parts := strings.Split(text, "/")
	whole := len(parts) == 4
	if (whole || len(parts) == 3) && parts[0] != "" {
		var id pipeline.TopicID
		var err error
		if whole {
			id, err = pipeline.ParseTopicID(parts[1])
		}
		partition, err1 := strconv.ParseInt(parts[len(parts)-2], 10, 32)
		offset, err2 := strconv.ParseInt(parts[len(parts)-1], 10, 64)
		if err == nil && err1 == nil && err2 == nil && partition >= 0 && offset >= 0 {
			return Named{Place{parts[0], id, int32(partition), offset}, whole}, nil
		}
	}
	return Named{}, fmt.Errorf("%q is no place: want topic/partition/offset, such as ledger.events/1/7, or topic/ID/partition/offset", text)
}

// ErrSeveral is returned for a place that several records have.
var ErrSeveral = errors.New("the topic was deleted and created again, and more than one of its logs has it")

// found is a record that a place may mean.
type found struct {
	Place
	at time.Time // its Kafka timestamp
}

// several returns ErrSeveral with the records that a place may mean.
func several(n Named, all []found) error {
	var each []string
	for _, f := range all {
		each = append(each, fmt.Sprintf("%s of %s", Named{f.Place, true}, f.at.UTC().Format(time.RFC3339)))
	}
	return fmt.Errorf("%s: %w: name one in full: %s", n, ErrSeveral, strings.Join(each, ", "))
}

// records returns the stored records that a place may mean, in the order of their
// topic ids. Errors are as for Store.
func (s *Sink) records(ctx context.Context, cluster string, n Named) (all []found, err error) {
	condition, values := `cluster = $1 AND topic = $2 AND partition = $3 AND offset = $4`, []any{cluster, n.Topic, n.Partition, n.Offset}
	if n.Whole {
		condition, values = atPlace, n.in(cluster)
	}
	rows, err := s.conn.Query(ctx, `SELECT topic_id, min(kafka_millis) FROM events WHERE `+condition+` GROUP BY topic_id ORDER BY topic_id`, values...)
	if err != nil {
		return nil, classified(ctx, err)
	}
	for rows.Next() {
		one, id, ms := found{Place: n.Place}, "", int64(0)
		err := rows.Scan(&id, &ms)
		one.at = time.UnixMilli(ms).UTC()
		if err == nil {
			one.ID, err = topicID(id)
		}
		if err != nil {
			return nil, classified(ctx, errors.Join(err, rows.Close()))
		}
		all = append(all, one)
	}
	return all, classified(ctx, errors.Join(rows.Err(), rows.Close()))
}

// topicID parses the column topic_id.
func topicID(text string) (pipeline.TopicID, error) {
	id, err := pipeline.ParseTopicID(text)
	if err != nil {
		return id, fmt.Errorf("clickhouse: column topic_id: %w: the row was altered after it was stored; tocsin audit finds what else was", err)
	}
	return id, nil
}
