package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/netfault"
)

// How a topic is deleted.
const (
	// The records are stored and their alerts sent. Every row and alert is demanded.
	deletedStored = iota
	// ClickHouse has answered nothing for a while, so promises stand. The last rows
	// may be missing, and the alerts of the last batch.
	deletedPromised
	// The same; and the workers stop before and find the group's marks of the topic
	// afterwards, as with brokers that keep a group's offsets when a topic goes.
	// Apache Kafka deletes them.
	deletedMarked
	deletions
)

// topicNames are the topics that a fault may change.
var topicNames = []string{contractTopic, outageTopic}

// changed draws a topic and a manner out of a fault's number.
func (f Fault) changed() (topic string, manner int) {
	return topicNames[(f.N-1)%len(topicNames)], (f.N - 1) / len(topicNames)
}

const (
	storedBound  = 30 * time.Second // for a topic's records to be stored before it is deleted
	promisedFor  = time.Second      // that ClickHouse is cut off before a topic with promises is deleted
	deletedBound = 30 * time.Second // for the broker to delete a topic and to create it
)

// remake deletes a topic and creates it again under its name. What its log held is
// read before, while nothing is produced into it.
func (r *run) remake(ctx context.Context, f Fault) (happened bool, err error) {
	topic, manner := f.changed()
	r.changing.Lock()
	defer r.changing.Unlock()
	if ctx.Err() != nil {
		return false, nil
	}
	if manner == deletedStored {
		return r.change(ctx, topic, func(ctx context.Context, adm *kadm.Client, old *logs) (bool, error) {
			n, ids := old.places(nil)
			err := await(ctx, storedBound, "the records of the topic are stored", func() bool {
				rows, owed, err := r.lacking(ctx, ids)
				return err == nil && rows == n && owed == 0
			})
			if err != nil {
				return false, nil // another fault lasts longer
			}
			return true, recreate(ctx, adm, topic)
		})
	}
	r.servers.disturb(ctx, clickhouseServer, 0, func(p *netfault.Proxy) {
		p.Freeze()
		sleep(ctx, promisedFor)
		happened, err = r.change(ctx, topic, func(ctx context.Context, adm *kadm.Client, old *logs) (bool, error) {
			if manner == deletedPromised {
				return true, recreate(ctx, adm, topic)
			}
			return true, r.fleet.without(ctx, true, func(ctx context.Context) error { return recreateMarked(ctx, adm, topic) })
		})
		if happened {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, id := range r.old[len(r.old)-1].ids {
				r.gone[id] = true
			}
		}
	})
	return happened, err
}

// change changes a topic while nothing is produced into it and Kafka lives. do gets
// the records of its log. The log that it leaves is another one if do has deleted it.
func (r *run) change(ctx context.Context, topic string, do func(ctx context.Context, adm *kadm.Client, old *logs) (bool, error)) (happened bool, err error) {
	gate := &r.load.gate
	if err := gate.close(ctx, topic); err != nil {
		return false, nil // the run is over
	}
	before := gate.at(topic, nil)
	defer func() { gate.open(topic, before.id, before.width) }()
	r.servers.life[kafkaServer].Lock()
	defer r.servers.life[kafkaServer].Unlock()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.servers.broker), directly(r.servers.broker))
	if err != nil {
		return false, err
	}
	defer client.Close()
	bounded, cancel := context.WithTimeout(ctx, readBound)
	defer cancel()
	old, err := readLogs(bounded, r.servers.broker, topic)
	if err != nil && ctx.Err() != nil {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if happened, err = do(ctx, kadm.NewClient(client), old); err != nil || !happened {
		return false, err
	}
	settled, cancel := context.WithTimeout(context.WithoutCancel(ctx), deletedBound)
	defer cancel()
	for { // the broker hears of the change a moment after the controller
		now, err := describeLogs(settled, client, topic)
		if err == nil && (now.ids[topic] != before.id || now.widths[topic] != before.width) {
			if now.ids[topic] != before.id {
				r.mu.Lock()
				r.old = append(r.old, old)
				r.mu.Unlock()
			}
			before.id, before.width = now.ids[topic], now.widths[topic]
			return true, nil
		}
		if settled.Err() != nil {
			return false, fmt.Errorf("topic %s is not as it was made: %w", topic, errors.Join(err, settled.Err()))
		}
		sleep(settled, 50*time.Millisecond)
	}
}

// recreate deletes a topic and creates it again. It does not end with ctx: without the
// topic the run cannot go on.
func recreate(ctx context.Context, adm *kadm.Client, topic string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deletedBound)
	defer cancel()
	deleted, err := adm.DeleteTopics(ctx, topic)
	if err == nil {
		err = deleted.Error()
	}
	for err == nil || errors.Is(err, kerr.TopicAlreadyExists) { // it goes a moment later
		var made kadm.CreateTopicResponses
		if made, err = adm.CreateTopics(ctx, partitions, 1, nil, topic); err == nil {
			err = made.Error()
		}
		if err == nil || ctx.Err() != nil {
			break
		}
		sleep(ctx, 50*time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("create topic %s again: %w", topic, err)
	}
	return nil
}

// recreateMarked is recreate for a group without members, which finds its marks of the
// topic afterwards as they were.
func recreateMarked(ctx context.Context, adm *kadm.Client, topic string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deletedBound)
	defer cancel()
	committed, err := adm.FetchOffsets(ctx, groupName)
	if err != nil {
		return fmt.Errorf("read the marks of topic %s: %w", topic, err)
	}
	if err := recreate(ctx, adm, topic); err != nil {
		return err
	}
	marks := make(kadm.Offsets)
	for _, o := range committed[topic] {
		if o.Partition < partitions {
			marks.Add(o.Offset)
		}
	}
	for {
		if err = adm.CommitAllOffsets(ctx, groupName, marks); err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("put the marks of topic %s back: %w", topic, err)
		}
		sleep(ctx, 200*time.Millisecond) // a worker that was killed is still a member
	}
}

// mostPartitions is how many partitions of a topic a run makes at most.
const mostPartitions = 5

// widen adds a partition to a topic.
func (r *run) widen(ctx context.Context, f Fault) (bool, error) {
	topic, _ := f.changed()
	r.changing.Lock()
	defer r.changing.Unlock()
	if ctx.Err() != nil {
		return false, nil
	}
	happened, err := r.change(ctx, topic, func(ctx context.Context, adm *kadm.Client, old *logs) (bool, error) {
		width := int(old.widths[topic]) + 1
		if width > mostPartitions {
			return false, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deletedBound)
		defer cancel()
		answers, err := adm.UpdatePartitions(ctx, width, topic)
		if err == nil {
			err = answers.Error()
		}
		return true, err
	})
	if happened {
		r.mu.Lock()
		r.wider = true
		r.mu.Unlock()
	}
	return happened, err
}

// forgetOffsets stops every worker, has Kafka forget the group's offsets, of one topic
// or of all, and starts them. N chooses which, and whether the workers are killed.
func (r *run) forgetOffsets(ctx context.Context, f Fault) (bool, error) {
	topic, manner := f.changed()
	r.changing.Lock()
	defer r.changing.Unlock()
	if ctx.Err() != nil {
		return false, nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(r.servers.broker), directly(r.servers.broker))
	if err != nil {
		return false, err
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	happened := false
	err = r.fleet.without(ctx, manner%2 == 0, func(ctx context.Context) error {
		// A worker that was killed is a member until its session ends.
		for end := time.Now().Add(strikeBound); time.Now().Before(end) && !happened; sleep(ctx, 200*time.Millisecond) {
			if ctx.Err() != nil {
				return nil
			}
			promises, err := readPromises(ctx, adm)
			if err != nil {
				continue // Kafka is away
			}
			r.mu.Lock()
			r.forgotten = append(r.forgotten, promises...)
			r.mu.Unlock()
			if manner/2 == 0 {
				_, err := adm.DeleteGroup(ctx, groupName)
				happened = err == nil || errors.Is(err, kerr.GroupIDNotFound)
				continue
			}
			set := make(kadm.TopicsSet)
			for p := range r.load.gate.at(topic, nil).width {
				set.Add(topic, p)
			}
			answers, err := adm.DeleteOffsets(ctx, groupName, set)
			happened = err == nil && answers.Error() == nil
		}
		return nil
	})
	return happened, err
}
