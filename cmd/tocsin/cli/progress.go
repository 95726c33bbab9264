package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Progress shows on a terminal how far a long command is, how fast it goes and,
// where the total is known, how long it still takes. Without a terminal it is
// silent. It is used by one goroutine.
type Progress struct {
	out      io.Writer
	terminal bool
	step     string
	unit     string
	n, total int64
	unseen   int64 // since the clock was read
	begun    time.Time
	shown    time.Time
	drawn    bool
}

// Bytes is the unit of a step that is shown in MiB.
const Bytes = "bytes"

// redraw is the least time between two states of the line.
const redraw = 200 * time.Millisecond

// NewProgress returns a Progress that writes to out if it is a terminal.
func NewProgress(out io.Writer) *Progress {
	f, ok := out.(*os.File)
	return &Progress{out: out, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// Terminal reports whether it writes to a terminal.
func (p *Progress) Terminal() bool { return p.terminal }

// Begin begins a step of total units; a total of 0 is unknown.
func (p *Progress) Begin(step, unit string, total int64) {
	p.step, p.unit, p.n, p.total, p.unseen = step, unit, 0, total, 0
	p.begun = time.Now()
	p.shown = p.begun
}

// Done counts units that are done, and shows the state from time to time.
func (p *Progress) Done(n int64) {
	p.n += n
	if !p.terminal {
		return
	}
	// Reading the clock costs more than a row.
	every := int64(1000)
	if p.total > 0 {
		every = min(every, max(p.total/1000, 1))
	}
	if p.unseen += n; p.unseen < every {
		return
	}
	p.unseen = 0
	if at := time.Now(); at.Sub(p.shown) >= redraw {
		p.shown = at
		p.drawn = true
		fmt.Fprintf(p.out, "\r\x1b[K%s", p.text(at))
	}
}

// Clear takes the line off the terminal.
func (p *Progress) Clear() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

// text is the state: step, count, rate and time left.
func (p *Progress) text(at time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", p.step)
	if p.total > 0 {
		fmt.Fprintf(&b, "%d %% of %s", min(p.n*100/p.total, 100), p.amount(p.total))
	} else {
		b.WriteString(p.amount(p.n))
	}
	took := at.Sub(p.begun)
	if took <= 0 {
		return b.String()
	}
	rate := float64(p.n) / took.Seconds()
	fmt.Fprintf(&b, ", %s/s", p.amount(int64(rate)))
	if p.total > p.n && rate > 0 {
		left := time.Duration(float64(p.total-p.n) / rate * float64(time.Second))
		fmt.Fprintf(&b, ", %s left", left.Round(time.Second))
	}
	return b.String()
}

// amount is a number of units.
func (p *Progress) amount(n int64) string {
	if p.unit == Bytes {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d %s", n, p.unit)
}
