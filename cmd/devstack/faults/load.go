package faults

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// place names a record.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("%s/%d@%d", p.topic, p.partition, p.offset) }

// load produces records: most of them one by one with an idempotent producer,
// some in transactions, of which a part is aborted on purpose. It speaks to the
// broker itself, not through the proxy.
type load struct {
	broker string
	seed   uint64
	rate   int // records a second, on average

	count atomic.Int64 // records acknowledged and, in transactions, committed
	mu    sync.Mutex
	acked map[place][sha256.Size]byte
	void  map[place]bool // records that were aborted for certain
}

func newLoad(broker string, seed uint64, rate int) *load {
	return &load{broker: broker, seed: seed, rate: rate, acked: make(map[place][sha256.Size]byte), void: make(map[place]bool)}
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
// What is open then is open: the topic says what became of it.
const settleBound = 30 * time.Second

// plain produces with an idempotent producer, in bursts and lulls.
func (l *load) plain(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.broker), directly(l.broker), kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(20_000))
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer client.Close()
	m, pace := newMaker(l.seed, "plain"), newPace(l.seed, l.rate*4/5)
	// A record handed over is not taken back: its outcome would be unknown.
	handed := context.WithoutCancel(ctx)
	for n := range pace.ticks(ctx) {
		for range n {
			client.Produce(handed, m.next(), func(r *kgo.Record, err error) {
				if err == nil {
					l.acknowledged(r)
				}
			})
		}
	}
	bounded, cancel := context.WithTimeout(handed, settleBound)
	defer cancel()
	_ = client.Flush(bounded)
	return nil
}

func (l *load) acknowledged(all ...*kgo.Record) {
	l.mu.Lock()
	for _, r := range all {
		l.acked[place{r.Topic, r.Partition, r.Offset}] = sha256.Sum256(r.Value)
	}
	l.mu.Unlock()
	l.count.Add(int64(len(all)))
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
	owed := 0
	for n := range pace.ticks(ctx) {
		if owed += n; owed < transactionSize {
			continue
		}
		owed = 0
		if client == nil {
			var err error
			client, err = kgo.NewClient(kgo.SeedBrokers(l.broker), directly(l.broker), kgo.TransactionalID("faults"), kgo.TransactionTimeout(transactionBound),
				kgo.RecordDeliveryTimeout(transactionBound))
			if err != nil {
				return fmt.Errorf("load: %w", err)
			}
		}
		if err := l.transaction(ctx, client, m); err != nil {
			client.Close() // the next one fences it
			client = nil
		}
	}
	return nil
}

func (l *load) transaction(ctx context.Context, client *kgo.Client, m *maker) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBound)
	defer cancel()
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	records := make([]*kgo.Record, transactionSize)
	for i := range records {
		records[i] = m.next()
	}
	commit := m.rand.IntN(abortedIn) != 0
	results := client.ProduceSync(ctx, records...)
	failed := results.FirstErr()
	if err := client.EndTransaction(ctx, kgo.TransactionEndTry(commit && failed == nil)); err != nil {
		return err
	}
	switch {
	case failed != nil:
		return failed
	case commit:
		l.acknowledged(records...)
	default:
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, r := range records {
			l.void[place{r.Topic, r.Partition, r.Offset}] = true
		}
	}
	return nil
}

// pace says how many records to produce when.
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
	if _, err := stableEnds(ctx, client); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	m := newMaker(l.seed, "seal")
	for p := range int32(partitions) {
		for _, outage := range []bool{false, true} {
			r := m.plain(outage)
			r.Partition = p
			if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
				return fmt.Errorf("load: %w", err)
			}
			l.acknowledged(r)
		}
	}
	return nil
}

// compare wants of the topics what the broker acknowledged, and says how many
// records they hold that were aborted. Apache Kafka 4.4 was seen to show some:
// killed between its answer to an abort and the marker, it let the producer's
// next transaction, once restarted, commit them too. They count as produced,
// because that is how every reader finds them.
func (l *load) compare(topics map[partition][]record) (revived int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := make(map[place][sha256.Size]byte)
	for p, records := range topics {
		for _, r := range records {
			held[place{p.topic, p.number, r.offset}] = r.hash
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
