package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// auditProgress shows how far an audit is: on a terminal one line that
// changes, elsewhere a line every few seconds.
type auditProgress struct {
	out      io.Writer
	terminal bool
	every    time.Duration
	begun    time.Time
	last     time.Time
	step     string
	unit     string
	n, total int64 // total 0: not known
	unseen   int64
	drawn    bool
}

func newAuditProgress(out io.Writer) *auditProgress {
	p := &auditProgress{out: out, every: 5 * time.Second, begun: now(), last: now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal, p.every = true, 200*time.Millisecond
	}
	return p
}

// begin begins a step of about total units.
func (p *auditProgress) begin(step, unit string, total int64) {
	p.step, p.unit, p.n, p.total = step, unit, 0, total
}

// done counts units that are done.
func (p *auditProgress) done(n int64) {
	p.n += n
	if p.unseen += n; p.unseen < 1000 { // the clock costs more than a row
		return
	}
	p.unseen = 0
	at := now()
	if at.Sub(p.last) < p.every {
		return
	}
	p.last = at
	text := fmt.Sprintf("%s: %d %s, %s", p.step, p.n, p.unit, at.Sub(p.begun).Round(time.Second))
	if p.total > 0 {
		text = fmt.Sprintf("%s: %d of %d %s, %s", p.step, p.n, p.total, p.unit, at.Sub(p.begun).Round(time.Second))
	}
	if !p.terminal {
		fmt.Fprintln(p.out, text)
		return
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s", text)
	p.drawn = true
}

// clear takes the line off the terminal.
func (p *auditProgress) clear() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}
