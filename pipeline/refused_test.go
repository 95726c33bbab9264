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

// TestARefusedLoginIsWaitedFor: whoever replaces a token or a certificate finds
// the worker running, and told why.
func TestARefusedLoginIsWaitedFor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.produce(0, 500)
		// Once a first request is answered, connections are cut when they are
		// used, and no more are made.
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
		w := b.start(func(c *Config) {
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
		})
		time.Sleep(2 * time.Minute)
		select {
		case err := <-w.done:
			t.Fatalf("the worker ended with %v", err)
		default:
		}
		waits := w.health.Status(time.Now(), 0).Waits
		if len(waits) != 1 || waits[0].For != waitLogin || !strings.Contains(waits[0].Error, errRefused.Error()) {
			t.Errorf("it waits for %+v, want a login, and why", waits)
		}
		refusing.Store(false)
		b.settled(500, 5*time.Minute)
		b.end(w)
		b.exact(500)
	})
}

// The client hands on what a broker says to a request of its own, as when it
// looks for a place after a change of leaders.
func TestAnErrorOfTheClientStopsUnlessItIsARefusal(t *testing.T) {
	var stopped *stopError
	s := &session{Worker: &Worker{}}
	err := s.fetchError(kgo.FetchError{Topic: topic, Err: errLogin})
	if !errors.As(err, &stopped) || !errors.Is(err, errLogin) {
		t.Errorf("one that nothing is known of: %v", err)
	}
	s.Refused = func(error) error { return errRefused }
	if what, ok := Waiting(s.fetchError(kgo.FetchError{Topic: topic, Err: errLogin})); !ok || what != waitKafka {
		t.Errorf("a refusal: waits for %q, %v", what, ok)
	}
}
