package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// traced makes a worker keep its spans.
func traced(kept *tracetest.InMemoryExporter) func(*Config) {
	return func(c *Config) { c.Tracer = sdk.NewTracerProvider(sdk.WithSyncer(kept)).Tracer("test") }
}

// tree shows a line for each span, below its parent: the name, the attributes
// that are not common to all spans, the events and the status. Times are left
// out.
func tree(kept *tracetest.InMemoryExporter) string {
	all := kept.GetSpans()
	slices.SortStableFunc(all, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	var out strings.Builder
	var below func(parent [8]byte, indent string)
	below = func(parent [8]byte, indent string) {
		var lines []string
		for _, s := range all {
			if s.Parent.SpanID() != parent {
				continue
			}
			line := indent + s.Name
			for _, a := range s.Attributes {
				switch key := string(a.Key); key {
				case "messaging.system", "messaging.consumer.group.name", "messaging.operation.type", "messaging.operation.name":
				case "tocsin.rules.digest":
					line += fmt.Sprintf(" %s=%d", key, len(a.Value.AsString()))
				default:
					line += fmt.Sprintf(" %s=%s", strings.TrimPrefix(key, "messaging."), a.Value.String())
				}
			}
			for _, e := range s.Events {
				line += fmt.Sprintf(" [%s %s]", e.Name, e.Attributes[0].Value.String())
			}
			if s.Status.Description != "" {
				line += " " + s.Status.Code.String() + ": " + s.Status.Description
			}
			head := out.Len()
			fmt.Fprintln(&out, line)
			below(s.SpanContext.SpanID(), indent+"  ")
			whole := out.String()
			lines = append(lines, whole[head:])
			out.Reset()
			out.WriteString(whole[:head])
		}
		slices.SortStableFunc(lines, func(a, b string) int { // those of one round run at once
			if indent == "" && strings.HasPrefix(a, "round") && strings.HasPrefix(b, "round") {
				return 0
			}
			return strings.Compare(a, b)
		})
		for _, line := range lines {
			out.WriteString(line)
		}
	}
	below([8]byte{}, "")
	return out.String()
}

func TestARoundAndABatchAreTraces(t *testing.T) {
	// A poll may return the partitions one after the other.
	twoPolls := strings.NewReplacer("round batch.message_count=4\n  judge batch.message_count=4\nround batch.message_count=4\n  judge batch.message_count=4\n", "round batch.message_count=8\n  judge batch.message_count=8\n")
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.produce(1, 8) // four a partition, no candidate
		kept := tracetest.NewInMemoryExporter()
		w := b.start(traced(kept))
		b.settled(8, time.Minute)
		time.Sleep(10 * time.Second) // turns without a record
		if diff := cmp.Diff(`batch destination.name=ledger.events destination.partition.id=0 batch.message_count=4 tocsin.rules.digest=64 tocsin.batch.first=0 tocsin.batch.last=3 tocsin.batch.candidates=0
  store
batch destination.name=ledger.events destination.partition.id=1 batch.message_count=4 tocsin.rules.digest=64 tocsin.batch.first=0 tocsin.batch.last=3 tocsin.batch.candidates=0
  store
round batch.message_count=8
  judge batch.message_count=8
`, twoPolls.Replace(tree(kept))); diff != "" {
			t.Error(diff)
		}
		kept.Reset()
		b.produce(20, 1) // a candidate
		b.settled(9, time.Minute)
		b.end(w)
		got := tree(kept)
		if !strings.HasSuffix(got, "tocsin.batch.candidates=1\n  publish\n  store\nround batch.message_count=1\n  commit tocsin.partitions=1\n  judge batch.message_count=1\n") {
			t.Errorf("no commit or no publish in\n%s", got)
		}
		shown, err := json.Marshal(kept.GetSpans())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(shown), "C-20") || strings.Contains(string(shown), "contract") {
			t.Errorf("values of the record are in\n%s", shown)
		}
	})
}

// A trace shows that a step was retried, and why a batch was abandoned, by the
// kind of the error and never by its text.
func TestATraceTellsTriesThatFailed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(1, 4)
		tries := 0
		b.sink.storeErr = func() error {
			if tries++; tries < 3 {
				return Wait("the sink", fmt.Errorf("canary"))
			}
			return nil
		}
		kept := tracetest.NewInMemoryExporter()
		w := b.start(traced(kept))
		b.settled(4, time.Minute)
		time.Sleep(time.Second) // the next cycle commits the completion, so nothing is replayed below
		b.end(w)
		if got := tree(kept); !strings.Contains(got, "\n  store [retry the sink] [retry the sink]\n") || strings.Contains(got, "Error") {
			t.Error(got)
		}
		// The sink stays away, and the worker is stopped.
		b.sink.set(func() { b.sink.storeErr = func() error { return Wait("the sink", fmt.Errorf("canary")) } })
		b.produce(5, 1)
		kept.Reset()
		w = b.start(traced(kept))
		time.Sleep(5 * time.Second)
		b.end(w)
		if got := tree(kept); !strings.Contains(got, "[retry the sink] Error: abandoned\n") || strings.Contains(got, "canary") {
			t.Error(got)
		}
		// Another worker, with other rules, replays the promised batch.
		b.sink.set(func() { b.sink.storeErr, b.sink.current = nothing, "two" })
		kept.Reset()
		w = b.start(traced(kept))
		b.settled(5, time.Minute)
		b.end(w)
		if got := tree(kept); !strings.Contains(got, "\n  check\n  rules\n  store\n") {
			t.Error(got)
		}
	})
}

// Without a tracer nothing is allocated. A round that is not sampled allocates
// little, however many steps and records it has.
func TestNoTracesCostNothing(t *testing.T) {
	b := &batch{Batch: Batch{Rows: make([]Row, 5000)}}
	f := func(name string, tracer trace.Tracer, bound float64) {
		t.Helper()
		s := &session{Worker: &Worker{Config: Config{Group: "tocsin", Tracer: tracer}}}
		steps := func(ctx context.Context) {
			_, span := s.tracing(ctx, "rules", b)
			endSpan(span, nil)
			_, span = s.committing(s.inRound(ctx), 1)
			endSpan(span, errAway)
			_, span = s.tracing(ctx, "store", b)
			retrying(span, errAway)
			endSpan(span, errAway)
		}
		if n := testing.AllocsPerRun(100, func() {
			ctx, judged := s.judging(t.Context(), 5000)
			b.span = s.tracked(ctx)
			steps(ctx)
			judged.End()
			b.endSpan(nil)
			s.span.end(errAway)
		}); n > bound {
			t.Errorf("%s: %v allocations in a round, want at most %v", name, n, bound)
		}
	}
	f("off", nil, 0)
	f("not sampled", sdk.NewTracerProvider(sdk.WithSampler(sdk.NeverSample())).Tracer("test"), 12)
}
