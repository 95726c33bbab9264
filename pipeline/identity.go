package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TopicID is the id that Kafka gives a topic when it is created. A topic that was
// deleted and created again has another id under the same name. The id is zero if
// the brokers report none.
type TopicID [16]byte

// String returns the id in Kafka's own form, and "" for zero.
func (id TopicID) String() string {
	if id == (TopicID{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// ParseTopicID parses the form that String returns.
func ParseTopicID(text string) (id TopicID, err error) {
	if text == "" {
		return id, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%q is no topic id", text)
	}
	return TopicID(b), nil
}

// Seed is the chain's value before the first record of a partition. Each log has
// its own, so rows of one log never continue the chain of another. Without a topic
// id it is zero.
func Seed(id TopicID, partition int32) Hash {
	if id == (TopicID{}) {
		return Hash{}
	}
	return sha256.Sum256(binary.BigEndian.AppendUint32(append([]byte("tocsin log "), id[:]...), uint32(partition)))
}

// Log is one partition of the topic with one id. An offset counts within a log.
type Log struct {
	Cluster   string
	Topic     string
	ID        TopicID
	Partition int32
}

func (l Log) String() string { return fmt.Sprintf("%s/%d", l.Topic, l.Partition) }

// topicIDs returns the ids that the configured topics have in Kafka now.
func (s *session) topicIDs(ctx context.Context) (map[string]TopicID, error) {
	topics, err := kadm.NewClient(s.client).ListTopics(ctx, s.Topics...)
	if err != nil {
		return nil, fmt.Errorf("read the ids of the topics: %w", err)
	}
	ids := make(map[string]TopicID)
	for _, name := range s.Topics {
		t, ok := topics[name]
		switch {
		case !ok:
			return nil, Wait(WaitKafka, fmt.Errorf("the brokers do not report topic %s", name))
		case t.Err != nil:
			return nil, Wait(WaitKafka, fmt.Errorf("topic %s: %w", name, t.Err))
		}
		ids[name] = TopicID(t.ID)
	}
	return ids, nil
}

// logOf returns the log of an assigned partition.
func (s *session) logOf(tp topicPartition) Log {
	return Log{s.Cluster, tp.topic, s.ids[tp.topic], tp.partition}
}

// errMadeAgain ends a session whose client reads a log that is gone.
var errMadeAgain = Wait(WaitKafka, errors.New("a topic was deleted and created again: joining anew, at its first record"))

// madeAgain is a mark of an earlier topic of the same name.
type madeAgain struct {
	topicPartition
	mark mark
	at   int64 // the committed offset
}

// earlier returns an error unless each mark is of an earlier topic than the one that
// this worker takes for the present one. The client's answers may be some seconds old,
// and a broker may lag behind the others. If any broker reports the topic of a mark, that
// topic is the present one, and another member has begun its log: a mark of the old log
// would overwrite its progress.
func (s *session) earlier(ctx context.Context, again []madeAgain) error {
	req := kmsg.NewPtrMetadataRequest()
	for _, old := range again {
		about := kmsg.NewMetadataRequestTopic()
		about.Topic = kmsg.StringPtr(old.topic)
		req.Topics = append(req.Topics, about)
	}
	for _, broker := range s.client.DiscoveredBrokers() {
		resp, err := req.RequestWith(ctx, broker)
		if err != nil {
			return Wait(WaitKafka, fmt.Errorf("read the ids of topics that were made again from each broker: %w", err))
		}
		for _, t := range resp.Topics {
			for _, old := range again {
				if t.Topic != nil && *t.Topic == old.topic && TopicID(t.TopicID) == old.mark.Topic {
					return Wait(WaitKafka, fmt.Errorf("topic %s was made again and not every broker knows it: one reports the id %s, which the group's mark has, another %s",
						old.topic, old.mark.Topic, s.ids[old.topic]))
				}
			}
		}
	}
	return nil
}

// beginAgain gives the turn a mark to commit for each of the partitions: that of
// the new log at its first record. The session must end with errMadeAgain, because
// its client would begin at the old offset.
func (s *session) beginAgain(again []madeAgain, extents map[topicPartition]extent) {
	for _, old := range again {
		log, first := s.logOf(old.topicPartition), extents[old.topicPartition].first
		for _, i := range old.mark.Promises {
			s.log.Warn("a promised batch cannot be replayed, its records are gone with the topic: tocsin audit shows whether it is stored, and tocsin reconcile publishes its missing alerts",
				"code", "promise_gone", "partition", old.String(), "topic_id", old.mark.Topic.String(), "first", i.First, "last", i.Last)
		}
		s.restart(log, old.mark.Topic, first)
		s.again = append(s.again, commitment{old.topicPartition, first, -1, mark{Topic: log.ID, Head: Seed(log.ID, log.Partition)}})
	}
}

// restart reports that a partition begins as a new log.
func (s *session) restart(log Log, old TopicID, first int64) {
	s.log.Warn("the topic was deleted and created again: its records are a new log, which begins at its first record",
		"code", "topic_made_again", "partition", log.String(), "old_topic_id", old.String(), "topic_id", log.ID.String(), "first", first)
	s.metrics.madeAgain(log.Topic)
}

// sameLogs returns an error that ends the session when records come from another
// log than the partition's.
func (s *session) sameLogs(fetches kgo.Fetches) error {
	for _, f := range fetches {
		for _, t := range f.Topics {
			if id := TopicID(t.TopicID); id != (TopicID{}) && len(t.Partitions) > 0 && id != s.ids[t.Topic] && s.ids != nil {
				return errMadeAgain
			}
		}
	}
	return nil
}
