package main

import (
	"context"
	"fmt"

	"tocsin/cmd/tocsin/adsgl"
)

// ledgerLoader loads general ledger detail. It reads the file three times: each
// line by itself, the journals, and the journals again to send them. So a file
// that cannot be read produces nothing, and memory holds a count for each
// journal and the lines of journals that are not complete.
type ledgerLoader struct {
	opt    adsgl.Options
	survey *adsgl.Survey
	buf    []byte
}

type ledgerReport struct{ *adsgl.Report }

func (r ledgerReport) refused() int { return r.Refused }

func (l *ledgerLoader) check(ctx context.Context, src *loadSource) (loadReport, error) {
	in, err := src.read("reading lines")
	if err != nil {
		return nil, err
	}
	if l.survey, err = adsgl.NewSurvey(in, l.opt); err != nil {
		return nil, err
	}
	if in, err = src.read("joining journals"); err != nil {
		return nil, err
	}
	report, err := l.survey.Journals(in, func(j adsgl.Journal) error {
		if err := l.encode(j); err != nil {
			return err
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	return ledgerReport{report}, nil
}

func (l *ledgerLoader) send(_ context.Context, src *loadSource, take func(key string, value []byte) error) error {
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

// encode writes the event into buf, or refuses a journal that no record holds.
func (l *ledgerLoader) encode(j adsgl.Journal) error {
	l.buf = j.Event.AppendJSON(l.buf[:0])
	if len(l.buf) > maxLoadRecord {
		return adsgl.Refusal(fmt.Sprintf("begins a journal whose event is larger than %d bytes, the most a record holds", maxLoadRecord))
	}
	return nil
}
