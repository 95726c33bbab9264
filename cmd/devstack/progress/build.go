package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"time"
)

// build reports a go build -v: it prints every line but the names of packages,
// which it counts.
type build struct {
	compiled int
	last     string
}

// every is how many packages are compiled until a line reports their number.
const every = 50

// compiled matches the name of a package, which go build -v prints alone on a
// line as it compiles it.
var compiled = regexp.MustCompile(`^[\w.~-]+(/[\w.~-]+)*$`)

func (b *build) line(text []byte, out io.Writer) {
	if name := bytes.TrimSpace(text); compiled.Match(name) {
		b.compiled, b.last = b.compiled+1, string(name)
		if b.compiled%every == 0 {
			_, _ = fmt.Fprintf(out, "  %d packages compiled\n", b.compiled)
		}
		return
	}
	_, _ = out.Write(text)
}

func (b *build) now(time.Time) string {
	if b.last == "" {
		return "  still at it: go has compiled nothing so far"
	}
	return fmt.Sprintf("  still at it: %d packages compiled, %s among the last", b.compiled, b.last)
}

func (b *build) end(took time.Duration, out io.Writer) {
	if b.compiled > 0 {
		_, _ = fmt.Fprintf(out, "  %d packages compiled in %s\n", b.compiled, took.Round(time.Second))
	}
}
