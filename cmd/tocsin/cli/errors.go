package cli

import (
	"errors"
	"fmt"
	"io"

	"tocsin/rules/diag"
)

// PrintError prints an error for a person: the mistakes of a file with their
// lines, any other error as one line for each cause. The text end, which may be
// empty, follows on the last line.
func PrintError(w io.Writer, command string, err error, end string) {
	var mistakes diag.List
	if errors.As(err, &mistakes) {
		_ = mistakes.Write(w) // an error of standard error has no other place
		fmt.Fprintf(w, "%s: %s%s\n", command, diag.Plural(len(mistakes), "mistake"), end)
		return
	}
	fmt.Fprintf(w, "%s: %v%s\n", command, err, end)
}

// UsageError is a mistake on the command line: exit code 2.
type UsageError struct{ error }

// Unwrap returns the mistake.
func (u UsageError) Unwrap() error { return u.error }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error {
	return UsageError{fmt.Errorf(format, args...)}
}

// Misused makes a UsageError of an error; nil stays nil.
func Misused(err error) error {
	if err == nil {
		return nil
	}
	return UsageError{err}
}
