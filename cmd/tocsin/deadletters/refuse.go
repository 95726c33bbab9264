package deadletters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// doubtTimeout bounds the queries about the topics, and about a replay that has no
// row.
const doubtTimeout = 15 * time.Second

// current returns the topics of the configuration as they are in Kafka. Its answer may
// be five seconds old, which is the least age at which the client asks again.
func (r *replayer) current(ctx context.Context) (kadm.TopicDetails, error) {
	ctx, cancel := context.WithTimeout(ctx, doubtTimeout)
	defer cancel()
	topics, err := kadm.NewClient(r.client).ListTopics(ctx, r.topics...)
	if err != nil {
		return nil, fmt.Errorf("kafka: the topics cannot be read: %w. tocsin check finds the cause", err)
	}
	return topics, nil
}

// refuse returns every reason why a dead letter must not be replayed, or nil. --again
// lifts those that leave a partition to produce to.
func (r *replayer) refuse(ctx context.Context, d *clickhouse.DeadLetter, topics kadm.TopicDetails) error {
	if !slices.Contains(r.topics, d.Topic) {
		return fmt.Errorf("%s: no worker of this configuration reads topic %s, so its replay would get no row; add the topic to kafka.topics", d.Place, d.Topic)
	}
	switch err := topics[d.Topic].Err; {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("%s: Kafka has no topic %s any more, so there is no partition to send the record to; discard the dead letter, or create the topic", d.Place, d.Topic)
	case err != nil:
		return fmt.Errorf("%s: kafka: topic %s cannot be read: %w. Grant WRITE on the topic", d.Place, d.Topic, err)
	}
	if d.Failure.Stage == pipeline.StageUnpack && r.file == "" {
		return notKept(d.Place)
	}
	if r.again {
		return nil
	}
	return errors.Join(otherLog(d.Place, pipeline.TopicID(topics[d.Topic].ID)), r.dealtWith(ctx, d))
}

// notKept is the error for a dead letter whose value is needed and is not stored.
func notKept(p clickhouse.Place) error {
	return fmt.Errorf("%s: its batch was never unpacked, so its value is not stored: have the source send the records of the batch again in smaller batches, or give the value with --file", p)
}

// otherLog returns an error unless a place is in the topic that has the id.
func otherLog(p clickhouse.Place, id pipeline.TopicID) error {
	switch none := (pipeline.TopicID{}); {
	case p.ID == id:
		return nil
	case p.ID == none || id == none:
		return fmt.Errorf("%s: the id of its topic is %q, and the brokers report %q for %s: it is not known whether that is the topic the record came from; --again sends the record there", p, p.ID, id, p.Topic)
	}
	return fmt.Errorf("%s: topic %s was deleted and created again, and its id is %s now: a replay would be a record of the new topic. Discard the dead letter; or --again sends the record to partition %d of the new topic", p, p.Topic, id, p.Partition)
}

// dealtWith returns the reason why a dead letter is no longer open, or nil.
func (r *replayer) dealtWith(ctx context.Context, d *clickhouse.DeadLetter) error {
	switch d.Status {
	case clickhouse.StatusOpen:
		return nil
	case clickhouse.StatusReplayed:
		return fmt.Errorf("%s was replayed as %s, which is an event; --again sends it once more", d.Place, d.ReplayedAs)
	case clickhouse.StatusFailedAgain:
		return fmt.Errorf("%s was replayed as %s, which is a dead letter too: replay that one; --again sends this one once more", d.Place, d.ReplayedAs)
	case clickhouse.StatusDiscarded:
		return fmt.Errorf("%s is discarded; tocsin deadletters show %[1]s names the person and the reason; --again sends it nevertheless", d.Place)
	}
	state, err := r.doubt(ctx, d.Place)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s has a replay already, and that replay has no row: %s", d.Place, state)
}

// doubt reports the state of a replay that is noted and has no row. It reads the end
// of the partition before the stored rows, so that a record that arrives in between
// does not pass for one that was never produced.
func (r *replayer) doubt(ctx context.Context, p clickhouse.Place) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, doubtTimeout)
	defer cancel()
	ends, err := kadm.NewClient(r.client).ListEndOffsets(ctx, p.Topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return "", fmt.Errorf("kafka: the end of %s cannot be read, so the state of the replay of %s is unknown: %w. Grant DESCRIBE on the topic", p.Topic, p, err)
	}
	end, _ := ends.Lookup(p.Topic, p.Partition)
	topics, err := kadm.NewClient(r.client).ListTopics(ctx, p.Topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return "", fmt.Errorf("kafka: the id of %s cannot be read: %w. Grant DESCRIBE on the topic", p.Topic, err)
	}
	d, err := r.sink.DeadLetter(ctx, r.cluster, p)
	if err != nil {
		return "", err
	}
	if d.Status != clickhouse.StatusPending {
		return fmt.Sprintf("its row has just been stored, and the dead letter is %s now", d.Status), nil
	}
	id := pipeline.TopicID(topics[p.Topic].ID)
	tail, stored, err := r.sink.Tail(ctx, pipeline.Log{Cluster: r.cluster, Topic: p.Topic, ID: id, Partition: p.Partition}, 0)
	if err != nil {
		return "", err
	}
	next := int64(0)
	if stored {
		next = tail.Last + 1
	}
	if next < end.Offset {
		return fmt.Sprintf("%d offsets of its partition are not stored yet, and the replay may be among them: wait for the workers and try again; --again sends one more", end.Offset-next), nil
	}
	if id != p.ID {
		return "the topic was created again, and every record of its partition is stored: the replay was never produced, or it is gone with the old topic; --again sends it", nil
	}
	return "every record of its partition is stored, so the replay was never produced, unless the command that noted it still runs; --again sends it", nil
}
