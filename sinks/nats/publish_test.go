package nats_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/sinks/nats"
	"tocsin/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	s := start(t)
	js := admin(t, s)
	sinktest.Publisher(t, func(t *testing.T) (pipeline.Publisher, sinktest.ReadAlerts) {
		return open(t, config(s)), func(ctx context.Context) ([]string, error) { return ids(ctx, js) }
	})
}

func TestConcurrentPublishers(t *testing.T) {
	s := start(t)
	var group sync.WaitGroup
	const workers, matters = 8, 100
	for i := range workers {
		sink := open(t, config(s)) // a connection each, as workers have
		group.Go(func() {
			mine := alerts(0, matters)
			for j := range mine {
				mine[j].Verdict.Finding.Severity = rules.Severity(1 + i%4)
			}
			if err := sink.Publish(t.Context(), mine); err != nil {
				t.Error(err)
			}
			if got := sink.Stats(); got.Published+got.Duplicates != matters {
				t.Errorf("counted %+v, want %d together", got, matters)
			}
		})
	}
	group.Wait()
	exactly(t, admin(t, s), matters)
}

// TestDuplicateAfterTheWindow publishes again when the server has forgotten the
// message ids, so that the expected sequence alone is left.
func TestDuplicateAfterTheWindow(t *testing.T) {
	s := start(t)
	js := admin(t, s)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "DISCLOSURE", Subjects: []string{"disclosure.candidate.>"},
		Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, DenyDelete: true, DenyPurge: true, Duplicates: 100 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	sink := open(t, config(s))
	if err := sink.Publish(t.Context(), alerts(0, 3)); err != nil {
		t.Fatal(err)
	}
	for repeats := 0; ; repeats++ { // a later message's id being forgotten, so are the alerts'
		ack, err := js.Publish(t.Context(), "disclosure.candidate.probe", nil, jetstream.WithMsgID("probe"))
		if err != nil {
			t.Fatal(err)
		}
		if repeats > 0 && !ack.Duplicate {
			break
		}
	}
	again := alerts(0, 4)
	again[1].Verdict.Finding.Severity = rules.S4
	again[2].Event = nil
	if err := sink.Publish(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if got, want := sink.Stats(), (nats.Stats{Published: 4, Duplicates: 3}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	exactly(t, js, 4)
}

// TestServerRestartsWhilePublishing repeats what failed, as the loop does.
func TestServerRestartsWhilePublishing(t *testing.T) {
	s := start(t)
	c := config(s)
	sink := open(t, c)
	const batches, size = 60, 20
	begun, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := range batches {
			if i == batches/4 {
				close(begun)
			}
			for {
				err := sink.Publish(t.Context(), alerts(i*size, size))
				if err == nil {
					break
				}
				if _, ok := pipeline.Waiting(err); !ok {
					done <- err
					return
				}
				<-time.After(10 * time.Millisecond) // the loop's back-off
			}
		}
		done <- nil
	}()
	<-begun
	same := at(s)
	stop(s)
	again := start(t, same)
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(bound):
		t.Fatal("did not end after the server was back")
	}
	exactly(t, admin(t, again), batches*size)
	for _, id := range []int{0, batches*size - 1} {
		missing, err := sink.Missing(t.Context(), []string{"absent", alert(id).Verdict.Finding.CandidateID})
		if err != nil || len(missing) != 1 || missing[0] != "absent" {
			t.Errorf("missing: %q, %v; want absent alone", missing, err)
		}
	}
}

func TestPublishWaits(t *testing.T) {
	t.Run("server away", func(t *testing.T) {
		s := start(t)
		sink := open(t, config(s))
		stop(s)
		waits(t, sink.Publish(t.Context(), alerts(0, 3)), "NATS: not connected")
	})
	t.Run("stream missing", func(t *testing.T) {
		s := start(t)
		sink := open(t, config(s))
		if err := admin(t, s).DeleteStream(t.Context(), "DISCLOSURE"); err != nil {
			t.Fatal(err)
		}
		waits(t, sink.Publish(t.Context(), alerts(0, 3)), "NATS: no stream takes the alerts")
	})
	t.Run("stream full", func(t *testing.T) {
		s := start(t)
		js := admin(t, s)
		full := jetstream.StreamConfig{Name: "DISCLOSURE", Subjects: []string{"disclosure.candidate.>"}, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, DenyDelete: true, DenyPurge: true, MaxMsgs: 2}
		if _, err := js.CreateStream(t.Context(), full); err != nil {
			t.Fatal(err)
		}
		sink := open(t, config(s))
		waits(t, sink.Publish(t.Context(), alerts(0, 3)), "NATS: the stream is full or cannot write")
		full.MaxMsgs = -1
		if _, err := js.UpdateStream(t.Context(), full); err != nil {
			t.Fatal(err)
		}
		if err := sink.Publish(t.Context(), alerts(0, 3)); err != nil {
			t.Error(err)
		}
		exactly(t, js, 3)
	})
	t.Run("not permitted", func(t *testing.T) {
		s := start(t, func(o *server.Options) {
			o.Users = []*server.User{{Username: "admin", Password: "a"},
				{Username: "tocsin", Password: "t", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"disclosure.>"}}}}}
		})
		c := config(s)
		c.User, c.Password, c.PublishTimeout = "tocsin", "t", 2*time.Second
		waits(t, open(t, c).Publish(t.Context(), alerts(0, 1)), "NATS: a permission that the user has not")
	})
	t.Run("deadline", func(t *testing.T) {
		s := start(t)
		sink := open(t, config(s))
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		waits(t, sink.Publish(ctx, alerts(0, 1)), "NATS: no answer in time")
	})
	t.Run("cancelled", func(t *testing.T) {
		s := start(t)
		sink := open(t, config(s))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := sink.Publish(ctx, alerts(0, 1))
		if _, ok := pipeline.Waiting(err); ok || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want one that is context.Canceled", err)
		}
	})
}

// TestContextEndsUnanswered: an alert that was sent and not acknowledged when
// the context ends is not published.
func TestContextEndsUnanswered(t *testing.T) {
	s := start(t, func(o *server.Options) { // the server answers a publish that it does not permit with silence
		o.Users = []*server.User{{Username: "admin", Password: "a"},
			{Username: "tocsin", Password: "t", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"disclosure.>"}}}}}
	})
	c := config(s)
	c.User, c.Password, c.PublishTimeout = "tocsin", "t", bound
	sink := open(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := sink.Publish(ctx, alerts(0, 1)); err == nil {
		t.Error("published without an acknowledgement")
	}
	if got := sink.Stats(); got != (nats.Stats{}) {
		t.Errorf("counted %+v, want none", got)
	}
}

// TestPasswordChangesWhileRunning: refused credentials are waited for, and the
// connection heals when the server knows them again.
func TestPasswordChangesWhileRunning(t *testing.T) {
	s := start(t, func(o *server.Options) { o.Username, o.Password = "tocsin", "one" })
	c := config(s)
	c.User, c.Password = "tocsin", "one"
	sink := open(t, c)
	restart := func(password string) {
		same := at(s)
		stop(s)
		s = start(t, same, func(o *server.Options) { o.Username, o.Password = "tocsin", password })
	}
	until := func(done func(error) bool) {
		t.Helper()
		for limit := time.After(bound); ; {
			err := sink.Publish(t.Context(), alerts(0, 2))
			if done(err) {
				return
			}
			if _, ok := pipeline.Waiting(err); !ok {
				t.Fatalf("stops with %v", err)
			}
			select {
			case <-limit:
				t.Fatalf("still %v", err)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	restart("two")
	until(func(err error) bool {
		what, _ := pipeline.Waiting(err)
		return what == "NATS: credentials are refused"
	})
	restart("one")
	until(func(err error) bool { return err == nil })
	exactly(t, admin(t, s, client.UserInfo("tocsin", "one")), 2)
}

func TestAlertWithoutIDIsADefect(t *testing.T) {
	sink := open(t, config(start(t)))
	for _, id := range []string{"", "a.b", "*", ">"} {
		a := alert(0)
		a.Verdict.Finding.CandidateID = id
		err := sink.Publish(t.Context(), []pipeline.Alert{a})
		if _, ok := pipeline.Waiting(err); ok || err == nil {
			t.Errorf("id %q: %v; want an error that stops", id, err)
		}
	}
}
