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

// A round with records is one trace, and so is each batch; an idle round makes none.
// Names and attributes are an interface, like those of the metrics. They follow
// OpenTelemetry's conventions for messaging where these define a name.
//
//	round                         from the poll on
//	├─ judge
//	└─ commit
//	batch                         from its first record until it is settled; linked to its round
//	├─ rules                      to load the rules of a replay
//	└─ check, store, publish
//
// Spans decide nothing and wait for nothing: a span is one more value in the
// context of a step.

// roundSpan is the span of the round that is under way; empty before its first record.
type roundSpan struct{ trace.Span }

// judging begins the span of judging n polled records, and that of the round. Without
// records it begins none.
func (s *session) judging(ctx context.Context, n int) (context.Context, trace.Span) {
	if n == 0 || s.Tracer == nil {
		return ctx, noop.Span{}
	}
	if s.span.Span == nil {
		_, s.span.Span = s.Tracer.Start(ctx, "round", trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
			semconv.MessagingSystemKafka, semconv.MessagingOperationTypeProcess, semconv.MessagingConsumerGroupName(s.Group), semconv.MessagingBatchMessageCount(n)))
	}
	return s.child(s.inRound(ctx), "judge", func() []attribute.KeyValue {
		return []attribute.KeyValue{semconv.MessagingBatchMessageCount(n)}
	})
}

// inRound puts the span of the round into ctx.
func (s *session) inRound(ctx context.Context) context.Context {
	if s.span.Span == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, s.span.Span)
}

// end ends the round's span.
func (r *roundSpan) end(err error) {
	if r.Span != nil {
		endSpan(r.Span, err)
	}
	r.Span = nil
}

// tracked begins the span of a batch; nil where that of its round is not recorded.
func (s *session) tracked(ctx context.Context) trace.Span {
	if s.span.Span == nil || !s.span.IsRecording() {
		return nil
	}
	_, span := s.Tracer.Start(ctx, "batch", trace.WithNewRoot(), trace.WithLinks(trace.LinkFromContext(s.inRound(ctx))))
	return span
}

// endSpan ends the span of the batch.
func (b *batch) endSpan(err error) {
	if b.span != nil {
		b.span.SetAttributes(b.about()...)
		endSpan(b.span, err)
	}
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

// tracing begins the span of a step of a batch.
func (w *Worker) tracing(ctx context.Context, step string, b *batch) (context.Context, trace.Span) {
	if b.span == nil {
		return ctx, noop.Span{}
	}
	return w.child(trace.ContextWithSpan(ctx, b.span), step, nil)
}

// about returns attributes of a batch, and none of its records.
func (b *batch) about() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.MessagingSystemKafka, semconv.MessagingDestinationName(b.Topic), semconv.MessagingDestinationPartitionID(strconv.Itoa(int(b.Partition))),
		semconv.MessagingBatchMessageCount(len(b.Rows)), attribute.String("tocsin.rules.digest", b.Digest), attribute.Int64("tocsin.batch.first", b.First),
		attribute.Int64("tocsin.batch.last", b.Last), attribute.Int("tocsin.batch.candidates", len(b.Alerts()))}
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
