package main

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

	"tocsin/cmd/tocsin/adsgl"
	"tocsin/rules/event"
)

// eventLoader loads JSON lines, each a CloudEvent in structured mode, and sends
// them byte for byte.
type eventLoader struct{ bad map[int]bool }

// eventReport says what a file of events holds.
type eventReport struct {
	LinesRead int             `json:"lines_read"`
	Events    int             `json:"events"`
	Types     map[string]int  `json:"types"`
	Unknown   int             `json:"unknown_members"`
	Refused   int             `json:"refused_lines"`
	Lines     []adsgl.Refused `json:"refused"`
}

func (r *eventReport) refused() int { return r.Refused }

// maxListed bounds the list of refused lines; their count is complete.
const maxListed = 10_000

func (l *eventLoader) check(ctx context.Context, src *loadSource) (loadReport, error) {
	l.bad = make(map[int]bool)
	report := &eventReport{Types: make(map[string]int)}
	decoder := event.NewDecoder(event.Limits{MaxBytes: maxLoadRecord})
	e := event.New(event.Types()[0])
	return report, eachLine(src, "reading events", func(at int, text []byte) error {
		report.LinesRead++
		f := &event.Failure{Detail: fmt.Sprintf("is longer than %d bytes", maxLoadRecord)}
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
}

func (l *eventLoader) send(_ context.Context, src *loadSource, take func(key string, value []byte) error) error {
	decoder := event.NewDecoder(event.Limits{MaxBytes: maxLoadRecord})
	e := event.New(event.Types()[0])
	return eachLine(src, "producing", func(at int, text []byte) error {
		if l.bad[at] {
			return nil
		}
		if text == nil || decoder.Decode(e, text, nil) != nil {
			return errors.New("the file changed between two readings; load a copy that nobody writes to")
		}
		return take(businessKey(e), text)
	})
}

// businessKey is the key of an event's record: events of one business object
// stay in order. A document's is the registrant, company code, fiscal year and
// number; others have the subject, and without one the id.
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
func eachLine(src *loadSource, step string, take func(at int, text []byte) error) error {
	in, err := src.read(step)
	if err != nil {
		return err
	}
	lines := bufio.NewReaderSize(in, maxLoadRecord+2)
	if mark, err := lines.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		lines.Discard(3)
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
	fmt.Fprintf(&b, "%d events (%d lines read)\n", r.Events, r.LinesRead)
	for _, name := range slices.Sorted(maps.Keys(r.Types)) {
		fmt.Fprintf(&b, "  %6d %s\n", r.Types[name], name)
	}
	if r.Unknown > 0 {
		fmt.Fprintf(&b, "%d members have names that the canonical form does not know: kept and not read\n", r.Unknown)
	}
	if r.Refused > 0 {
		fmt.Fprintf(&b, "%d lines could not be read:\n", r.Refused)
		for i, l := range r.Lines {
			if i == 50 {
				fmt.Fprintf(&b, "  and %d more (--json lists them)\n", r.Refused-i)
				break
			}
			fmt.Fprintf(&b, "  line %d: %s\n", l.Line, strings.TrimSpace(l.Field+" "+l.Reason))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
