package load

import (
	"io"

	"tocsin/cmd/tocsin/cli"
)

// counted counts the bytes that are read, for the progress.
type counted struct {
	in    io.Reader
	shown *cli.Progress
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.shown.Done(int64(n))
	return n, err
}
