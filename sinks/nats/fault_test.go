package nats

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
)

func connected(t *testing.T) *Sink {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server did not start")
	}
	sink, err := Open(t.Context(), Config{Servers: []string{s.ClientURL()}, CreateStream: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	return sink
}

// TestRefusalsAreProved: that a server refuses an alert as a repeat is believed
// when the stream shows the first one, and else tried again.
func TestRefusalsAreProved(t *testing.T) {
	s := connected(t)
	if _, err := s.js.Publish(t.Context(), "disclosure.candidate.1.2_03.S1.there", nil); err != nil {
		t.Fatal(err)
	}
	for _, code := range []jetstream.ErrorCode{10071, 10164, 10158} {
		refused := &jetstream.APIError{Code: 400, ErrorCode: code, Description: "wrong last sequence"}
		before := s.Stats().Duplicates
		if err := s.settle(t.Context(), "there", refused); err != nil {
			t.Errorf("code %d, first one there: %v; want success", code, err)
		}
		if got := s.Stats().Duplicates - before; got != 1 {
			t.Errorf("code %d, first one there: counted %d duplicates, want 1", code, got)
		}
		err := s.settle(t.Context(), "absent", refused)
		if what, ok := pipeline.Waiting(err); !ok || what != "NATS: the alert is being published by another worker" {
			t.Errorf("code %d, first one absent: %v; want a wait", code, err)
		}
	}
}

func TestCodes(t *testing.T) {
	s := connected(t)
	for _, test := range []struct {
		err  *jetstream.APIError
		what string // "": stops
	}{
		{&jetstream.APIError{Code: 503, ErrorCode: 10008}, "NATS: the cluster has no leader"},
		{&jetstream.APIError{Code: 500, ErrorCode: 10047}, "NATS: the server's storage for streams is used up"},
		{&jetstream.APIError{Code: 503, ErrorCode: 10077}, "NATS: the stream is full or cannot write"},
		{&jetstream.APIError{Code: 503, ErrorCode: 19999}, "NATS: JetStream refuses for now (code 19999)"},
		{&jetstream.APIError{Code: 400, ErrorCode: 19999}, ""},
		{&jetstream.APIError{Code: 400, ErrorCode: 10060}, ""}, // expected stream does not match
		{&jetstream.APIError{Code: 400, ErrorCode: 10109}, ""}, // sealed
		{&jetstream.APIError{Code: 400, ErrorCode: 10054}, ""}, // too long
	} {
		err := s.settle(t.Context(), "absent", test.err)
		if what, _ := pipeline.Waiting(err); err == nil || what != test.what {
			t.Errorf("code %d of class %d: waits for %q, want %q (%v)", test.err.ErrorCode, test.err.Code, what, test.what, err)
		}
	}
	for _, a := range append(slices.Clone(denied), away...) {
		if what, _ := pipeline.Waiting(s.settle(t.Context(), "absent", a.err)); what != a.what {
			t.Errorf("%v: waits for %q, want %q", a.err, what, a.what)
		}
	}
	for _, broken := range []error{syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed, io.EOF} {
		err := s.settle(t.Context(), "absent", &net.OpError{Op: "write", Net: "tcp", Err: broken})
		if what, _ := pipeline.Waiting(err); what != "NATS: not connected" {
			t.Errorf("a connection that breaks while it is written to (%v): waits for %q (%v), want a wait", broken, what, err)
		}
	}
	unknown := errors.New("unheard of")
	if err := s.settle(t.Context(), "absent", unknown); !errors.Is(err, unknown) {
		t.Errorf("an unknown error became %v", err)
	} else if _, ok := pipeline.Waiting(err); ok {
		t.Error("an unknown error is waited for")
	}
	if err := s.fault(context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTokens(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"0001999999", "0001999999"}, {"1.01", "1_01"}, {"4.02(a)", "4_02_a"}, {"P", "P"}, {"", "none"}, {"...", "none"},
		{"a.*.>", "a"}, {"Zürich AG", "Z_rich_AG"}, {"\x00\n x", "___x"}, {"A-1", "A-1"},
	} {
		if got := token(test.text, "none"); got != test.want {
			t.Errorf("token(%q) = %q, want %q", test.text, got, test.want)
		}
	}
	if got := token(string(make([]byte, 1000))+"x", "none"); len(got) > maxToken {
		t.Errorf("a token of %d bytes", len(got))
	}
}

// TestReadmeNamesEveryMember: a subscriber finds whatever a message can hold.
func TestReadmeNamesEveryMember(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, shape := range []any{envelope{}, data{}, confidential{}, step{}} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(shape)) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name == "specversion" || name == "datacontenttype" {
				continue
			}
			if !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("README.md does not name the member %s", name)
			}
		}
	}
}

func TestClip(t *testing.T) {
	for _, test := range []struct {
		text string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcdef", 5, "ab…"}, {"aüüüü", 6, "aü…"}, {"", 3, ""}} {
		if got := clip(test.text, test.n); got != test.want || len(got) > test.n {
			t.Errorf("clip(%q, %d) = %q, want %q", test.text, test.n, got, test.want)
		}
	}
}

func TestOlder(t *testing.T) {
	for version, want := range map[string]bool{"2.15.2": false, "2.12.0": false, "2.11.9": true, "1.4.1": true, "3.0.0": false, "2.14.0-RC.1": false, "": true, "dev": true} {
		if got := older(version, oldest); got != want {
			t.Errorf("older(%q) = %t, want %t", version, got, want)
		}
	}
}
