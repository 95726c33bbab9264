package config

import (
	"fmt"
	"strings"
)

// Refusal is the rejection of this client by the broker, or of the broker by this
// client: which setting, why, and what to do.
type Refusal struct {
	Place, Reason, Remedy string
	Err                   error
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: %s: %s. %s%s", r.Place, r.Reason, strings.TrimSuffix(r.Err.Error(), "."), strings.ToUpper(r.Remedy[:1]), r.Remedy[1:])
}

func (r *Refusal) Unwrap() error { return r.Err }

// unreadable is the refusal of a file that cannot be read for a connection; nil
// when err is nil.
func unreadable(place string, err error) error {
	if err == nil {
		return nil
	}
	return &Refusal{place, "a file cannot be used", "correct it; it is read again for the next connection", err}
}
