package load

import (
	"context"
	"errors"
	"fmt"

	"tocsin/cmd/tocsin/load/adsgl"
	"tocsin/rules/diag"
)

// ledgerLoader loads general ledger detail. It reads the file four times: for the
// notation of numbers and dates, for each line by itself, for the journals, and for
// the journals again to send them. So a file that cannot be read produces nothing,
// and memory holds a count for each journal and the lines of journals that are not
// complete.
type ledgerLoader struct {
	opt      adsgl.Options
	file     string // name of the file in messages
	notation *adsgl.Notation
	survey   *adsgl.Survey
	buf      []byte
}

type ledgerReport struct{ *adsgl.Report }

func (r ledgerReport) BadLines() int { return r.Refused }

func (r ledgerReport) Records() int { return r.Journals }

func (l *ledgerLoader) check(ctx context.Context, src *source) (Report, error) {
	report, err := l.read(ctx, src, func(adsgl.Journal) {})
	if err != nil {
		return nil, err
	}
	report.ShowCells = src.shown.Terminal()
	if err := report.Undecided(); err != nil {
		return nil, err
	}
	return ledgerReport{report}, nil
}

// read reads the file up to its report, and passes each journal to seen.
func (l *ledgerLoader) read(ctx context.Context, src *source, seen func(adsgl.Journal)) (*adsgl.Report, error) {
	in, err := src.read("reading forms")
	if err != nil {
		return nil, err
	}
	if l.notation, err = adsgl.NewNotation(in, l.opt); err != nil {
		return nil, l.named(err)
	}
	if in, err = src.read("reading lines"); err != nil {
		return nil, err
	}
	if l.survey, err = l.notation.Survey(in); err != nil {
		return nil, l.named(err)
	}
	if in, err = src.read("joining journals"); err != nil {
		return nil, err
	}
	report, err := l.survey.Journals(in, func(j adsgl.Journal) error {
		if err := l.encode(j); err != nil {
			return err
		}
		seen(j)
		return ctx.Err()
	})
	if err != nil {
		return nil, l.named(err)
	}
	report.File = l.file
	return report, nil
}

// named puts the file's name in front of an error that has no place.
func (l *ledgerLoader) named(err error) error {
	var mistakes diag.List
	if l.file == "" || errors.As(err, &mistakes) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s: %w", l.file, err)
}

func (l *ledgerLoader) send(_ context.Context, src *source, take func(key string, value []byte) error) error {
	in, err := src.read("producing")
	if err != nil {
		return err
	}
	_, err = l.survey.Journals(in, func(j adsgl.Journal) error {
		if err := l.encode(j); err != nil {
			return err
		}
		return take(j.Key, l.buf)
	})
	return err
}

// encode writes the event into buf, or rejects a journal that is too large for a
// record.
func (l *ledgerLoader) encode(j adsgl.Journal) error {
	l.buf = j.Event.AppendJSON(l.buf[:0])
	if len(l.buf) > MaxRecord {
		return adsgl.Refusal(fmt.Sprintf("begins a journal whose event is larger than %d bytes, the most a record holds", MaxRecord))
	}
	return nil
}
