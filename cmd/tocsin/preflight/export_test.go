package preflight

import (
	"context"
	"time"

	"tocsin/cmd/tocsin/config"
	"tocsin/sinks/nats"
)

// Hazards are the hazards that a worker finds by a clock.
func Hazards(ctx context.Context, c *config.Config, stream *nats.Sink, clock func() time.Time) []result {
	return probe{c, clock}.hazards(ctx, stream)
}
