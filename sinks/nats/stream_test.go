package nats_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
	"tocsin/sinks/nats"
)

func TestMigrateCreatesTheStream(t *testing.T) {
	s := start(t)
	c := config(s)
	c.CreateStream, c.MaxAge = false, 100*time.Hour

	if _, err := nats.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "tocsin migrate") {
		t.Errorf("open without a stream: %v; want an error that names tocsin migrate", err)
	}
	planned := func(want string) {
		t.Helper()
		if line, err := nats.Plan(t.Context(), c); line != want || err != nil {
			t.Errorf("planned %q, %v; want %q", line, err, want)
		}
	}
	planned("NATS: create the stream DISCLOSURE")
	planned("NATS: create the stream DISCLOSURE") // the first plan did not
	var said []string
	for range 2 {
		if err := nats.Migrate(t.Context(), c, func(line string) { said = append(said, line) }); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"NATS: created the stream DISCLOSURE", "NATS: the stream DISCLOSURE is as it must be"}, said); diff != "" {
		t.Error(diff)
	}
	planned("")
	open(t, c)

	stream, err := admin(t, s).Stream(t.Context(), "DISCLOSURE")
	if err != nil {
		t.Fatal(err)
	}
	have := stream.CachedInfo().Config
	type settings struct {
		Retention              jetstream.RetentionPolicy
		Storage                jetstream.StorageType
		Discard                jetstream.DiscardPolicy
		MaxAge                 time.Duration
		Replicas               int
		Subjects               []string
		DenyDelete, DenyPurge  bool
		MaxMsgs, MaxPerSubject int64
	}
	want := settings{jetstream.LimitsPolicy, jetstream.FileStorage, jetstream.DiscardNew, 100 * time.Hour, 1, []string{"disclosure.candidate.>"}, true, true, -1, -1}
	got := settings{have.Retention, have.Storage, have.Discard, have.MaxAge, have.Replicas, have.Subjects, have.DenyDelete, have.DenyPurge, have.MaxMsgs, have.MaxMsgsPerSubject}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestOpenRefusesHazards alters one setting of a good stream at a time.
func TestOpenRefusesHazards(t *testing.T) {
	good := jetstream.StreamConfig{Subjects: []string{"disclosure.candidate.>"}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		MaxAge: 48 * time.Hour, DenyDelete: true, DenyPurge: true}
	tests := []struct {
		name  string
		alter func(have *jetstream.StreamConfig, want *nats.Config)
		want  string // "" when it is fine
	}{
		{"good", func(*jetstream.StreamConfig, *nats.Config) {}, ""},
		{"kept longer", func(have *jetstream.StreamConfig, _ *nats.Config) { have.MaxAge = 0 }, ""},
		{"more subjects", func(have *jetstream.StreamConfig, _ *nats.Config) { have.Subjects = []string{"other", "disclosure.>"} }, ""},
		{"subjects of six words", func(have *jetstream.StreamConfig, _ *nats.Config) { have.Subjects = []string{"disclosure.*.*.*.*.*"} }, ""},
		{"work queue", func(have *jetstream.StreamConfig, _ *nats.Config) { have.Retention = jetstream.WorkQueuePolicy }, "retention is workqueue"},
		{"interest", func(have *jetstream.StreamConfig, _ *nats.Config) { have.Retention = jetstream.InterestPolicy }, "retention is interest"},
		{"memory", func(have *jetstream.StreamConfig, _ *nats.Config) { have.Storage = jetstream.MemoryStorage }, "storage is memory"},
		{"drops the oldest", func(have *jetstream.StreamConfig, _ *nats.Config) { have.Discard = jetstream.DiscardOld }, "--discard=new"},
		{"can be deleted from", func(have *jetstream.StreamConfig, _ *nats.Config) { have.DenyDelete = false }, "--deny-delete"},
		{"can be purged", func(have *jetstream.StreamConfig, _ *nats.Config) { have.DenyPurge = false }, "--deny-purge"},
		{"too short", func(have *jetstream.StreamConfig, _ *nats.Config) { have.MaxAge = time.Hour }, "--max-age=48h0m0s"},
		{"not for ever", func(_ *jetstream.StreamConfig, want *nats.Config) { want.MaxAge = 0 }, "shorter than nats.max_age (for ever)"},
		{"one copy", func(_ *jetstream.StreamConfig, want *nats.Config) { want.Replicas = 3 }, "keeps 1 copies and nats.replicas asks for 3"},
		{"other subjects", func(have *jetstream.StreamConfig, _ *nats.Config) { have.Subjects = []string{"disclosure.*"} }, "do not take in disclosure.candidate.>"},
		{"one registrant", func(have *jetstream.StreamConfig, _ *nats.Config) {
			have.Subjects = []string{"disclosure.candidate.0001999999.>"}
		}, "do not take in"},
		{"last by subject", func(have *jetstream.StreamConfig, _ *nats.Config) { have.MaxMsgsPerSubject = 1 }, "max messages per subject is 1"},
		{"small messages", func(have *jetstream.StreamConfig, _ *nats.Config) { have.MaxMsgSize = 4096 }, "max message size is 4096"},
		{"no acknowledgement", func(have *jetstream.StreamConfig, _ *nats.Config) { have.NoAck = true }, "no_ack"},
		{"async", func(have *jetstream.StreamConfig, _ *nats.Config) { have.PersistMode = jetstream.AsyncPersistMode }, "persist mode is async"},
		{"renamed subjects", func(have *jetstream.StreamConfig, _ *nats.Config) {
			have.SubjectTransform = &jetstream.SubjectTransformConfig{Source: "disclosure.candidate.>", Destination: "x.>"}
		}, "renames subjects"},
	}
	remedy := regexp.MustCompile("`nats stream edit S[0-9]+ --[a-z]|make another stream with `tocsin migrate`|remove its subject transform")
	s := start(t)
	js := admin(t, s)
	// The server removes the directory of an account without streams after it
	// has answered, under the feet of the next one: so there is always one.
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEEP", Subjects: []string{"keep"}}); err != nil {
		t.Fatal(err)
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			have, want := good, config(s)
			want.MaxAge = good.MaxAge
			test.alter(&have, &want)
			// A stream that denies deletes can still be deleted as a whole.
			have.Name = fmt.Sprint("S", i)
			want.Stream = have.Name
			if _, err := js.CreateStream(t.Context(), have); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := js.DeleteStream(t.Context(), have.Name); err != nil {
					t.Error(err)
				}
			}()
			sink, err := nats.Open(t.Context(), want)
			if err == nil {
				sink.Close()
			}
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("open: %v; want %q in it", err, test.want)
			}
			if err != nil && !remedy.MatchString(err.Error()) {
				t.Errorf("no remedy in: %v", err)
			}
			if _, ok := pipeline.Waiting(err); ok {
				t.Errorf("open waits for a change that only an operator makes: %v", err)
			}
		})
	}
}

func TestOpenSaysEveryHazard(t *testing.T) {
	s := start(t)
	if _, err := admin(t, s).CreateStream(t.Context(), jetstream.StreamConfig{Name: "DISCLOSURE", Subjects: []string{"x"}, Storage: jetstream.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	_, err := nats.Open(t.Context(), config(s))
	if err == nil {
		t.Fatal("opened")
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 6 {
		t.Errorf("want a headline and the hazards storage, discard, delete, purge, subjects:\n%v", err)
	}
}

func TestOpenRefusesServers(t *testing.T) {
	plain := start(t, func(o *server.Options) { o.JetStream = false })
	small := start(t, func(o *server.Options) { o.MaxPayload = 65536 })
	single := start(t)
	secret := start(t, func(o *server.Options) { o.Username, o.Password = "tocsin", "right" })
	gone := start(t)
	stop(gone)
	without := config(plain)
	without.OpenTimeout = 2 * time.Second
	replicated := config(single)
	replicated.Replicas = 3
	locked := config(secret)
	locked.User, locked.Password, locked.OpenTimeout = "tocsin", "hunter2-secret", 2*time.Second
	away := config(gone)
	away.Servers, away.OpenTimeout = []string{"nats://user:hunter2-secret@" + strings.TrimPrefix(gone.ClientURL(), "nats://")}, 2*time.Second

	for _, test := range []struct {
		name   string
		config nats.Config
		want   string
		wait   bool
	}{
		{"without JetStream", without, "start the server with --jetstream", true},
		{"small payload", config(small), "max_payload", false},
		{"no cluster", replicated, "set nats.replicas to 1", false},
		{"wrong password", locked, "Authorization Violation", true},
		{"away", away, "connect to 127.0.0.1:", true},
		{"no servers", nats.Config{}, "nats.servers is empty", false},
		{"bad address", nats.Config{Servers: []string{"nats://u:hunter2-secret@[::1"}}, "address 1 of nats.servers is not an address", false},
		{"bad prefix", nats.Config{Servers: []string{"h"}, SubjectPrefix: "a.*"}, "nats.subject_prefix", false},
		{"a word missing in the prefix", nats.Config{Servers: []string{"h"}, SubjectPrefix: "a..b"}, "nats.subject_prefix", false},
		{"bad stream", nats.Config{Servers: []string{"h"}, Stream: "a.b"}, "nats.stream", false},
		{"bad payload", nats.Config{Servers: []string{"h"}, Payload: "most"}, "nats.payload", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := nats.Open(t.Context(), test.config)
			if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(test.want)) {
				t.Errorf("open: %v; want %q in it", err, test.want)
			}
			if _, wait := pipeline.Waiting(err); wait != test.wait {
				t.Errorf("waits: %t, want %t (%v)", wait, test.wait, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

// TestLookComparesTheClocks: the server's clock is compared with this machine's at the
// middle of the look, and a difference within the look's own time is none.
func TestLookComparesTheClocks(t *testing.T) {
	s := start(t)
	sink := open(t, config(s))
	for _, c := range []struct {
		name        string
		began, took time.Duration // of this machine's clock, beside the server's
		ahead       time.Duration // of the server
	}{
		{"alike", 0, time.Hour, 0},
		{"ahead", -3 * time.Hour, time.Hour, 150 * time.Minute},
		{"behind", 3 * time.Hour, time.Hour, -210 * time.Minute},
		{"ahead by less than the look", -80 * time.Minute, time.Hour, 0},
	} {
		began := time.Now()
		readings := []time.Time{began.Add(c.began), began.Add(c.began + c.took)}
		found, err := sink.Look(t.Context(), func() time.Time {
			now := readings[0]
			readings = readings[1:]
			return now
		})
		if err != nil {
			t.Fatal(err)
		}
		if off := found.Ahead - c.ahead; max(off, -off) > bound || c.ahead == 0 && off != 0 || found.Replicas != 1 || found.MaxBytes != 0 {
			t.Errorf("%s: %+v, want the server ahead by %s", c.name, found, c.ahead)
		}
	}
	exactly(t, admin(t, s), 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sink.Look(ctx, time.Now); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

// TestAMissingRightEndsOpenAtOnce: the server answers a request that it does not
// permit with silence, and reports the violation apart from it.
func TestAMissingRightEndsOpenAtOnce(t *testing.T) {
	for _, denied := range []struct {
		subject   string
		subscribe bool
	}{{"$JS.API.STREAM.INFO.>", false}, {"$JS.API.STREAM.CREATE.>", false}, {"_INBOX.>", true}, {"disclosure.>", false}} {
		t.Run(denied.subject, func(t *testing.T) {
			none := &server.SubjectPermission{Deny: []string{denied.subject}}
			lacks := &server.Permissions{Publish: none}
			if denied.subscribe {
				lacks = &server.Permissions{Subscribe: none}
			}
			s := start(t, func(o *server.Options) {
				o.Users = []*server.User{{Username: "tocsin", Password: "t", Permissions: lacks}}
			})
			c := config(s)
			c.User, c.Password, c.PublishTimeout, c.OpenTimeout = "tocsin", "t", 2*bound, 2*bound
			ctx, cancel := context.WithTimeout(t.Context(), bound)
			defer cancel()
			sink, err := nats.Open(ctx, c)
			if err == nil {
				defer sink.Close()
				_, err = sink.Look(ctx, time.Now)
			}
			waits(t, err, "NATS: a permission that the user has not")
			if err != nil && (!strings.Contains(err.Error(), strings.TrimSuffix(denied.subject, ">")) || strings.Count(err.Error(), "deploy/grants/nats.conf") != 1) {
				t.Errorf("%v: want the subject and the remedy", err)
			}
			if ctx.Err() != nil {
				t.Error("the violation was reported when the time had run out")
			}
		})
	}
}
