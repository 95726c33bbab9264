package preflight

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

// This file holds the hazards that no server rejects by itself. They are warnings,
// except those that production excludes.

const (
	// maxSkew is how far a server's clock may be off. Deadlines are counted from
	// times in events; clocks decide seen times, ages and retention.
	maxSkew = 2 * time.Second
	// leastFree is the share of a disk that should be free: a merge writes its new
	// parts before it removes the old.
	leastFree = 0.10
	// renewBefore is how long before its expiry a certificate should be replaced.
	renewBefore = 14 * 24 * time.Hour
)

// hazards looks at everything that may turn bad while a worker works.
func (p probe) hazards(ctx context.Context, stream *nats.Sink) []result {
	found := p.logins()
	found = append(found, p.lookAtKafka(ctx)...)
	found = append(found, p.lookAtClickHouse(ctx)...)
	return append(found, p.lookAtNATS(ctx, stream)...)
}

// logins looks at the secrets and certificates of connections, and at the
// certificate of the metrics' port.
func (p probe) logins() (found []result) {
	for _, s := range []struct {
		part      string
		tls       *credentials.TLS
		secret    bool
		addresses []string
	}{
		{partKafka, p.Kafka.TLS, p.Kafka.SASL != nil, p.Kafka.Brokers},
		{partClickHouse, p.ClickHouse.TLS, !p.ClickHouse.Password.IsZero(), p.ClickHouse.Addresses},
		{partNATS, p.NATS.TLS, !p.NATS.Password.IsZero(), p.NATS.Servers},
		{partTraces, p.Traces.ClientTLS(), len(p.Traces.Headers) > 0, []string{p.Traces.Endpoint}},
	} {
		if s.tls == nil {
			if s.secret && !local(s.addresses) {
				found = append(found, warning(s.part, warnCleartext, "set "+s.part+".tls", "the secret, and the data it protects, travel without encryption"))
			}
			continue
		}
		if s.tls.AcceptAny {
			found = append(found, warning(s.part, warnAnyone, "name the server's authority in "+s.part+".tls.ca, and remove the key insecure_accept_any_certificate",
				"insecure_accept_any_certificate is set: anyone on the network path can read and alter everything"))
		}
		found = append(found, expiry(s.part, s.tls.Cert, s.tls, p.clock())...)
	}
	if p.HTTP.TLS != nil {
		found = append(found, expiry(partHTTP, p.HTTP.TLS.Cert, p.HTTP.TLS, p.clock())...)
	}
	return found
}

// expiry returns the hazard of a certificate that expires soon, or has expired.
func expiry(part, path string, certificate interface{ Expires() (time.Time, error) }, now time.Time) []result {
	ends, err := certificate.Expires()
	switch {
	case err != nil:
		return failures(part, err)
	case ends.IsZero() || ends.After(now.Add(renewBefore)):
		return nil
	case ends.Before(now):
		return []result{{Part: part, Level: levelFailure, Code: warnExpiry, Place: path, Message: "the certificate has expired at " + ends.UTC().Format(time.RFC3339), Remedy: "replace the file"}}
	}
	f := warning(part, warnExpiry, "replace the file; no restart is needed", "the certificate expires at %s", ends.UTC().Format(time.RFC3339))
	f.Place = path
	return []result{f}
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
func skew(part string, ahead time.Duration) []result {
	if max(ahead, -ahead) <= maxSkew {
		return nil
	}
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	return []result{warning(part, warnClock, "let both keep time by NTP", "the server's clock is %s %s this machine's", max(ahead, -ahead).Round(time.Millisecond), word)}
}

// lookAtKafka looks at copies, and for record times in the future. The
// protocol has no request for a broker's clock; a topic's newest record shows its
// producer's or, where the broker stamps records, the broker's.
func (p probe) lookAtKafka(ctx context.Context) (found []result) {
	client, err := kgo.NewClient(p.Kafka.Client()...)
	if err != nil {
		return failures(partKafka, err)
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	if found, err = p.copies(ctx, adm); err != nil {
		return append(found, failures(partKafka, err)...)
	}
	found = append(found, p.unpacked(ctx, adm)...)
	newest, err := adm.ListMaxTimestampOffsets(ctx, p.Kafka.Topics...)
	if err != nil {
		return append(found, failures(partKafka, fmt.Errorf("the newest records' times cannot be read: %w", err))...)
	}
	ahead := time.Duration(0)
	newest.Each(func(o kadm.ListedOffset) {
		if o.Err == nil && o.Timestamp > 0 {
			ahead = max(ahead, time.UnixMilli(o.Timestamp).Sub(p.clock()))
		}
	})
	if ahead > maxSkew {
		found = append(found, warning(partKafka, warnClock, "let producers, brokers and this machine keep time by NTP", "the newest record is %s in the future", ahead.Round(time.Millisecond)))
	}
	return found
}

// lookAtClickHouse looks at grants, settings, clock, disk and copies.
func (p probe) lookAtClickHouse(ctx context.Context) (found []result) {
	is, err := clickhouse.Look(ctx, p.Store(), p.clock)
	for _, grant := range is.Missing {
		found = append(found, result{Part: partClickHouse, Level: levelFailure, Message: "the user lacks the right " + grant, Remedy: "GRANT " + grant + " to it; deploy/grants has all that a worker needs"})
	}
	for _, name := range is.Fixed {
		found = append(found, result{Part: partClickHouse, Level: levelFailure, Message: "the user's profile fixes " + name + ", without which an insert is not made once",
			Remedy: "take the constraint out of the profile, or give the worker another profile"})
	}
	if err != nil {
		return append(found, failures(partClickHouse, err)...)
	}
	return append(found, p.ofClickHouse(is)...)
}

// ofClickHouse returns the hazards of a server's condition.
func (p probe) ofClickHouse(is clickhouse.Condition) (found []result) {
	found = append(found, skew(partClickHouse, is.Ahead)...)
	if is.Total > 0 && float64(is.Free) < leastFree*float64(is.Total) {
		found = append(found, warning(partClickHouse, warnDisk, "free or add space; when it is full, workers wait", "its fullest disk has %d of %d bytes left", is.Free, is.Total))
	}
	if len(is.Policies) > 0 {
		found = append(found, result{Part: partClickHouse, Level: levelFailure, Message: "row policies hide rows of tables of record: " + strings.Join(is.Policies, "; "),
			Remedy: "DROP ROW POLICY …; give people who may see some rows a view"})
	}
	if len(is.Mutating) > 0 {
		found = append(found, warning(partClickHouse, warnMutation, "find out who runs them (system.mutations); KILL MUTATION ends one, and tocsin audit shows what it altered",
			"rows are being altered by mutations, in %s", strings.Join(is.Mutating, ", ")))
	}
	if p.Production && is.KeptFree == 0 {
		// Seen with ClickHouse 26.7: an acknowledged insert and a finished merge
		// whose files were empty.
		found = append(found, warning(partClickHouse, warnBrim, "set keep_free_space_bytes of its disks, to a gigabyte or more",
			"it writes until a disk has no space left, and can then lose rows that it has acknowledged"))
	}
	if p.Production && !is.Replicated {
		// No failure: a mirrored disk, or a Kafka that can be read again, may be enough.
		found = append(found, warning(partClickHouse, warnReplica, "keep the disk mirrored and backed up", "table events is kept once"))
	}
	return found
}

// lookAtNATS looks at the right to publish, clock, space and copies.
func (p probe) lookAtNATS(ctx context.Context, s *nats.Sink) (found []result) {
	is, err := s.Look(ctx, p.clock)
	if err != nil {
		return failures(partNATS, err)
	}
	found = append(found, skew(partNATS, is.Ahead)...)
	if is.MaxBytes > 0 && float64(is.MaxBytes)-float64(is.Bytes) < leastFree*float64(is.MaxBytes) {
		found = append(found, warning(partNATS, warnDisk, "raise the stream's max_bytes; when it is full, workers wait", "stream %s holds %d of %d bytes", p.NATS.Stream, is.Bytes, is.MaxBytes))
	}
	if is.Replicas == 1 {
		found = append(found, p.lone(partNATS, warnReplica, "set nats.replicas to 3, and `nats stream edit "+p.NATS.Stream+" --replicas=3`", "stream %s is kept once", p.NATS.Stream))
	}
	return found
}
