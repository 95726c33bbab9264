package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// scenario is a directed run of half a minute: two workers. The first
// ends or stops itself at a step, and the second takes over. Each is named
// after the mechanism without which it goes wrong.
type scenario struct {
	order
	otherPack bool   // the second worker has the other pack
	forget    bool   // ClickHouse remembers one token only
	brief     bool   // NATS remembers message ids for a moment only
	long      bool   // intents live for longTTL, so that a slow machine does not see one expire
	alone     bool   // the first worker goes on once its insert has landed, and before it is expelled
	edits     []edit // what else is different in the first worker, with the mechanism and without
	// happens is what happens to two workers that go on, instead of an order to one.
	happens func(ctx context.Context, r *run) error
}

var scenarios = map[string]scenario{
	// Stored and not published, and more records have come since: the second
	// worker must store the same batch again, not a larger one.
	"intent": {order: order{stepStored, 1, syscall.SIGKILL}},
	// Stored, and the answer is lost.
	"token": {order: order{stepUnanswered, 1, syscall.SIGSTOP}, alone: true, long: true},
	// Stored as a candidate and not published, and the second worker's rules
	// would not raise it.
	"pin": {order: order{stepStored, 1, syscall.SIGKILL}, otherPack: true},
	// Expelled before the intent, while others store the records in batches of
	// their own.
	"fence": {order: order{stepBeforeIntent, 1, syscall.SIGSTOP}},
	// Published, and the group does not know.
	"sequence": {order: order{stepPublished, 1, syscall.SIGKILL}, brief: true},
	// Stored, and the token is forgotten when the batch is replayed.
	"readback": {order: order{stepStored, 1, syscall.SIGKILL}, forget: true},
	// Expelled after the intent, and the token is forgotten when the worker
	// comes back and stores. It has stored before: a first batch is compared with
	// the rows between intent and store, and the worker would see what others stored.
	// It hears late that it was expelled: in time, that ends most of what it began.
	"expiry": {order: order{stepIntent, 20, syscall.SIGSTOP}, forget: true, edits: []edit{{"pipeline/deliver.go",
		"	ctx, span := s.tracing(work, step, b)\n",
		"	ctx, span := s.tracing(context.WithoutCancel(work), step, b)\n"}}},
	// ClickHouse remembers the token of a batch, and has none of its rows.
	"number": {happens: func(ctx context.Context, r *run) error {
		happened, err := r.servers.loseRows(ctx, false, 1)
		if err == nil && !happened {
			err = errors.New("no rename was trapped: no insert came, or the kernel has no seccomp")
		}
		return err
	}},
	// A topic is made again, and the group has the marks of the earlier one.
	"topic-id": {happens: func(ctx context.Context, r *run) error {
		happened, err := r.remake(ctx, Fault{N: deletedMarked*len(topicNames) + 1})
		if err == nil && !happened {
			err = errors.New("the topic was not made again")
		}
		return err
	}},
}

// Bounds and pauses of a scenario.
const (
	longTTL      = time.Minute
	joinBound    = time.Minute // until both workers have their partitions
	strikeWait   = time.Minute // until the first worker has come to the step
	takeOver     = time.Minute // until the second has stored what the first left
	trickleEvery = 50 * time.Millisecond
	brief        = 100 * time.Millisecond // the least that NATS takes
	afterwards   = 5 * time.Second        // for what a worker that stood still does next
)

// direct makes the scenario happen.
func (r *run) direct(ctx context.Context, s scenario) error {
	r.fleet.lonely = true
	o := &s.order
	if s.happens != nil {
		o = nil
	}
	first, err := r.fleet.restart(0, 0, false, o)
	if err != nil {
		return err
	}
	second := 0
	if s.otherPack {
		second = 1
	}
	if _, err := r.fleet.restart(1, second, false, nil); err != nil {
		return err
	}
	if err := r.joined(ctx); err != nil {
		return err
	}
	r.say("both workers have their partitions")
	if s.forget {
		if err := r.remember(ctx, 1); err != nil {
			return err
		}
	}
	if s.brief {
		if err := r.servers.shortenMemory(ctx); err != nil {
			return err
		}
	}
	loaded, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- r.load.trickle(loaded) }()
	if s.happens != nil {
		err = r.outlive(ctx, s)
	} else {
		err = r.takeOver(ctx, s, first)
	}
	stop()
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	if s.forget {
		return r.remember(ctx, 100_000) // a worker that starts insists on it
	}
	return nil
}

// outlive lets something happen to workers that have stored records, and go on.
func (r *run) outlive(ctx context.Context, s scenario) error {
	err := await(ctx, takeOver, "every partition has rows", func() bool {
		far, err := r.progress(ctx)
		return err == nil && far >= 0
	})
	if err == nil {
		err = s.happens(ctx, r)
	}
	if err != nil {
		return err
	}
	r.say("it has happened")
	sleep(ctx, afterwards)
	return nil
}

// takeOver waits until the first worker has ended or stopped, and until the
// second has stored more; then the first goes on, if it lives.
func (r *run) takeOver(ctx context.Context, s scenario, first *worker) error {
	stopped := s.signal == syscall.SIGSTOP
	err := await(ctx, strikeWait, fmt.Sprintf("the first worker came to step %d", s.step), func() bool {
		select {
		case <-first.process.Done():
			return !stopped
		default:
			return stopped && standsStill(first.process.Pid())
		}
	})
	if err != nil {
		return err
	}
	r.say("the first worker is at step %d: %s", s.step, s.signal)
	if s.alone {
		// The second worker has two partitions, the first an insert under way.
		err := await(ctx, takeOver, "the insert landed", func() bool {
			n, err := r.servers.http.number(ctx, "SELECT uniqExact(topic, partition) FROM events")
			return err == nil && n > partitions
		})
		if err != nil {
			return err
		}
	} else {
		// What the first worker left behind lies in its two partitions; the
		// second stores it after it has taken them over, and goes on.
		before, err := r.progress(ctx)
		if err != nil {
			return err
		}
		err = await(ctx, takeOver, "the second worker took over", func() bool {
			now, err := r.progress(ctx)
			return err == nil && now > before
		})
		if err != nil {
			return err
		}
		sleep(ctx, 2*time.Second)
	}
	if stopped {
		r.say("the first worker goes on")
		if err := first.process.Signal(syscall.SIGCONT); err != nil {
			return err
		}
	}
	sleep(ctx, afterwards)
	return nil
}

// progress is how far the partition is stored that has come least far.
func (r *run) progress(ctx context.Context) (int64, error) {
	return r.servers.http.number(ctx, fmt.Sprintf(
		"SELECT if(count() < %d, -1, min(last)) FROM (SELECT topic, partition, max(offset) AS last FROM events GROUP BY topic, partition)", 2*partitions))
}

// await waits until ok, for at most a while.
func await(ctx context.Context, bound time.Duration, what string, ok func() bool) error {
	for end := time.Now().Add(bound); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, 100*time.Millisecond) {
		if ok() {
			return nil
		}
	}
	return fmt.Errorf("not in %s: %s", bound, what)
}

// standsStill reports whether a process is stopped by a signal.
func standsStill(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, ok := strings.Cut(string(text), ") ")
	return err == nil && ok && strings.HasPrefix(after, "T")
}

// joined waits until the group is at rest and both workers have partitions.
func (r *run) joined(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.servers.broker), directly(r.servers.broker))
	if err != nil {
		return err
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	return await(ctx, joinBound, "both workers have partitions", func() bool {
		groups, err := adm.DescribeGroups(ctx, groupName)
		if err != nil {
			return false
		}
		g := groups[groupName]
		if g.State != "Stable" || len(g.Members) != 2 {
			return false
		}
		for _, m := range g.Members {
			assigned, ok := m.Assigned.AsConsumer()
			if !ok || len(assigned.Topics) == 0 {
				return false
			}
		}
		return true
	})
}

// remember has ClickHouse remember so many tokens.
func (r *run) remember(ctx context.Context, tokens int) error {
	body, err := r.servers.http.ask(ctx, fmt.Sprintf("ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = %d", tokens))
	if err != nil {
		return fmt.Errorf("set the deduplication window: %w", err)
	}
	return body.Close()
}

// shortenMemory has NATS remember message ids for a moment only.
func (s *servers) shortenMemory(ctx context.Context) error {
	conn, err := nats.Connect("nats://" + s.alerts)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, streamName)
	if err != nil {
		return err
	}
	config := stream.CachedInfo().Config
	config.Duplicates = brief
	_, err = js.UpdateStream(ctx, config)
	return err
}

// trickle produces, into every partition, a candidate of the first pack alone
// and then a record at a time, until ctx is cancelled.
func (l *load) trickle(ctx context.Context) error {
	handed := context.WithoutCancel(ctx)
	producers := l.producers(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer producers.close(handed)
	m := newMaker(l.seed, "trickle")
	for first := true; ctx.Err() == nil; first = false {
		for p := range int32(partitions) {
			for _, outage := range []bool{false, true} {
				record := m.plain(outage)
				if first {
					record = m.between(outage)
				}
				record.Partition = p
				if err := producers.produce(handed, record); err != nil {
					return err
				}
			}
		}
		sleep(ctx, trickleEvery)
	}
	return nil
}
