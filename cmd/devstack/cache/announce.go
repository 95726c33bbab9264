package cache

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// repeated is how often an announcement is repeated where there is no terminal.
const repeated = 15 * time.Second

// Announce reports on w that a long piece of work begins. The function that it
// returns reports the end. Meanwhile the seconds are counted: on a terminal in
// place, otherwise by a line every 15 s. A nil w prints nothing.
func Announce(w *os.File, work string) (end func(error)) {
	if w == nil {
		return func(error) {}
	}
	lineStart, lineEnd, every := "", "\n", repeated
	if term.IsTerminal(int(w.Fd())) {
		lineStart, lineEnd, every = "\r", "", time.Second
	}
	began := time.Now()
	seconds := func() time.Duration { return time.Since(began).Round(time.Second) }
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			_, _ = fmt.Fprintf(w, lineStart+"%s ... %s"+lineEnd, work, seconds())
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
		ending := "done"
		if err != nil {
			ending = "failed"
		}
		_, _ = fmt.Fprintf(w, lineStart+"%s: %s after %s\n", work, ending, seconds())
	}
}
