package audit

import (
	"context"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/sinks/clickhouse"
)

// past judges stored rows again by the rules that judged them first. ClickHouse
// keeps those rules; the pack that the configuration names plays no part.
type past struct {
	load   func(ctx context.Context, digest string) ([]byte, error)
	opened map[string]opened          // by digest
	judges map[uint32]*pipeline.Judge // by the limit of a record's bytes
}

// opened is the engine of a digest, or the reason why it cannot be opened.
type opened struct {
	engine *rules.Engine
	err    error
}

// maxOpened bounds the engines and the judges in memory.
const maxOpened = 16

func newPast(db *clickhouse.Sink) *past {
	return &past{load: db.LoadPack, opened: make(map[string]opened), judges: make(map[uint32]*pipeline.Judge)}
}

// rules returns the engine of a digest. An error made by pipeline.Wait, and ctx's
// own, is transient. Any other is the reason why the engine cannot be opened.
func (p *past) rules(ctx context.Context, digest string) (*rules.Engine, error) {
	o, known := p.opened[digest]
	if !known {
		o.engine, o.err = pipeline.OpenKept(ctx, digest, p.load)
		if _, waits := pipeline.Waiting(o.err); waits || ctx.Err() != nil {
			return nil, o.err
		}
		if len(p.opened) == maxOpened {
			clear(p.opened)
		}
		p.opened[digest] = o
	}
	return o.engine, o.err
}

// judge returns the row that a worker would make now by the given rules, under the
// limit of that day.
func (p *past) judge(j *clickhouse.Judged, engine *rules.Engine) *pipeline.Row {
	row := &pipeline.Row{Offset: j.Offset, Timestamp: j.Timestamp, Headers: j.Headers, Raw: j.Raw, Tombstone: j.Tombstone}
	if row.Failure = j.Unpacked(); row.Failure != nil {
		return row
	}
	judge := p.judges[j.MaxBytes]
	if judge == nil {
		if len(p.judges) == maxOpened {
			clear(p.judges)
		}
		judge = pipeline.NewJudge(event.Limits{MaxBytes: int(j.MaxBytes)})
		p.judges[j.MaxBytes] = judge
	}
	judge.Complete(row, &event.Event{}, engine, nil)
	return row
}
