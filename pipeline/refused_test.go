package pipeline

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var (
	errLogin   = errors.New("expired")
	errRefused = errors.New("the token has expired: replace it")
)

// TestARefusedLoginIsWaitedFor: an operator who replaces a token or a
// certificate finds the worker running, with the reason in its log.
func TestARefusedLoginIsWaitedFor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.produce(0, 500)
		// After the first answered request, connections are cut on use and new
		// ones fail.
		var refusing atomic.Bool
		asked := false // under the cluster's lock
		b.cluster.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
			b.cluster.KeepControl()
			if asked && refusing.Load() {
				return nil, errors.New("cut"), true
			}
			if !asked {
				asked = true
				refusing.Store(true)
			}
			return nil, nil, false
		})
		w := b.start(b.refused(&refusing))
		time.Sleep(2 * time.Minute)
		select {
		case err := <-w.done:
			t.Fatalf("the worker ended with %v", err)
		default:
		}
		waits := w.health.Status(time.Now(), 0).Waits
		if len(waits) != 1 || waits[0].For != WaitLogin || !strings.Contains(waits[0].Error, errRefused.Error()) {
			t.Errorf("it waits for %+v, want a login, and why", waits)
		}
		refusing.Store(false)
		b.settled(500, 5*time.Minute)
		b.end(w)
		b.exact(500)
	})
}

// refused refuses the login of a worker's connections while refusing is true.
func (b *bench) refused(refusing *atomic.Bool) func(*Config) {
	return func(c *Config) {
		c.Kafka = append(c.Kafka, kgo.Dialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
			if refusing.Load() {
				return nil, errLogin
			}
			return b.net.DialContext(ctx, network, addr)
		}))
		c.Refused = func(err error) error {
			if errors.Is(err, errLogin) {
				return errRefused
			}
			return nil
		}
	}
}

// A client that never learns its topics reports no error: the worker asks by itself.
func TestALoginThatIsRefusedFromTheStartIsReported(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 10)
		var refusing atomic.Bool
		refusing.Store(true)
		w := b.start(b.refused(&refusing))
		time.Sleep(b.config().StepTimeout)
		if waits := w.health.Status(time.Now(), 0).Waits; len(waits) != 1 || waits[0].For != WaitLogin {
			t.Errorf("it waits for %+v, want a login", waits)
		}
		refusing.Store(false)
		b.settled(10, 5*time.Minute)
		b.end(w)
	})
}

// The client passes on the error of a request of its own, such as a lookup after
// a change of leaders.
func TestAnErrorOfTheClientStopsUnlessItIsARefusal(t *testing.T) {
	var stopped *stopError
	s := &session{Worker: &Worker{}}
	err := s.fetchError(kgo.FetchError{Topic: topic, Err: errLogin})
	if !errors.As(err, &stopped) || !errors.Is(err, errLogin) {
		t.Errorf("one that nothing is known of: %v", err)
	}
	s.Refused = func(error) error { return errRefused }
	if what, ok := Waiting(s.fetchError(kgo.FetchError{Topic: topic, Err: errLogin})); !ok || what != WaitKafka {
		t.Errorf("a refusal: waits for %q, %v", what, ok)
	}
}
