package pipeline

import (
	"context"
	"log/slog"
	"time"
)

// Await tries a step of a worker's start until it succeeds. An error made by
// Wait is waited for, with growing pauses between min and max, without end, and
// told to health and log once; any other error is returned, and so is ctx's.
func Await(ctx context.Context, health *Health, log *slog.Logger, pauseMin, pauseMax time.Duration, try func(context.Context) error) error {
	pause := backoff{min: pauseMin, max: pauseMax}
	for was := ""; ; {
		err := try(ctx)
		what, passes := Waiting(err)
		switch {
		case err == nil:
			for _, ended := range health.proceed("") {
				log.Info("proceeding", "after", ended.For, "waited", time.Since(ended.Since).Round(time.Millisecond))
			}
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !passes:
			return err
		}
		if health.wait(what, was, err) {
			log.Warn("waiting", "for", what, "error", err)
		}
		was = what
		health.turn()
		if !pause.sleep(ctx) {
			return ctx.Err()
		}
	}
}
