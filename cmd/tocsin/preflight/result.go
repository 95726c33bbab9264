package preflight

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"tocsin/cmd/tocsin/config"
	"tocsin/rules/diag"
)

// level is what a result means for a worker.
type level string

const (
	levelOK      level = "ok"
	levelWarning level = "warning" // a worker starts; the hazard should be removed before it hurts
	levelFailure level = "failure" // a worker does not start, or waits
)

// result is one line of the check. A result that is a warning is a hazard, and a
// value of a worker's metric tocsin_warnings{part,code}.
type result struct {
	Part    string `json:"part"` // configuration, rules, kafka, clickhouse, nats, http
	Level   level  `json:"level"`
	Code    string `json:"code,omitempty"`  // of a warning: stable, few, fit for a label; else of a mistake in a file
	Place   string `json:"place,omitempty"` // of a mistake: file:line:column, or a key of the configuration
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"` // empty where the message has it

	snippet string // the mistake of a file with its line, as every command prints it
}

// fine is the result of a part without a hazard.
func fine(part, format string, args ...any) result {
	return result{Part: part, Level: levelOK, Message: fmt.Sprintf(format, args...)}
}

// failures makes one result of each mistake in an error.
func failures(part string, err error) (all []result) {
	var mistakes diag.List
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			all = append(all, ofMistake(part, m))
		}
		return all
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && strings.Contains(err.Error(), "\n") {
		for _, e := range joined.Unwrap() {
			all = append(all, failures(part, e)...)
		}
		return all
	}
	var r *config.Refusal
	if errors.As(err, &r) {
		return []result{{Part: part, Level: levelFailure, Place: r.Place, Message: r.Reason + ": " + strings.TrimSuffix(r.Err.Error(), "."), Remedy: r.Remedy}}
	}
	return []result{{Part: part, Level: levelFailure, Message: err.Error()}}
}

// ofMistake is the result of a mistake in a file.
func ofMistake(part string, m *diag.Diagnostic) result {
	place := m.File
	if m.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Column)
	}
	var text strings.Builder
	_ = diag.List{m}.Write(&text) // a Builder takes everything
	return result{Part: part, Level: levelFailure, Code: m.Code, Place: place, Message: m.Message, Remedy: m.Hint, snippet: strings.TrimSuffix(text.String(), "\n")}
}

// same reports whether g is the same hazard; its figures may differ.
func (r result) same(g result) bool { return r.Part == g.Part && r.Code == g.Code }

// write prints the result for a person.
func (r result) write(w io.Writer) {
	word := map[level]string{levelOK: "ok", levelWarning: "warn", levelFailure: "FAIL"}[r.Level]
	fmt.Fprintf(w, "%-5s%-14s%s\n", word, r.Part, strings.ReplaceAll(r.text(), "\n", "\n"+strings.Repeat(" ", 19)))
}

func (r result) text() string {
	if r.snippet != "" {
		return r.snippet
	}
	text := r.Message
	if r.Place != "" {
		text = r.Place + ": " + text
	}
	if r.Remedy != "" {
		text += ". " + strings.ToUpper(r.Remedy[:1]) + r.Remedy[1:]
	}
	if r.Code != "" {
		text += " [" + r.Code + "]"
	}
	return text
}
