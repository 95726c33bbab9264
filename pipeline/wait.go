package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Texts of waits. An operator reads them on the status page, in the log and in
// the runbook.
const (
	// WaitKafka is the wait for the group or a broker that is away.
	WaitKafka = "Kafka"
	// WaitLogin is the wait after a rejected login (see Config.Refused): the
	// brokers are up and reject the worker, or the worker rejects them.
	WaitLogin = "Kafka: a certificate, password or token that is accepted"
	// NoAnswer is the wait for a server that let a step time out. The step's
	// name precedes it.
	NoAnswer = "no answer within step_timeout"
	// waitTail is the wait before a partition without a mark begins with its
	// last stored batch.
	waitTail = "no new rows of partitions without a committed offset"
)

// waitError is an error that passes: the server is away, full, or rejects the
// worker for now.
type waitError struct {
	what string
	err  error
}

// Wait marks err as passing: the caller retries for ever. what names the cause in a
// few words ("ClickHouse: too many parts"). It is the text that an operator reads,
// so it stays the same from one try to the next.
func Wait(what string, err error) error { return &waitError{what, err} }

func (e *waitError) Error() string { return fmt.Sprintf("%s: %v", e.what, e.err) }
func (e *waitError) Unwrap() error { return e.err }

// Waiting returns what err waits for, and false when err was not made by Wait.
func Waiting(err error) (what string, ok bool) {
	var w *waitError
	if errors.As(err, &w) {
		return w.what, true
	}
	return "", false
}

// retry repeats one step until it succeeds, with growing pauses and no last
// try. While it waits the worker is unready, and alive.
type retry struct {
	health *Health
	log    *slog.Logger
	pause  backoff
	beside bool // others run beside it: their success does not end its wait
}

// until calls try until it succeeds. An error with a wait is retried until ctx
// is cancelled; an error without one is returned.
func (r *retry) until(ctx context.Context, try func(context.Context) (wait string, err error)) error {
	was := ""
	let := func() {
		if r.beside && was != "" {
			r.health.let(was)
		}
	}
	for {
		wait, err := try(ctx)
		switch {
		case err == nil:
			let()
			if was != "" {
				r.health.proceeding(was, r.log)
			}
			return nil
		case wait == "":
			let()
			return err
		case ctx.Err() != nil:
			let()
			return ctx.Err()
		}
		if r.beside && wait != was {
			r.health.hold(wait, was)
		}
		r.health.waiting(wait, was, err, r.log)
		was = wait
		r.health.beat()
		if !r.pause.sleep(ctx) {
			let()
			return ctx.Err()
		}
	}
}

// Await retries a step of a worker's start until it succeeds, with pauses
// between min and max. An error made by Wait is retried for ever and reported
// to health and log; any other error is returned, and so is ctx's.
func Await(ctx context.Context, health *Health, log *slog.Logger, pauseMin, pauseMax time.Duration, try func(context.Context) error) error {
	r := retry{health: health, log: log, pause: backoff{min: pauseMin, max: pauseMax}}
	return r.until(ctx, func(ctx context.Context) (string, error) {
		err := try(ctx)
		if err != nil && ctx.Err() != nil {
			return "", ctx.Err()
		}
		wait, _ := Waiting(err)
		return wait, err
	})
}

// waiting logs, once, that the worker waits. instead is the step's previous wait:
// it continues under the new name.
func (h *Health) waiting(what, instead string, err error, log *slog.Logger) {
	if h.wait(what, instead, err) {
		log.Warn("waiting", "for", what, "error", err)
	}
}

// proceeding ends the wait for what, or every wait when what is empty. It logs each
// end once.
func (h *Health) proceeding(what string, log *slog.Logger) {
	for _, ended := range h.proceed(what) {
		log.Info("proceeding", "after", ended.For, "waited", time.Since(ended.Since).Round(time.Millisecond))
	}
}

// backoff is the growing pause between tries.
type backoff struct{ min, max, next time.Duration }

func (b *backoff) reset() { b.next = 0 }

// sleep pauses. It returns false when ctx is cancelled.
func (b *backoff) sleep(ctx context.Context) bool {
	b.next = min(max(b.min, 2*b.next), b.max)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(b.next):
		return true
	}
}
