package audit

import (
	"errors"
	"flag"
	"time"

	"tocsin/cmd/tocsin/cli"
)

// window is the range of time whose batches are audited. The zero time is no bound.
type window struct {
	from, to time.Time
	last     time.Duration // up to the start of the audit; 0: from and to hold
}

// windowFlags defines --from, --to and --last.
func windowFlags(flags *flag.FlagSet) *window {
	w := new(window)
	flags.Func("from", "audit batches with records of this `instant` or later, by Kafka's timestamp: RFC 3339, or a date, in UTC", cli.Instant(&w.from))
	flags.Func("to", "audit batches with records before this `instant`", cli.Instant(&w.to))
	flags.Func("last", "audit batches with records of the last `duration`, such as 26h: --from that long before the start of the audit", func(text string) (err error) {
		if w.last, err = time.ParseDuration(text); err != nil || w.last <= 0 {
			return errors.New("want a duration above zero, such as 26h or 90m")
		}
		return nil
	})
	return w
}

// begin rejects contradictory bounds, and sets the bound of --last for an audit that
// begins now.
func (w *window) begin(now time.Time) error {
	switch {
	case w.last > 0 && (!w.from.IsZero() || !w.to.IsZero()):
		return cli.Usagef("--last excludes --from and --to: it ends at the start of the audit")
	case w.last > 0:
		w.from = now.UTC().Add(-w.last)
	case !w.from.IsZero() && !w.to.IsZero() && !w.from.Before(w.to):
		return cli.Usagef("--from must be before --to")
	}
	return nil
}
