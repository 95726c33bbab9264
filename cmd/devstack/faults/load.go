package faults

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// place names a record.
type place struct {
	partition
	offset int64
}

func (p place) String() string { return fmt.Sprintf("%s@%d", p.partition, p.offset) }

// load produces records: most of them one by one with an idempotent producer,
// some in transactions. It aborts a part of the transactions on purpose. It
// reaches the broker directly, not through the proxy.
type load struct {
	broker string
	seed   uint64
	rate   int // records a second, on average
	gate   gate

	mu    sync.Mutex
	acked map[place][sha256.Size]byte
	void  map[place]bool // records that were aborted for certain
}

// newLoad makes a load for topics as they are now.
func newLoad(broker string, seed uint64, rate int, now *logs) *load {
	l := &load{broker: broker, seed: seed, rate: rate, acked: make(map[place][sha256.Size]byte), void: make(map[place]bool)}
	l.gate.topics = make(map[string]*gated)
	for topic, id := range now.ids {
		l.gate.topics[topic] = &gated{id: id, width: now.widths[topic]}
	}
	return l
}

// directly reaches the broker past the address that it advertises.
func directly(broker string) kgo.Opt {
	return kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, broker)
	})
}

// run produces until ctx is cancelled, and waits for what it handed over.
func (l *load) run(ctx context.Context) error {
	var group errgroup.Group
	group.Go(func() error { return l.plain(ctx) })
	group.Go(func() error { return l.transactions(ctx) })
	return group.Wait()
}

// settleBound is how long a producer waits at the end for what it handed over.
// A transaction that is open then stays open: the topic shows its outcome.
const settleBound = 30 * time.Second

// plain produces with an idempotent producer for each topic, in bursts and lulls.
func (l *load) plain(ctx context.Context) error {
	m, pace := newMaker(l.seed, "plain"), newPace(l.seed, l.rate*4/5)
	// A record handed over is not taken back: its outcome would be unknown.
	handed := context.WithoutCancel(ctx)
	producers := l.producers(kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(20_000))
	defer func() {
		bounded, cancel := context.WithTimeout(handed, settleBound)
		defer cancel()
		producers.close(bounded)
	}()
	for n := range pace.ticks(ctx) {
		for range n {
			if err := producers.produce(handed, m.next()); err != nil {
				return err
			}
		}
	}
	return nil
}

// acknowledged notes records that are there, whose topics cannot change meanwhile.
func (l *load) acknowledged(all ...*kgo.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range all {
		l.acked[l.placeOf(r)] = sha256.Sum256(r.Value)
	}
}

func (l *load) placeOf(r *kgo.Record) place {
	return place{partition{r.Topic, l.gate.at(r.Topic, nil).id, r.Partition}, r.Offset}
}

// Transactions of the load.
const (
	transactionSize  = 40
	transactionBound = 8 * time.Second // then the broker aborts it
	abortedIn        = 4
)

// transactions produces in transactions and aborts one in abortedIn. A
// transaction whose end is unknown counts as neither.
func (l *load) transactions(ctx context.Context) error {
	m, pace := newMaker(l.seed, "txn"), newPace(l.seed+1, l.rate/5)
	var client *kgo.Client
	defer func() {
		if client != nil {
			client.Close()
		}
	}()
	owed, changes := 0, 0
	for n := range pace.ticks(ctx) {
		if owed += n; owed < transactionSize {
			continue
		}
		owed = 0
		records, changed, leave := l.admitted(m)
		if client != nil && changed != changes {
			client.Close()
			client = nil
		}
		if changes = changed; client == nil {
			var err error
			client, err = kgo.NewClient(kgo.SeedBrokers(l.broker), directly(l.broker), kgo.TransactionalID("faults"), kgo.TransactionTimeout(transactionBound),
				kgo.RecordDeliveryTimeout(transactionBound))
			if err != nil {
				leave(false)
				return fmt.Errorf("load: %w", err)
			}
		}
		committed, err := l.transaction(ctx, client, records, m.rand.IntN(abortedIn) != 0)
		leave(committed)
		if err != nil {
			client.Close() // the next one fences it
			client = nil
		}
	}
	return nil
}

// admitted makes the records of a transaction for the topics that are open. changed
// is how often they were changed, and leave is to be called with its outcome.
func (l *load) admitted(m *maker) (records []*kgo.Record, changed int, leave func(committed bool)) {
	inside := make(map[string]int)
	shut := make(map[string]bool)
	for range transactionSize {
		r := m.next()
		if shut[r.Topic] {
			continue
		}
		change, ok := l.gate.enter(r.Topic, 1)
		if !ok {
			shut[r.Topic] = true
			continue
		}
		if inside[r.Topic]++; inside[r.Topic] == 1 {
			changed += change
		}
		records = append(records, r)
	}
	return records, changed, func(committed bool) {
		for topic, n := range inside {
			l.gate.leave(topic, n, n*count(committed))
		}
	}
}

// transaction produces records in a transaction, and reports whether it was committed
// for certain.
func (l *load) transaction(ctx context.Context, client *kgo.Client, records []*kgo.Record, commit bool) (committed bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBound)
	defer cancel()
	if err := client.BeginTransaction(); err != nil {
		return false, err
	}
	results := client.ProduceSync(ctx, records...)
	failed := results.FirstErr()
	if err := client.EndTransaction(ctx, kgo.TransactionEndTry(commit && failed == nil)); err != nil {
		return false, err
	}
	switch {
	case failed != nil:
		return false, failed
	case commit:
		l.acknowledged(records...)
	default:
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, r := range records {
			l.void[l.placeOf(r)] = true
		}
	}
	return commit, nil
}

// pace returns how many records to produce when.
type pace struct {
	rand *rand.Rand
	rate int
}

func newPace(seed uint64, rate int) *pace { return &pace{rand.New(rand.NewPCG(seed, 7)), rate} }

// tick is how often a producer is given records to produce.
const tick = 20 * time.Millisecond

// ticks yields, a tick at a time, how many records are due, until ctx is
// cancelled: at the rate, at three times the rate, or none, for some seconds
// each.
func (p *pace) ticks(ctx context.Context) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		t := time.NewTicker(tick)
		defer t.Stop()
		due, factor, left := 0.0, 1.0, 0
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			if left == 0 {
				factor, left = []float64{1, 1, 1, 3, 0, 0}[p.rand.IntN(6)], 50+p.rand.IntN(200)
			}
			left--
			due += float64(p.rate) * factor * tick.Seconds()
			n := int(due)
			due -= float64(n)
			if !yield(n) {
				return
			}
		}
	}
}

// seal puts a plain record at the end of every partition, once no transaction
// is open. A worker that ends when the topics are drained compares committed
// offsets with the partitions' ends, which the marker of a transaction, for
// want of a record after it, would leave out of reach.
func (l *load) seal(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.broker), directly(l.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer client.Close()
	if _, err := stableEnds(ctx, client, contractTopic, outageTopic); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	m := newMaker(l.seed, "seal")
	for _, topic := range []string{contractTopic, outageTopic} {
		for p := range l.gate.at(topic, nil).width {
			r := m.plain(topic == outageTopic)
			r.Partition = p
			if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
				return fmt.Errorf("load: %w", err)
			}
			l.acknowledged(r)
			l.gate.leave(topic, 0, 1)
		}
	}
	return nil
}

// compare demands that the topics hold every acknowledged record, and returns how
// many aborted records they hold. Apache Kafka 4.4 showed some: it was killed
// between its answer to an abort and the marker, and after its restart the
// producer's next transaction committed them too. They count as produced,
// because that is how every reader finds them.
func (l *load) compare(topics map[partition][]record) (revived int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := make(map[place][sha256.Size]byte)
	for p, records := range topics {
		for _, r := range records {
			held[place{p, r.offset}] = r.hash
		}
	}
	for at, hash := range l.acked {
		if got, ok := held[at]; !ok || got != hash {
			return 0, fmt.Errorf("the broker acknowledged %s and does not hold it as it was sent: nothing can be said of the workers", at)
		}
	}
	for at := range l.void {
		if _, ok := held[at]; ok {
			revived++
		}
	}
	return revived, nil
}
