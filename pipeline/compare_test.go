package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// interrupted is the store of a worker that stands still inside its first comparison
// of a mark with the rows: the process or its machine is suspended.
type interrupted struct {
	*memory
	reached, resume chan struct{}
}

func (i *interrupted) Tail(ctx context.Context, log Log, near int64) (Tail, bool, error) {
	select {
	case <-i.reached:
	default:
		close(i.reached)
		<-i.resume
	}
	return i.memory.Tail(context.WithoutCancel(ctx), log, near) // it knows nothing of what happened
}

// A worker stands still between the read of a mark and the look at the rows. Another
// member stores beyond the mark meanwhile. That is no contradiction, and does not stop
// the worker.
func TestAMarkThatAnotherMovedIsNoContradiction(t *testing.T) {
	for _, c := range []struct {
		name    string
		waiting int  // records that wait when the worker begins; 0: it is idle
		back    bool // its connections are back before it goes on
	}{
		{"with a batch", 100, true},
		{"with a batch, cut off", 100, false},
		{"idle", 0, true},
		{"idle, cut off", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := newBench(t, 1)
				b.produce(0, 100)
				w := b.start()
				b.settled(100, time.Minute)
				b.end(w)
				b.produce(100, c.waiting)
				n := 100 + c.waiting
				cable := &gate{dial: b.net.DialContext}
				store := &interrupted{b.sink, make(chan struct{}), make(chan struct{})}
				first := b.startOn(store, cable.plug(b))
				<-store.reached
				cable.set(true)
				second := b.start()
				b.settled(n, 5*time.Minute)
				b.produce(n, 100)
				b.settled(n+100, 5*time.Minute)
				if c.back {
					cable.set(false)
				}
				close(store.resume)
				time.Sleep(time.Minute)
				cable.set(false)
				b.end(second)
				b.produce(n+100, 100)
				b.settled(n+200, 5*time.Minute)
				b.end(first)
				b.exact(n + 200)
			})
		})
	}
}

// unfinished is a store whose inserts take effect and are answered late.
type unfinished struct {
	*memory
	stored, answer chan struct{}
}

func (u *unfinished) Store(ctx context.Context, b *Batch) error {
	err := u.memory.Store(ctx, b)
	select {
	case <-u.stored:
	default:
		close(u.stored)
	}
	<-u.answer
	return err
}

// A worker has declared a batch and stands still before its comparison. Another member
// replays that batch meanwhile, and has not yet committed its completion. So the
// group's mark is still the one that the first worker committed, and the rows go
// beyond the mark at which it began. They hold exactly what it promised.
func TestRowsOfOnesOwnPromiseAreNoContradiction(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 100)
		w := b.start()
		b.settled(100, time.Minute)
		b.end(w)
		b.produce(100, 100)
		first := &interrupted{b.sink, make(chan struct{}), make(chan struct{})}
		one := b.startOn(first, func(c *Config) { c.RebalanceGrace = 40 * time.Second })
		<-first.reached
		b.expel()
		second := &unfinished{b.sink, make(chan struct{}), make(chan struct{})}
		two := b.startOn(second)
		<-second.stored
		close(first.resume)
		time.Sleep(time.Second)
		close(second.answer)
		b.produce(200, 100)
		b.settled(300, 5*time.Minute)
		b.end(one)
		b.end(two)
		b.exact(300)
	})
}

// A mark is set back to the beginning of the last batch, and the worker happens to cut
// the same batch. The store has forgotten the batch's token. Its rows are found all the
// same.
func TestABatchThatIsCutAgainIsLookedFor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 100)
		w := b.start()
		b.settled(100, time.Minute)
		b.end(w)
		b.sink.set(func() { clear(b.sink.tokens) })
		b.commitMark(0, 0, mark{})
		w = b.start()
		b.produce(100, 100)
		b.settled(200, 5*time.Minute)
		b.end(w)
		b.exact(200)
	})
}

// expel takes every member out of the group, as the coordinator does when it hears
// nothing of them.
func (b *bench) expel() {
	b.t.Helper()
	client := b.client()
	defer client.Close()
	described, err := kadm.NewClient(client).DescribeGroups(b.t.Context(), "tocsin")
	if err != nil {
		b.t.Fatal(err)
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = "tocsin"
	for _, m := range described["tocsin"].Members {
		one := kmsg.NewLeaveGroupRequestMember()
		one.MemberID = m.MemberID
		leave.Members = append(leave.Members, one)
	}
	if _, err := leave.RequestWith(b.t.Context(), client); err != nil || len(leave.Members) == 0 {
		b.t.Fatalf("expel %d members: %v", len(leave.Members), err)
	}
}
