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
// goroutine in runSession; the group's callbacks touch partitions only while
// that goroutine waits in a poll, because polling blocks rebalancing.
type session struct {
	*Worker
	client     *kgo.Client
	partitions map[topicPartition]*partition
	// unread are the partitions that are assigned and have not begun.
	unread map[topicPartition]bool
	// hurry ends the running cycle early because a rebalance waits for it. It
	// is called from a goroutine of the client's, so it is an atomic.
	hurry atomic.Pointer[context.CancelFunc]
	// rules judge the new batches of the cycle that is under way: they change
	// between cycles, and each batch is judged by one engine.
	rules *rules.Engine
	spans spans // of that cycle
	spare spare
	// room is how many bytes the cycle that is under way may still hold.
	room atomic.Int64
	// each is how many bytes a record took in the last cycle, on average; 0
	// before the first.
	each int64
	// cycles counts the cycles that settled something.
	cycles int
}

// runSession joins the group and turns cycles until ctx is cancelled, until is
// reached (nil), or the membership is of no more use (an error). It reports
// whether it settled anything.
func (w *Worker) runSession(ctx context.Context, until offsets) (progress bool, err error) {
	s := &session{Worker: w, partitions: make(map[topicPartition]*partition), unread: make(map[topicPartition]bool)}
	s.client, err = kgo.NewClient(append(w.Kafka[:len(w.Kafka):len(w.Kafka)], s.options()...)...)
	if err != nil {
		return false, stop(fmt.Errorf("configure the Kafka client: %w", err))
	}
	defer s.leave(ctx)
	defer w.metrics.idle()
	defer w.health.unassign()
	var greeted time.Time
	for ctx.Err() == nil {
		// Not s.partitions, which callbacks may touch between polls.
		if s.health.Status(time.Now(), 0).Partitions == 0 && time.Since(greeted) >= s.BackoffMax {
			if err := s.greet(ctx); err != nil {
				return s.cycles > 0, err
			}
			greeted = time.Now()
		}
		before := s.cycles
		if err := s.cycle(ctx); err != nil {
			return s.cycles > 0, err
		}
		w.health.turn()
		if until != nil && s.cycles == before { // nothing came: perhaps nothing is left
			reached, err := s.reached(ctx, until)
			if err != nil || reached {
				return true, err
			}
		}
	}
	return s.cycles > 0, nil
}

// greet wants no refusal of the brokers, for as long as a member has no
// partition. A client joins only once it knows the topics, and does not say why
// it does not know them; all else it mends by itself.
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

// heartbeat is how often a member asks the group, by the classic protocol,
// whether a rebalance waits. Partitions stand still meanwhile, twice when a
// member joins; Kafka's usual 3 s alone made more than TestIntegrationRollingRestart
// allows. By the server-side protocol the broker says how often, 5 s unless it is
// told otherwise.
const heartbeat = 500 * time.Millisecond

// fetchWait is how long a broker holds a fetch for which it has no record. A
// partition that is assigned meanwhile is in no fetch before the next: the
// client asks first whether its committed offset's epoch still holds. With the
// client's usual 5 s a partition stood still for 5.5 s whenever a member joined
// that had an idle partition on the same broker.
const fetchWait = 250 * time.Millisecond

func (s *session) options() []kgo.Opt {
	protocol := []kgo.Opt{kgo.Balancers(kgo.CooperativeStickyBalancer())}
	if s.ServerSide {
		protocol = []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer())}
	}
	return append(protocol,
		kgo.ConsumerGroup(s.Group),
		kgo.ConsumeTopics(s.Topics...),
		// A partition without a committed offset begins where start.go says:
		// what is fetched before that is left alone.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		// Where a committed offset is out of range the log has lost records
		// that were never stored: that is never passed over silently.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.SessionTimeout(s.SessionTimeout),
		kgo.RebalanceTimeout(s.SessionTimeout),
		kgo.RetryTimeoutFn(s.retryTimeout),
		kgo.WithHooks(s.Hooks...),
		kgo.HeartbeatInterval(heartbeat),
		kgo.FetchMaxWait(fetchWait),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) { s.assigned(added, +1) }),
		kgo.OnPartitionsRevoked(s.gone),
		kgo.OnPartitionsLost(s.gone),
		kgo.OnPartitionsCallbackBlocked(func(context.Context, *kgo.Client) {
			if hurry := s.hurry.Load(); hurry != nil {
				(*hurry)()
			}
		}),
	)
}

// retryTimeout is how long the client repeats a request by itself, a commit not
// at all: after a lost connection it would send the same bytes again, take the
// second answer for the outcome, and leave the first on its way, to be applied
// when the member has committed more. (Found by package model: with it, a late
// copy of a completion erases the next batch's intent.) The other times are the
// client's own.
func (s *session) retryTimeout(key int16) time.Duration {
	switch kmsg.Key(key) {
	case kmsg.OffsetCommit:
		return time.Nanosecond
	case kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.ConsumerGroupHeartbeat:
		return s.SessionTimeout
	}
	return 30 * time.Second
}

// gone forgets partitions that were revoked or lost, and that the client was to
// hold any of them back: it remembers that beyond the assignment, and another
// member may have begun them when they come back.
func (s *session) gone(_ context.Context, client *kgo.Client, taken map[string][]int32) {
	for topic, partitions := range taken {
		for _, p := range partitions {
			tp := topicPartition{topic, p}
			delete(s.partitions, tp)
			delete(s.unread, tp)
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
		s.proceeding(waitKafka)
		s.proceeding(waitLogin)
	}
}

// leave ends the membership. It is bounded: a coordinator that does not answer
// will expel the member by itself.
func (s *session) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.StepTimeout)
	defer cancel()
	defer s.health.unassign() // callbacks that were held off ran meanwhile
	s.client.AllowRebalance()
	if err := s.client.LeaveGroupContext(ctx); err != nil {
		s.log.Debug("leave the group", "error", err)
	}
	s.client.CloseAllowingRebalance()
	// Close leaves once more, in a goroutine, and then polls once more, which
	// can block that goroutine for ever (kgo v1.22.2; found by TestChaos).
	s.client.AllowRebalance()
}
