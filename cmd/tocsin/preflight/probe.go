package preflight

import (
	"fmt"
	"time"

	"tocsin/cmd/tocsin/config"
)

// probe asks the servers of a configuration.
type probe struct {
	*config.Config
	clock func() time.Time // this machine's
}

// Parts of the check.
const (
	partConfiguration = "configuration"
	partKafka         = "kafka"
	partClickHouse    = "clickhouse"
	partMarks         = "marks" // of the group, against rows and records
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
	warnMutation  = "rows_being_altered"
	warnUnbounded = "unpacked_size_unbounded"
)

// promised are the hazards that are failures in production.
var promised = []string{warnReplica, warnInSync, warnCompacted, warnUnclean}

// lone returns a hazard of promised.
func (p probe) lone(part, code, remedy, format string, args ...any) result {
	f := warning(part, code, remedy, format, args...)
	if p.Production {
		f.Level = levelFailure
	}
	return f
}

func warning(part, code, remedy, format string, args ...any) result {
	return result{Part: part, Level: levelWarning, Code: code, Message: fmt.Sprintf(format, args...), Remedy: remedy}
}
