package nats_test

import (
	"context"
	"fmt"
	"net"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/sinks/nats"
)

// bound is how long anything here may take that takes milliseconds.
const bound = 30 * time.Second

// start runs a NATS server, with changes, until the test ends.
func start(t *testing.T, change ...func(*server.Options)) *server.Server {
	t.Helper()
	opts := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}
	for _, c := range change {
		c(opts)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(s) })
	go s.Start()
	if !s.ReadyForConnections(bound) {
		t.Fatal("the NATS server did not start")
	}
	return s
}

// at makes a server take the address and the files of one that is stopped.
func at(s *server.Server) func(*server.Options) {
	port, dir := s.Addr().(*net.TCPAddr).Port, filepath.Dir(s.JetStreamConfig().StoreDir)
	return func(o *server.Options) { o.Port, o.StoreDir = port, dir }
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// config is a sink on that server, with a stream that it may create.
func config(s *server.Server) nats.Config {
	return nats.Config{Servers: []string{s.ClientURL()}, CreateStream: true, PublishTimeout: 5 * time.Second, OpenTimeout: bound}
}

func open(t *testing.T, c nats.Config) *nats.Sink {
	t.Helper()
	sink, err := nats.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	return sink
}

// admin is another client of the server.
func admin(t *testing.T, s *server.Server, opts ...client.Option) jetstream.JetStream {
	t.Helper()
	conn, err := client.Connect(s.ClientURL(), append(opts, client.Timeout(bound))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// ids reads the candidate ids of all messages of the stream, repeats included.
func ids(ctx context.Context, js jetstream.JetStream) ([]string, error) {
	stream, err := js.Stream(ctx, "DISCLOSURE")
	if err != nil {
		return nil, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("disclosure.candidate.*.*.*.*"))
	if err != nil {
		return nil, err
	}
	var all []string
	for subject, n := range info.State.Subjects {
		id := strings.TrimPrefix(path.Ext(subject), ".")
		for range n {
			all = append(all, id)
		}
	}
	return all, nil
}

// exactly checks that the stream holds one message for each of n candidates.
func exactly(t *testing.T, js jetstream.JetStream, n int) {
	t.Helper()
	all, err := ids(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	distinct := map[string]bool{}
	for _, id := range all {
		distinct[id] = true
	}
	if len(all) != n || len(distinct) != n {
		t.Errorf("the stream holds %d alerts about %d matters, want %d", len(all), len(distinct), n)
	}
}

// canary stands wherever an alert has something confidential.
const canary = "CANARY-8531907"

// alert is a candidate about a contract, signed on a Friday evening in New York
// and seen on Monday morning.
func alert(number int) pipeline.Alert {
	e := event.New(event.LookupType("ledger.contract.executed"))
	fields := e.Schema()
	e.SetText(fields.Lookup("event_id"), canary)
	e.SetText(fields.Lookup("event_source"), "/erp/"+canary)
	e.SetText(fields.Lookup("contract.contract_id"), canary)
	e.SetText(fields.Lookup("registrant_cik"), "0001999999")
	trigger := time.Date(2026, 2, 27, 18, 30, 0, 0, time.FixedZone("", -5*3600))
	due, err := calendar.Default().Deadline(calendar.O4, trigger)
	if err != nil {
		panic(err)
	}
	left := 3
	return pipeline.Alert{
		Topic: "ledger.events", TopicID: pipeline.TopicID{1, 2, 255}, Partition: 3, Offset: 42, Digest: "d1ge57", Event: e, Observed: time.Date(2026, 3, 2, 14, 30, 0, 125_000_000, time.UTC),
		Verdict: rules.Verdict{Outcome: rules.Match,
			Rule: &rules.Rule{ID: "CON-01", Revision: 2, Title: "Material definitive agreement outside the ordinary course", Owner: "disclosure-counsel",
				Item: "1.01", Severity: rules.S1, Citation: "Form 8-K Item 1.01", Runbook: "Obtain the signed agreement.\nAsk counsel.", Clock: calendar.O4, Basis: calendar.Occurrence},
			Finding: &rules.Finding{CandidateID: fmt.Sprintf("%026d", number), Severity: rules.S1, Key: "contract " + canary, Trigger: trigger,
				TriggerField: "contract.executed_at", Deadline: due, BusinessDaysLeft: &left, Value: canary + " USD", Sentence: "CON-01 fired: " + canary,
				Explanation: rules.Explanation{{Text: "contract.total_value_group >= limit", Value: canary + " USD", Limit: "10 USD", Distance: canary}}},
		}}
}

func alerts(first, n int) []pipeline.Alert {
	all := make([]pipeline.Alert, n)
	for i := range all {
		all[i] = alert(first + i)
	}
	return all
}

// waits checks that an error is one to be waited for, and for what.
func waits(t *testing.T, err error, what string) {
	t.Helper()
	if got, ok := pipeline.Waiting(err); !ok || got != what {
		t.Errorf("waits for %q, want %q (error: %v)", got, what, err)
	}
}
