package pipeline

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/rules"
)

// session is one membership of the consumer group. Its fields belong to the
// goroutine in runSession. The group's callbacks touch partitions and unread only
// while that goroutine waits in a poll, because polling blocks rebalancing.
type session struct {
	*Worker
	client     *kgo.Client
	partitions map[topicPartition]*partition
	// unread are the assigned partitions that have not begun.
	unread  map[topicPartition]bool
	beginAt time.Time // when they are tried again
	// ids are the ids of the topics, by name, as the last begin read them.
	ids map[string]TopicID
	// again are the first marks of logs that were made again. The turn commits
	// them and ends the session.
	again []commitment
	// compareAt is when idle partitions may be compared again; see compare.go.
	compareAt time.Time
	// hurry ends the turn that is under way when a rebalance waits for it. It
	// is atomic, because a goroutine of the client calls it.
	hurry atomic.Pointer[hurry]

	// The rest is of the turn that is under way.

	// rules judge the new batches of the round.
	rules *rules.Engine
	span  roundSpan // of the round
	// held are the partitions with batches in hand.
	held []*partition
	// next is when the loop must go on even if nothing comes and nothing ends.
	next time.Time
	// underWay counts the steps beside the loop, and ends takes their ends. wake ends
	// the poll that is under way; their goroutines call it.
	underWay int
	ends     chan func() error
	wake     atomic.Pointer[context.CancelFunc]
	// room is how many more bytes may be taken in hand, and each the average size in
	// bytes of a record in the last batch; 0 before the first.
	room  atomic.Int64
	each  int64
	taken int64   // bytes taken in hand since the last report
	rate  float64 // bytes a second taken lately
	spare spare   // storage for the next batches
	// aside are the partitions that this turn polls no more, crowded reports that a
	// batch found no room to be unpacked in it, and lone is the only partition that it
	// polls, if it has one; see aside.go.
	aside   map[topicPartition]bool
	crowded bool
	lone    *partition
	// settlements counts the batches settled in this session.
	settlements int
	reportedAt  time.Time
}

// runSession joins the group and makes turns. It returns nil when ctx is
// cancelled or until is reached, and an error when the membership must end. It
// reports whether it settled anything.
func (w *Worker) runSession(ctx context.Context, until offsets) (settled bool, err error) {
	s := &session{Worker: w, partitions: make(map[topicPartition]*partition), unread: make(map[topicPartition]bool)}
	s.client, err = kgo.NewClient(append(w.Kafka[:len(w.Kafka):len(w.Kafka)], s.options()...)...)
	if err != nil {
		return false, stop(fmt.Errorf("configure the Kafka client: %w", err))
	}
	defer s.leave(ctx)
	defer w.metrics.unsettledSince(time.Time{})
	defer w.health.unassign()
	var greeted time.Time
	for ctx.Err() == nil {
		// Health has the number, because callbacks may touch s.partitions now.
		if s.health.Status(time.Now(), 0).Partitions == 0 && time.Since(greeted) >= s.BackoffMax {
			if err := s.greet(ctx); err != nil {
				return s.settlements > 0, err
			}
			greeted = time.Now()
		}
		before := s.settlements
		if err := s.turn(ctx); err != nil {
			return s.settlements > 0, err
		}
		w.health.beat()
		if until != nil && s.settlements == before { // nothing was settled: perhaps nothing is left
			reached, err := s.reached(ctx, until)
			if err != nil || reached {
				return true, err
			}
		}
	}
	return s.settlements > 0, nil
}

// greet pings the brokers while the member has no partition, and returns a
// rejection. A client joins once it knows the topics, and does not report why it
// cannot learn them. It recovers from every other error by itself.
func (s *session) greet(ctx context.Context) error {
	if s.Refused == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	if err := s.client.Ping(ctx); s.refused(err) != nil {
		return err
	}
	return nil
}

// heartbeat is how often a member of the classic protocol asks whether a
// rebalance waits. Partitions stand still until it asks; when a member joins, it
// must ask twice. Kafka's usual 3 s alone took longer than
// TestIntegrationRollingRestart allows. In the server-side protocol the broker sets
// the interval, 5 s by default.
const heartbeat = 500 * time.Millisecond

// fetchWait is how long a broker holds a fetch for which it has no record. A
// partition assigned meanwhile has to wait for the next fetch, because the client
// first validates the epoch of its committed offset. With the client's usual 5 s,
// a partition stood still for 5.5 s whenever a member joined that had an idle
// partition on the same broker.
const fetchWait = 250 * time.Millisecond

// metadataMaxAge is how old the client's picture of the topics may be. A member of the
// classic protocol learns from it that a partition was added. The client's own default
// is five minutes.
const metadataMaxAge = time.Minute

func (s *session) options() []kgo.Opt {
	protocol := []kgo.Opt{kgo.Balancers(kgo.CooperativeStickyBalancer())}
	if s.ServerSide {
		protocol = []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer())}
	}
	var member *kgo.Client // callbacks may come before NewClient returns the client
	return append(protocol,
		kgo.ConsumerGroup(s.Group),
		kgo.ConsumeTopics(s.Topics...),
		// start.go decides where a partition without a committed offset begins.
		// Records fetched before that decision are ignored.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		// A committed offset out of range means that the log has lost records
		// that were never stored: the worker must not skip them.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.WithDecompressor(s.unpacker),
		kgo.WithPools(s.unpacker),
		kgo.SessionTimeout(s.SessionTimeout),
		kgo.RebalanceTimeout(s.SessionTimeout),
		kgo.RetryTimeoutFn(s.retryTimeout),
		kgo.WithHooks(s.Hooks...),
		kgo.HeartbeatInterval(heartbeat),
		kgo.FetchMaxWait(fetchWait),
		kgo.MetadataMaxAge(metadataMaxAge),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.AdjustFetchOffsetsFn(func(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
			return explicit(ctx, member, offsets)
		}),
		kgo.OnPartitionsAssigned(func(_ context.Context, client *kgo.Client, added map[string][]int32) {
			member = client
			s.assigned(added, +1)
		}),
		kgo.OnPartitionsRevoked(s.gone),
		kgo.OnPartitionsLost(s.gone),
		kgo.OnPartitionsCallbackBlocked(func(context.Context, *kgo.Client) {
			if h := s.hurry.Load(); h != nil {
				h.within(s.RebalanceGrace)
			}
		}),
	)
}

// retryTimeout is how long the client itself repeats a request. A commit is never
// repeated. After a lost connection the client would send the same bytes again
// and take the second answer for the outcome; the first copy would still be under
// way, and could be applied after later commits of the member. (Found by package
// model: a late copy of a completion erases the next batch's intent.) The other
// times are the client's defaults.
func (s *session) retryTimeout(key int16) time.Duration {
	switch kmsg.Key(key) {
	case kmsg.OffsetCommit:
		return time.Nanosecond
	case kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.ConsumerGroupHeartbeat:
		return s.SessionTimeout
	}
	return 30 * time.Second
}

// gone forgets revoked or lost partitions and lifts any pause on them. The client
// would remember a pause beyond the assignment. When the partition comes back,
// another member may have begun it.
func (s *session) gone(_ context.Context, client *kgo.Client, taken map[string][]int32) {
	for topic, partitions := range taken {
		for _, p := range partitions {
			tp := topicPartition{topic, p}
			delete(s.partitions, tp)
			delete(s.unread, tp)
			delete(s.aside, tp)
		}
	}
	client.ResumeFetchPartitions(taken)
	s.assigned(taken, -1)
}

func (s *session) assigned(changed map[string][]int32, sign int) {
	n := 0
	for topic, partitions := range changed {
		n += len(partitions)
		for _, p := range partitions {
			tp := topicPartition{topic, p}
			if sign > 0 {
				s.unread[tp] = true
			}
			s.log.Debug("assignment", "partition", tp.String(), "change", sign)
		}
	}
	s.health.assigned(sign * n)
	if sign > 0 {
		s.beginAt = time.Time{}
		s.health.proceeding(WaitKafka, s.log)
		s.health.proceeding(WaitLogin, s.log)
	}
}

// leave ends the membership, in bounded time: a coordinator that does not answer
// expels the member by itself.
func (s *session) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.StepTimeout)
	defer cancel()
	defer s.health.unassign() // once more: delayed callbacks run meanwhile
	s.client.AllowRebalance()
	if err := s.client.LeaveGroupContext(ctx); err != nil {
		s.log.Debug("leave the group", "error", err)
	}
	s.client.CloseAllowingRebalance()
	// Close leaves once more, in a goroutine, and then polls once more, which
	// can block that goroutine for ever (kgo v1.22.2; found by TestChaos).
	s.client.AllowRebalance()
}
