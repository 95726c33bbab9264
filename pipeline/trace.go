package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// A cycle with records is one trace; an idle cycle makes none. Names and attributes
// are an interface, like those of the metrics. They follow OpenTelemetry's
// conventions for messaging where these define a name.
//
//	cycle                    from the first record on
//	├─ gather                until the last poll
//	├─ judge                 one for each poll that brought records
//	│  └─ rules              to load the rules of a replay, for each partition
//	├─ commit
//	└─ look, store, publish  one for each partition
//
// Spans decide nothing and wait for nothing: a span is one more value in the
// context of a step.

// spans are the open spans of the cycle that is under way; nil before its first
// record.
type spans struct{ cycle, gather trace.Span }

// judging begins the span of judging n polled records. The first call of a cycle
// also begins the spans of the cycle. Without records it begins none.
func (s *session) judging(ctx context.Context, n int) (context.Context, trace.Span) {
	if n == 0 || s.Tracer == nil {
		return ctx, noop.Span{}
	}
	if s.spans.cycle == nil {
		ctx, s.spans.cycle = s.Tracer.Start(ctx, "cycle", trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
			semconv.MessagingSystemKafka, semconv.MessagingOperationTypeProcess, semconv.MessagingConsumerGroupName(s.Group)))
		_, s.spans.gather = s.child(ctx, "gather", nil)
	}
	return s.child(trace.ContextWithSpan(ctx, s.spans.cycle), "judge", func() []attribute.KeyValue {
		return []attribute.KeyValue{semconv.MessagingBatchMessageCount(n)}
	})
}

// gathered ends the span of gathering and puts the span of the cycle into ctx.
func (s *spans) gathered(ctx context.Context, held []*partition) context.Context {
	if s.cycle == nil || !s.cycle.IsRecording() {
		return ctx
	}
	n := 0
	for _, p := range held {
		n += len(p.open.Rows)
	}
	s.cycle.SetAttributes(semconv.MessagingBatchMessageCount(n), partitionCount(len(held)))
	s.gather.End()
	return trace.ContextWithSpan(ctx, s.cycle)
}

// end ends the cycle's spans.
func (s *spans) end(err error) {
	if s.cycle != nil {
		s.gather.End()
		endSpan(s.cycle, err)
	}
	*s = spans{}
}

// child begins a span below the one in ctx, with the attributes that about returns.
// If the parent is not recorded, there is no span, about is not called, and nothing
// is allocated.
func (w *Worker) child(ctx context.Context, name string, about func() []attribute.KeyValue) (context.Context, trace.Span) {
	if parent := trace.SpanFromContext(ctx); !parent.IsRecording() || w.Tracer == nil {
		return ctx, noop.Span{}
	}
	if about == nil {
		return w.Tracer.Start(ctx, name)
	}
	return w.Tracer.Start(ctx, name, trace.WithAttributes(about()...))
}

// tracing begins the span of a step of a partition's open batch.
func (w *Worker) tracing(ctx context.Context, step string, p *partition) (context.Context, trace.Span) {
	return w.child(ctx, step, p.about)
}

// about returns attributes of the partition and of its open batch, and none of its
// records.
func (p *partition) about() []attribute.KeyValue {
	all := []attribute.KeyValue{semconv.MessagingSystemKafka, semconv.MessagingDestinationName(p.topic),
		semconv.MessagingDestinationPartitionID(strconv.Itoa(int(p.partition)))}
	if p.open == nil {
		return all
	}
	return append(all, semconv.MessagingBatchMessageCount(len(p.open.Rows)), attribute.String("tocsin.rules.digest", p.open.Digest),
		attribute.Int64("tocsin.batch.first", p.open.First), attribute.Int64("tocsin.batch.last", p.open.Last),
		attribute.Int("tocsin.batch.candidates", len(p.open.Alerts())))
}

// committing begins the span of a commit for n partitions.
func (w *Worker) committing(ctx context.Context, n int) (context.Context, trace.Span) {
	return w.child(ctx, "commit", func() []attribute.KeyValue {
		return []attribute.KeyValue{semconv.MessagingSystemKafka, semconv.MessagingOperationName("commit"), semconv.MessagingOperationTypeSettle,
			semconv.MessagingConsumerGroupName(w.Group), partitionCount(n)}
	})
}

func partitionCount(n int) attribute.KeyValue { return attribute.Int("tocsin.partitions", n) }

// retrying notes a failed try that will be repeated.
func retrying(span trace.Span, err error) {
	if span.IsRecording() {
		span.AddEvent("retry", trace.WithAttributes(semconv.ErrorTypeKey.String(class(err))))
	}
}

// endSpan ends a span with the class of err.
func endSpan(span trace.Span, err error) {
	if err != nil && span.IsRecording() {
		span.SetAttributes(semconv.ErrorTypeKey.String(class(err)))
		span.SetStatus(codes.Error, class(err))
	}
	span.End()
}

// class returns the kind of err. The text of an error stays out of a trace, because
// a server may have put values of a record into it.
func class(err error) string {
	what, waits := Waiting(err)
	var refused *commitError
	switch {
	case waits:
		return what
	case errors.Is(err, ErrLate):
		return "late"
	case errors.Is(err, errUnknownCommit):
		return "unknown outcome"
	case errors.As(err, &refused):
		return "commit refused"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "abandoned"
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return fmt.Sprintf("%T", err)
}
