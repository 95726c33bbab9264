package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"tocsin/rules"
	"tocsin/rules/diag"
	"tocsin/rules/event"
)

// openRules loads a pack by directory or shipped name. The error is a diag.List
// when the pack has mistakes.
func openRules(path, overrides string) (*rules.Pack, *rules.Engine, error) {
	return (&rulesConfig{Pack: path, Calendar: overrides}).openEngine()
}

// printPackError prints why a pack cannot be used.
func printPackError(command string, err error, stderr io.Writer) {
	var mistakes diag.List
	if errors.As(err, &mistakes) {
		_ = mistakes.Write(stderr) // nobody is left to tell
		fmt.Fprintf(stderr, "%s: the pack has %s\n", command, plural(len(mistakes), "mistake"))
		return
	}
	fmt.Fprintf(stderr, "%s: %v\n", command, err)
}

// eventSource yields the events of a file: a general ledger, or JSON lines.
type eventSource struct {
	load    *loadFlags
	loader  loader
	src     *loadSource
	unread  loadReport
	decoder *event.Decoder
	event   *event.Event
}

// openEvents opens a file and reads it once, to find the lines that cannot be
// read. format may be auto: a file that begins with a brace is of JSON lines.
func openEvents(ctx context.Context, f *loadFlags, stdin io.Reader, stderr io.Writer) (*eventSource, error) {
	shown := newLoadProgress(stderr)
	defer shown.clear()
	src, err := openLoadSource(f.file, stdin, shown)
	if err != nil {
		return nil, err
	}
	s := &eventSource{load: f, src: src, decoder: event.NewDecoder(event.Limits{MaxBytes: maxLoadRecord}), event: event.New(event.Types()[0])}
	if f.format == "auto" {
		if f.format, err = guessFormat(src); err != nil {
			src.close()
			return nil, err
		}
	}
	s.loader = &eventLoader{}
	if f.format == "ads-gl" {
		s.loader = &ledgerLoader{opt: f.ads}
	}
	if s.unread, err = s.loader.check(ctx, src); err != nil {
		src.close()
		return nil, err
	}
	return s, nil
}

func guessFormat(src *loadSource) (string, error) {
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

func (s *eventSource) close() { s.src.close() }

// each calls take with every event that can be read, in the order of the file.
// The event is valid until take returns.
func (s *eventSource) each(ctx context.Context, take func(e *event.Event) error) error {
	err := s.loader.send(ctx, s.src, func(_ string, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if f := s.decoder.Decode(s.event, value, nil); f != nil {
			return fmt.Errorf("an event that was made from the file is refused: %s %s", f.Field, f.Detail)
		}
		return take(s.event)
	})
	s.src.shown.clear()
	return err
}

// seenAt is when an event of a file is taken to have reached Kafka: as the flag
// says, else when it happened.
func seenAt(e *event.Event, flag time.Time) (time.Time, error) {
	if !flag.IsZero() {
		return flag, nil
	}
	f := e.Schema().Lookup("event_time")
	if !e.Has(f) {
		return time.Time{}, fmt.Errorf("the event %s tells no time, and a file has none of Kafka's: say with --observed when it was seen", eventName(e))
	}
	return e.Instant(f), nil
}

// eventName is source and id, as people look an event up.
func eventName(e *event.Event) string {
	return strings.TrimSpace(e.Text(e.Schema().Lookup("event_source")) + " " + e.Text(e.Schema().Lookup("event_id")))
}

// parseObserved reads the flag --observed.
func parseObserved(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, errors.New("--observed is an instant such as 2026-11-23T18:30:00-05:00")
	}
	return t, nil
}
