package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// This file holds the hazards that no single server refuses: what is found here
// is a warning, except where production is promised more.

// Parts of a finding.
const (
	partConfiguration = "configuration"
	partKafka         = "kafka"
	partClickHouse    = "clickhouse"
	partNATS          = "nats"
	partTraces        = "traces"
	partHTTP          = "http" // metrics and health
)

// Codes of warnings, which are labels of tocsin_warnings.
const (
	warnClock     = "clock_skew"
	warnDisk      = "disk_nearly_full"
	warnBrim      = "disk_may_fill_up"
	warnExpiry    = "certificate_expires"
	warnAnyone    = "any_certificate_accepted"
	warnCleartext = "password_in_clear"
	warnReplica   = "one_replica"
	warnInSync    = "one_in_sync"
	warnCompacted = "topic_compacted"
	warnUnclean   = "unclean_election"
)

const (
	// maxSkew is how far a server's clock may be off. Deadlines are counted from
	// times in events; what clocks decide is seen times, ages and retention.
	maxSkew = 2 * time.Second
	// leastFree is the share of a disk that should be free: merges need room for
	// the parts they make before they drop the old.
	leastFree = 0.10
	// renewBefore is how long before its end a certificate should be replaced.
	renewBefore = 14 * 24 * time.Hour
)

func warning(part, code, mend, format string, args ...any) finding {
	return finding{Part: part, Level: levelWarning, Code: code, Says: fmt.Sprintf(format, args...), Mend: mend}
}

// promised are the hazards that are failures in production.
var promised = []string{warnReplica, warnInSync, warnCompacted, warnUnclean}

// lone is a hazard of promised.
func (c *config) lone(part, code, mend, format string, args ...any) finding {
	f := warning(part, code, mend, format, args...)
	if c.Production {
		f.Level = levelFailure
	}
	return f
}

// checkLogins looks at what the servers are logged in to with, and at what the
// metrics' port shows.
func (c *config) checkLogins(now time.Time) (found []finding) {
	for _, s := range []struct {
		part      string
		tls       *credentials.TLS
		secret    bool
		addresses []string
	}{
		{partKafka, c.Kafka.TLS, c.Kafka.SASL != nil, c.Kafka.Brokers},
		{partClickHouse, c.ClickHouse.TLS, !c.ClickHouse.Password.IsZero(), c.ClickHouse.Addresses},
		{partNATS, c.NATS.TLS, !c.NATS.Password.IsZero(), c.NATS.Servers},
		{partTraces, c.Traces.tls(), len(c.Traces.Headers) > 0, []string{c.Traces.Endpoint}},
	} {
		if s.tls == nil {
			if s.secret && !local(s.addresses) {
				found = append(found, warning(s.part, warnCleartext, "set "+s.part+".tls", "a secret travels without encryption, and what it protects"))
			}
			continue
		}
		if s.tls.AcceptAny {
			found = append(found, warning(s.part, warnAnyone, "name the server's authority in "+s.part+".tls.ca, and take the key away",
				"insecure_accept_any_certificate is set: whoever is on the way can read and alter everything"))
		}
		found = append(found, expiry(s.part, s.tls.Cert, s.tls, now)...)
	}
	if c.HTTP.TLS != nil {
		found = append(found, expiry(partHTTP, c.HTTP.TLS.Cert, c.HTTP.TLS, now)...)
	}
	return found
}

// expiry tells of a certificate that ends soon, or has ended.
func expiry(part, path string, certificate interface{ Expires() (time.Time, error) }, now time.Time) []finding {
	ends, err := certificate.Expires()
	switch {
	case err != nil:
		return failures(part, err)
	case ends.IsZero() || ends.After(now.Add(renewBefore)):
		return nil
	case ends.Before(now):
		return []finding{{Part: part, Level: levelFailure, Code: warnExpiry, Place: path, Says: "the certificate has expired at " + ends.UTC().Format(time.RFC3339), Mend: "replace the file"}}
	}
	f := warning(part, warnExpiry, "replace the file; no restart is needed", "the certificate expires at %s", ends.UTC().Format(time.RFC3339))
	f.Place = path
	return []finding{f}
}

// local reports whether all addresses are of this machine.
func local(addresses []string) bool {
	for _, a := range addresses {
		if _, rest, ok := strings.Cut(a, "://"); ok {
			a = rest
		}
		host, _, err := net.SplitHostPort(a[strings.LastIndexByte(a, '@')+1:])
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// skew warns of a clock that is off.
func skew(part string, ahead time.Duration) []finding {
	if max(ahead, -ahead) <= maxSkew {
		return nil
	}
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	return []finding{warning(part, warnClock, "let both keep time by NTP", "the server's clock is %s %s this machine's", max(ahead, -ahead).Round(time.Millisecond), word)}
}

// lookAtKafka looks at copies, and at record times that have yet to come. The
// protocol tells no broker's clock; a topic's newest record tells its producer's
// or, where the broker stamps them, its own.
func (c *config) lookAtKafka(ctx context.Context, clock func() time.Time) (found []finding) {
	client, err := kgo.NewClient(c.Kafka.client()...)
	if err != nil {
		return failures(partKafka, err)
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	if found, err = c.copies(ctx, adm); err != nil {
		return append(found, failures(partKafka, err)...)
	}
	newest, err := adm.ListMaxTimestampOffsets(ctx, c.Kafka.Topics...)
	if err != nil {
		return append(found, failures(partKafka, fmt.Errorf("the newest records' times cannot be read: %w", err))...)
	}
	ahead := time.Duration(0)
	newest.Each(func(o kadm.ListedOffset) {
		if o.Err == nil && o.Timestamp > 0 {
			ahead = max(ahead, time.UnixMilli(o.Timestamp).Sub(clock()))
		}
	})
	if ahead > maxSkew {
		found = append(found, warning(partKafka, warnClock, "let producers, brokers and this machine keep time by NTP", "the newest record is %s in the future", ahead.Round(time.Millisecond)))
	}
	return found
}

// lookAtClickHouse looks at grants, settings, clock, disk and copies.
func (c *config) lookAtClickHouse(ctx context.Context, clock func() time.Time) (found []finding) {
	is, err := clickhouse.Look(ctx, c.sink(), clock)
	for _, grant := range is.Missing {
		found = append(found, finding{Part: partClickHouse, Level: levelFailure, Says: "the user lacks the right " + grant, Mend: "GRANT " + grant + " to it; deploy/grants has all that a worker needs"})
	}
	for _, name := range is.Fixed {
		found = append(found, finding{Part: partClickHouse, Level: levelFailure, Says: "the user's profile fixes " + name + ", without which an insert is not made once",
			Mend: "take the constraint out of the profile, or give the worker another profile"})
	}
	if err != nil {
		return append(found, failures(partClickHouse, err)...)
	}
	return append(found, c.ofClickHouse(is)...)
}

// ofClickHouse says what is to be said of a server's condition.
func (c *config) ofClickHouse(is clickhouse.Condition) (found []finding) {
	found = append(found, skew(partClickHouse, is.Ahead)...)
	if is.Total > 0 && float64(is.Free) < leastFree*float64(is.Total) {
		found = append(found, warning(partClickHouse, warnDisk, "free or add space; when it is full, workers wait", "its fullest disk has %d of %d bytes left", is.Free, is.Total))
	}
	if c.Production && is.KeptFree == 0 {
		// Seen with ClickHouse 26.7: an insert acknowledged, a merge taken for
		// good, whose files were empty.
		found = append(found, warning(partClickHouse, warnBrim, "set keep_free_space_bytes of its disks, to a gigabyte or more",
			"it writes until a disk has no space left, and can then lose rows that it has acknowledged"))
	}
	if c.Production && !is.Replicated {
		// No failure: whoever mirrors the disk, or can read Kafka again, may do without.
		found = append(found, warning(partClickHouse, warnReplica, "keep the disk mirrored and backed up", "table events is kept once"))
	}
	return found
}

// lookAtNATS looks at leave to publish, clock, space and copies.
func (c *config) lookAtNATS(ctx context.Context, s *nats.Sink, clock func() time.Time) (found []finding) {
	is, err := s.Look(ctx, clock)
	if err != nil {
		return failures(partNATS, err)
	}
	found = append(found, skew(partNATS, is.Ahead)...)
	if is.MaxBytes > 0 && float64(is.MaxBytes)-float64(is.Bytes) < leastFree*float64(is.MaxBytes) {
		found = append(found, warning(partNATS, warnDisk, "raise the stream's max_bytes; when it is full, workers wait", "stream %s holds %d of %d bytes", c.NATS.Stream, is.Bytes, is.MaxBytes))
	}
	if is.Replicas == 1 {
		found = append(found, c.lone(partNATS, warnReplica, "set nats.replicas to 3, and `nats stream edit "+c.NATS.Stream+" --replicas=3`", "stream %s is kept once", c.NATS.Stream))
	}
	return found
}
