package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"tocsin/cmd/tocsin/load/adsgl"
	"tocsin/rules/diag"
	"tocsin/rules/event"
)

// eventLoader loads JSON lines, each a CloudEvent in structured mode, and sends
// them byte for byte.
type eventLoader struct {
	file string // its name in messages
	bad  map[int]bool
}

// eventReport describes a file of events.
type eventReport struct {
	LinesRead int             `json:"lines_read"`
	Events    int             `json:"events"`
	Types     map[string]int  `json:"types"`
	Unknown   int             `json:"unknown_members"`
	Refused   int             `json:"refused_lines"`
	Lines     []adsgl.Refused `json:"refused"`

	file string
}

func (r *eventReport) BadLines() int { return r.Refused }

func (r *eventReport) Records() int { return r.Events }

var (
	errNoEvent = errors.New("the file has no line: nothing was read")
	errWide    = errors.New("the file is UTF-16, and events are UTF-8; convert it with iconv -f UTF-16 -t UTF-8")
)

// maxListed bounds the list of refused lines; their count is complete.
const maxListed = 10_000

func (l *eventLoader) check(ctx context.Context, src *source) (Report, error) {
	l.bad = make(map[int]bool)
	report := &eventReport{Types: make(map[string]int), file: l.file}
	decoder := event.NewDecoder(event.Limits{MaxBytes: MaxRecord})
	e := event.New(event.Types()[0])
	err := eachLine(src, "reading events", func(at int, text []byte) error {
		report.LinesRead++
		f := &event.Failure{Detail: fmt.Sprintf("is longer than %d bytes", MaxRecord)}
		if text != nil {
			f = decoder.Decode(e, text, nil)
		}
		if f == nil {
			report.Events++
			report.Types[e.Type().Name]++
			report.Unknown += decoder.Unknown()
			return ctx.Err()
		}
		l.bad[at] = true
		if report.Refused++; len(report.Lines) < maxListed {
			report.Lines = append(report.Lines, adsgl.Refused{Line: at, Field: f.Field, Reason: f.Detail})
		}
		return ctx.Err()
	})
	if err == nil && report.LinesRead == 0 {
		err = errNoEvent
	}
	return report, err
}

func (l *eventLoader) send(_ context.Context, src *source, take func(key string, value []byte) error) error {
	decoder := event.NewDecoder(event.Limits{MaxBytes: MaxRecord})
	e := event.New(event.Types()[0])
	return eachLine(src, "producing", func(at int, text []byte) error {
		if l.bad[at] {
			return nil
		}
		if text == nil || decoder.Decode(e, text, nil) != nil {
			return errors.New("the file changed between two readings; load a copy that no program writes to")
		}
		return take(businessKey(e), text)
	})
}

// businessKey returns the key of an event's record, which keeps the events of one
// business object in order. The key of a document is its registrant, company code,
// fiscal year and number. The key of another event is its subject, or else its id.
func businessKey(e *event.Event) string {
	text := func(name string) string {
		if f := e.Schema().Lookup(name); f != nil {
			return e.Text(f)
		}
		return ""
	}
	if number := text("document_number"); number != "" {
		year := ""
		if f := event.Ledger.Lookup("fiscal_year"); e.Has(f) {
			year = fmt.Sprint(e.Int(f))
		}
		return text("registrant_cik") + "/" + text("company_code") + "/" + year + "/" + number
	}
	if subject := text("event_subject"); subject != "" {
		return subject
	}
	return text("event_id")
}

// eachLine calls take with each line that is not blank; text is nil when the
// line is longer than a record may be.
func eachLine(src *source, step string, take func(at int, text []byte) error) error {
	in, err := src.read(step)
	if err != nil {
		return err
	}
	lines := bufio.NewReaderSize(in, MaxRecord+2)
	mark, _ := lines.Peek(3) // a file that is too short, or fails, is noticed when it is read
	switch {
	case bytes.Equal(mark, []byte("\xef\xbb\xbf")):
		lines.Discard(3)
	case bytes.HasPrefix(mark, []byte("\xff\xfe")), bytes.HasPrefix(mark, []byte("\xfe\xff")):
		return errWide
	}
	for at := 1; ; at++ {
		text, err := lines.ReadSlice('\n')
		long := false
		for errors.Is(err, bufio.ErrBufferFull) {
			long = true
			_, err = lines.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("read line %d: %w", at, err)
		}
		last := err == io.EOF
		text = bytes.TrimSpace(text)
		if long {
			text = nil
		}
		if long || len(text) > 0 {
			if err := take(at, text); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}

// Write writes the report for people.
func (r *eventReport) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s read)\n", diag.Plural(r.Events, "event"), diag.Plural(r.LinesRead, "line"))
	for _, name := range slices.Sorted(maps.Keys(r.Types)) {
		fmt.Fprintf(&b, "  %6d %s\n", r.Types[name], name)
	}
	if r.Unknown > 0 {
		fmt.Fprintf(&b, "%d members have names that the canonical form does not know: kept and not read\n", r.Unknown)
	}
	if r.Refused > 0 {
		fmt.Fprintf(&b, "%s could not be read:\n", diag.Plural(r.Refused, "line"))
		for i, l := range r.Lines {
			if i == 50 {
				fmt.Fprintf(&b, "  and %d more (--json lists them)\n", r.Refused-i)
				break
			}
			place := fmt.Sprintf("line %d", l.Line)
			if r.file != "" {
				place = fmt.Sprintf("%s:%d", r.file, l.Line)
			}
			fmt.Fprintf(&b, "  %s: %s\n", place, strings.TrimSpace(l.Field+" "+l.Reason))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
