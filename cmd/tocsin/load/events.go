package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode"

	"tocsin/cmd/tocsin/cli"
	"tocsin/rules/event"
)

// Events are the events of a file: a general ledger, or JSON lines.
type Events struct {
	// Unread reports the lines that cannot be read.
	Unread Report

	loader  loader
	src     *source
	decoder *event.Decoder
	event   *event.Event
}

// Open opens the file and reads it once, to find the lines that cannot be read.
// Format may be auto: a file that begins with a brace holds JSON lines.
func (in *Input) Open(ctx context.Context, stdin io.Reader, stderr io.Writer) (*Events, error) {
	shown := cli.NewProgress(stderr)
	defer shown.Clear()
	src, err := openSource(in.File, stdin, shown)
	if err != nil {
		return nil, err
	}
	e := &Events{src: src, decoder: event.NewDecoder(event.Limits{MaxBytes: MaxRecord}), event: event.New(event.Types()[0])}
	if in.Format == "auto" {
		if in.Format, err = guessFormat(src); err != nil {
			src.close()
			return nil, err
		}
	}
	e.loader = in.loader()
	if e.Unread, err = e.loader.check(ctx, src); err != nil {
		src.close()
		return nil, err
	}
	return e, nil
}

func guessFormat(src *source) (string, error) {
	in, err := src.read("")
	if err != nil {
		return "", err
	}
	text := bufio.NewReader(in)
	for {
		r, _, err := text.ReadRune()
		switch {
		case errors.Is(err, io.EOF):
			return "", errors.New("the file is empty")
		case err != nil:
			return "", fmt.Errorf("read the file: %w", err)
		case r == '{':
			return "cloudevents", nil
		case r != '\ufeff' && !unicode.IsSpace(r):
			return "ads-gl", nil
		}
	}
}

// Close closes the file.
func (e *Events) Close() { e.src.close() }

// Each calls take with every event that can be read, in the order of the file.
// The event is valid until take returns.
func (e *Events) Each(ctx context.Context, take func(e *event.Event) error) error {
	err := e.loader.send(ctx, e.src, func(_ string, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if f := e.decoder.Decode(e.event, value, nil); f != nil {
			return fmt.Errorf("an event made from the file is rejected: %s %s", f.Field, f.Detail)
		}
		return take(e.event)
	})
	e.src.shown.Clear()
	return err
}
