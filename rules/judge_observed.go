package rules

import "time"

// A producer writes what it likes into a record's Kafka timestamp, and Kafka
// keeps it. These years hold what can be meant: no ledger that is read has older
// records, and no calendar reaches the end. Seconds sent as milliseconds fall
// into January 1970, microseconds beyond the year 50,000, and -1 is Kafka's own
// "none". The bounds are constants, because a replay must judge as the first
// attempt did, whatever the clock shows by then.
const (
	FirstYear = 1990
	LastYear  = 2099
)

// observable are the instants from which on, and before which, a Kafka timestamp
// counts.
var observable = [2]time.Time{time.Date(FirstYear, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(LastYear+1, 1, 1, 0, 0, 0, 0, time.UTC)}

// Observed returns the instant at which a record reached Kafka, by its Kafka
// timestamp: the zero instant, which counts as absent, where the timestamp lies
// outside FirstYear to LastYear (UTC).
func Observed(timestamp time.Time) time.Time {
	if timestamp.Before(observable[0]) || !timestamp.Before(observable[1]) {
		return time.Time{}
	}
	return timestamp
}
