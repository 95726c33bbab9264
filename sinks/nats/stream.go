package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
)

// oldest is the first server version that checks an expected sequence over a
// subject filter on replicated streams as on single ones. An older server may
// silently ignore the filter.
var oldest = [2]int{2, 12}

// prepare finds, or creates, the stream and refuses one that could lose an
// alert or the memory of one.
func (s *Sink) prepare(ctx context.Context) error {
	c := &s.config
	version := s.conn.ConnectedServerVersion()
	if older(version, oldest) {
		return fmt.Errorf("nats: the server at %s has version %s, which cannot keep a matter from alerting twice: upgrade it to %d.%d or newer",
			c.addresses(), version, oldest[0], oldest[1])
	}
	if most := s.conn.MaxPayload(); most < maxBody {
		return fmt.Errorf("nats: the server at %s takes messages of %d bytes at most and an alert may have %d: raise max_payload in its configuration", c.addresses(), most, maxBody)
	}
	have, err := s.js.Stream(ctx, c.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if !c.CreateStream {
			return fmt.Errorf("nats: there is no stream %s at %s: create it with `tocsin migrate`: %w", c.Stream, c.addresses(), err)
		}
		have, err = s.js.CreateStream(ctx, c.wanted())
	}
	if err != nil {
		return s.refusal(err)
	}
	if found := hazards(&have.CachedInfo().Config, c); len(found) > 0 {
		return fmt.Errorf("nats: the stream %s cannot be trusted with alerts:\n  %s", c.Stream, strings.Join(found, "\n  "))
	}
	s.stream = have
	return nil
}

// refusal explains why the stream could be neither read nor created.
func (s *Sink) refusal(err error) error {
	c := &s.config
	var api *jetstream.APIError
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return pipeline.Wait("NATS: JetStream is off or not ready", fmt.Errorf("no server at %s answers for JetStream; if this persists, start the server with --jetstream: %w", c.addresses(), err))
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("nats: JetStream is off for the account of user %q at %s: enable it there: %w", c.User, c.addresses(), err)
	case errors.As(err, &api) && api.ErrorCode == codeReplicas:
		return fmt.Errorf("nats: the server at %s is no cluster and cannot keep %d copies: join it to one, or set nats.replicas to 1: %w", c.addresses(), c.Replicas, err)
	case errors.As(err, &api) && api.ErrorCode == codeNoPeers:
		return pipeline.Wait("NATS: too few servers for the stream's replicas", err)
	}
	return s.fault(err)
}

// wanted is the stream as it is created.
func (c *Config) wanted() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        c.Stream,
		Description: "Disclosure candidates: each matter once, kept for MaxAge. Made by tocsin migrate.",
		Subjects:    []string{c.SubjectPrefix + ".>"},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		MaxAge:      c.MaxAge,
		Replicas:    c.Replicas,
		DenyDelete:  true,
		DenyPurge:   true,
		// A publish whose answer is lost is mostly repeated within this time. The
		// expected sequence holds for ever.
		Duplicates: duplicates,
	}
}

// hazards lists the settings of a stream that could lose an alert, or let a matter
// alert twice, each with its remedy.
func hazards(have *jetstream.StreamConfig, want *Config) []string {
	var found []string
	hazard := func(bad bool, format string, args ...any) {
		if bad {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	edit := "`nats stream edit " + want.Stream + " "
	replace := "it cannot be changed: make another stream with `tocsin migrate` and name it in nats.stream"
	hazard(have.Retention != jetstream.LimitsPolicy, "retention is %s, which deletes what was acknowledged and lets it alert again: want limits; %s", strings.ToLower(have.Retention.String()), replace)
	hazard(have.Storage != jetstream.FileStorage, "storage is memory, which a restart empties: want file; %s", replace)
	hazard(have.Discard != jetstream.DiscardNew, "discard is old, which drops the oldest alerts when the stream is full: %s--discard=new`", edit)
	hazard(!have.DenyDelete, "messages can be deleted: %s--deny-delete`", edit)
	hazard(!have.DenyPurge, "the stream can be purged: %s--deny-purge`", edit)
	hazard(have.MaxAge > 0 && (want.MaxAge == 0 || have.MaxAge < want.MaxAge), "max age is %s, shorter than nats.max_age (%s): %s--max-age=%s`", have.MaxAge, age(want.MaxAge), edit, want.MaxAge)
	hazard(have.Replicas < want.Replicas, "it keeps %d copies and nats.replicas asks for %d: %s--replicas=%d`", have.Replicas, want.Replicas, edit, want.Replicas)
	hazard(!listens(have.Subjects, want.SubjectPrefix), "its subjects %q do not take in %s.>: %s--subjects=%s.>`", have.Subjects, want.SubjectPrefix, edit, want.SubjectPrefix)
	hazard(have.MaxMsgsPerSubject > 0 && !have.DiscardNewPerSubject, "max messages per subject is %d with old ones dropped: %s--max-msgs-per-subject=-1`", have.MaxMsgsPerSubject, edit)
	hazard(have.MaxMsgSize > 0 && have.MaxMsgSize < maxBody, "max message size is %d bytes and an alert may have %d: %s--max-msg-size=-1`", have.MaxMsgSize, maxBody, edit)
	hazard(have.PersistMode == jetstream.AsyncPersistMode, "persist mode is async, which acknowledges what is not written: want default; %s", replace)
	hazard(have.NoAck, "it does not acknowledge (no_ack): %s--ack`", edit)
	hazard(have.Sealed, "it is sealed and takes no more messages; %s", replace)
	hazard(have.Mirror != nil, "it is a mirror and takes no messages of its own; %s", replace)
	hazard(have.AllowMsgCounter, "it is a stream of counters; %s", replace)
	hazard(have.SubjectTransform != nil, "it renames subjects, on which the matters are told apart: remove its subject transform")
	return found
}

func age(d time.Duration) string {
	if d == 0 {
		return "for ever"
	}
	return d.String()
}

// listens reports whether one of the patterns matches every subject of an alert: the
// prefix and four tokens.
func listens(patterns []string, prefix string) bool {
	subject := strings.Split(prefix+".*.*.*.*", ".")
	for _, pattern := range patterns {
		if covers(strings.Split(pattern, "."), subject) {
			return true
		}
	}
	return false
}

// covers reports whether a pattern matches every subject that subject, which may
// hold *, matches.
func covers(pattern, subject []string) bool {
	for i, want := range pattern {
		switch {
		case want == ">":
			return len(subject) > i
		case i >= len(subject) || want != "*" && want != subject[i]:
			return false
		}
	}
	return len(pattern) == len(subject)
}

// older reports whether a server's version is before the one given, or cannot
// be read.
func older(version string, than [2]int) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return true
	}
	return major < than[0] || major == than[0] && minor < than[1]
}
