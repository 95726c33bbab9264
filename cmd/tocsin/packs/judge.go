package packs

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/cmd/tocsin/config"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

// openRules loads a pack by directory or shipped name. The error is a diag.List
// when the pack has mistakes.
func openRules(path, overrides string) (*rules.Pack, *rules.Engine, error) {
	return (&config.Rules{Pack: path, Calendar: overrides}).Open()
}

// seenAt returns the instant at which an event of a file counts as seen: that of
// the flag, or else the event's own time.
func seenAt(e *event.Event, flag time.Time) (time.Time, error) {
	if !flag.IsZero() {
		return flag, nil
	}
	f := e.Schema().Lookup("event_time")
	if !e.Has(f) {
		return time.Time{}, fmt.Errorf("the event %s has no time, and a file has no Kafka timestamp: give the time it was seen with --observed", eventName(e))
	}
	at := e.Instant(f)
	if day, only := event.DayOf(at); only {
		at = day.At(0, 0, calendar.NewYork())
	}
	return at, nil
}

// eventName returns source and id, by which people look an event up.
func eventName(e *event.Event) string {
	return strings.TrimSpace(e.Text(e.Schema().Lookup("event_source")) + " " + e.Text(e.Schema().Lookup("event_id")))
}

// parseObserved reads the flag --observed.
func parseObserved(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, errors.New("--observed is an instant such as 2026-11-23T18:30:00-05:00")
	}
	return t, nil
}
