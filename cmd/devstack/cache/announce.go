package cache

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// Announce says on w what goes on, and returns what says how it ended. On a
// terminal the seconds are counted meanwhile. A nil w hears nothing.
func Announce(w *os.File, what string) func(error) {
	if w == nil {
		return func(error) {}
	}
	began := time.Now()
	seconds := func() time.Duration { return time.Since(began).Round(time.Second) }
	closing := func(err error) string {
		if err != nil {
			return "failed"
		}
		return "done"
	}
	if !term.IsTerminal(int(w.Fd())) {
		_, _ = fmt.Fprintf(w, "%s ...\n", what)
		return func(err error) { _, _ = fmt.Fprintf(w, "%s: %s after %s\n", what, closing(err), seconds()) }
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			_, _ = fmt.Fprintf(w, "\r%s ... %s", what, seconds())
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return func(err error) {
		close(stop)
		<-stopped
		_, _ = fmt.Fprintf(w, "\r%s: %s after %s\n", what, closing(err), seconds())
	}
}
