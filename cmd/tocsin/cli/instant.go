package cli

import (
	"errors"
	"time"
)

// Instant returns a flag.Func that reads an instant into to: RFC 3339, or a date,
// which is its first instant in UTC.
func Instant(to *time.Time) func(string) error {
	return func(text string) error {
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
			if t, err := time.Parse(layout, text); err == nil {
				*to = t
				return nil
			}
		}
		return errors.New("want an instant such as 2026-11-23T18:30:00-05:00, or a date such as 2026-11-23")
	}
}
