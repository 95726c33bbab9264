package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"tocsin/rules/diag"
)

// level says what a finding means for a worker.
type level string

const (
	levelOK      level = "ok"
	levelWarning level = "warning" // a worker starts, and somebody should mend it before it hurts
	levelFailure level = "failure" // a worker does not start, or waits
)

// finding is one line of the check's result, and, when it is a warning, what a
// worker's metric tocsin_warnings{part,code} is made of.
type finding struct {
	Part  string `json:"part"` // configuration, rules, kafka, clickhouse, nats, http
	Level level  `json:"level"`
	Code  string `json:"code,omitempty"`  // of a warning: stable, few, fit for a label; else of a mistake in a file
	Place string `json:"place,omitempty"` // where the mistake stands: file:line:column, or a key of the configuration
	Says  string `json:"says"`            // what was found
	Mend  string `json:"mend,omitempty"`  // what to do about it, where Says does not say it
}

// fine is that a part is as it must be.
func fine(part, format string, args ...any) finding {
	return finding{Part: part, Level: levelOK, Says: fmt.Sprintf(format, args...)}
}

// failures makes one finding of each mistake in an error.
func failures(part string, err error) (all []finding) {
	var mistakes diag.List
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			all = append(all, finding{Part: part, Level: levelFailure, Code: m.Code, Place: fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Column), Says: m.Message, Mend: m.Hint})
		}
		return all
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && strings.Contains(err.Error(), "\n") {
		for _, e := range joined.Unwrap() {
			all = append(all, failures(part, e)...)
		}
		return all
	}
	var r *refusal
	if errors.As(err, &r) {
		return []finding{r.finding(part)}
	}
	return []finding{{Part: part, Level: levelFailure, Says: err.Error()}}
}

// same reports whether g is the same hazard; its figures may be others.
func (f finding) same(g finding) bool { return f.Part == g.Part && f.Code == g.Code }

// write prints the finding for a person.
func (f finding) write(w io.Writer) {
	text := f.Says
	if f.Place != "" {
		text = f.Place + ": " + text
	}
	if f.Mend != "" {
		text += ". " + strings.ToUpper(f.Mend[:1]) + f.Mend[1:]
	}
	if f.Code != "" {
		text += " [" + f.Code + "]"
	}
	word := map[level]string{levelOK: "ok", levelWarning: "warn", levelFailure: "FAIL"}[f.Level]
	fmt.Fprintf(w, "%-5s%-14s%s\n", word, f.Part, strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", 19)))
}
