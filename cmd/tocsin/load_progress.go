package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// counted counts what is read, for the progress.
type counted struct {
	in    io.Reader
	shown *loadProgress
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.shown.bytes(int64(n))
	return n, err
}

// loadProgress shows how far a load is: on a terminal one line that changes,
// elsewhere a line every few seconds.
type loadProgress struct {
	out         io.Writer
	terminal    bool
	every       time.Duration
	last        time.Time
	step        string
	done, total int64
	sent        int
	drawn       bool
}

func newLoadProgress(out io.Writer) *loadProgress {
	p := &loadProgress{out: out, every: 5 * time.Second, last: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal, p.every = true, 200*time.Millisecond
	}
	return p
}

func (p *loadProgress) begin(step string, total int64) {
	p.step, p.done, p.total = step, 0, total
}

func (p *loadProgress) bytes(n int64) {
	p.done += n
	now := time.Now()
	if now.Sub(p.last) < p.every {
		return
	}
	p.last = now
	percent := int64(100)
	if p.total > 0 {
		percent = min(p.done*100/p.total, 100)
	}
	text := fmt.Sprintf("%s: %d %% of %d MiB", p.step, percent, p.total>>20)
	if p.sent > 0 {
		text += fmt.Sprintf(", %d records", p.sent)
	}
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s", text)
		p.drawn = true
		return
	}
	fmt.Fprintln(p.out, text)
}

func (p *loadProgress) records(sent int) { p.sent = sent }

// clear takes the line off the terminal.
func (p *loadProgress) clear() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}
