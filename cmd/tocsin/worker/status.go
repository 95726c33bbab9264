package worker

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"tocsin/cmd/tocsin/cli"
	"tocsin/pipeline"
	"tocsin/rules/diag"
)

// statusPage is the state of a worker, for people as text and for scripts as JSON. It
// holds no value of a record. Its names are an interface.
type statusPage struct {
	Version   string          `json:"version"`
	At        time.Time       `json:"at"`
	Live      bool            `json:"live"`
	Ready     bool            `json:"ready"`
	Turned    time.Time       `json:"turned"` // when the loop last turned
	Rules     rulesStatus     `json:"rules"`
	Waiting   []statusWait    `json:"waiting"` // the longest wait first
	Held      statusHeld      `json:"in_hand"`
	LastError *statusError    `json:"last_error,omitempty"`
	Assigned  []statusOfPlace `json:"partitions"`
}

// statusHeld is pipeline.InHand in JSON: full_in_seconds is null when nothing comes.
type statusHeld struct {
	Rows   int      `json:"rows"`
	Bytes  int64    `json:"bytes"`
	Budget int64    `json:"budget_bytes"`
	FullIn *float64 `json:"full_in_seconds"`
}

func inHand(h pipeline.InHand) statusHeld {
	held := statusHeld{Rows: h.Rows, Bytes: h.Bytes, Budget: h.Budget}
	if in := h.FullIn(); in >= 0 {
		seconds := in.Seconds()
		held.FullIn = &seconds
	}
	return held
}

type statusWait struct {
	For   string    `json:"for"`
	Since time.Time `json:"since"`
	Error string    `json:"error"`
}

type statusError struct {
	At    time.Time `json:"at"`
	Error string    `json:"error"`
}

// statusOfPlace is pipeline.Progress in JSON: offsets are null where there is none.
type statusOfPlace struct {
	Topic     string       `json:"topic"`
	TopicID   string       `json:"topic_id,omitempty"` // as Kafka's tools print it
	Partition int32        `json:"partition"`
	Next      *int64       `json:"next"`
	End       *int64       `json:"end"`
	Lag       int64        `json:"lag"`
	Promised  *int64       `json:"promised_until"`
	Oldest    time.Time    `json:"oldest_unstored,omitzero"`
	Age       float64      `json:"age_seconds"`
	Digest    string       `json:"rules,omitempty"`
	Settled   time.Time    `json:"settled,omitzero"`
	LastError *statusError `json:"last_error,omitempty"`
}

func newStatusPage(s pipeline.Status, rules rulesStatus, at time.Time) statusPage {
	p := statusPage{Version: cli.Version, At: at.UTC(), Live: s.Live, Ready: s.Ready, Turned: s.Turned.UTC(), Rules: rules,
		Waiting: []statusWait{}, Held: inHand(s.InHand), LastError: failed(s.LastError), Assigned: []statusOfPlace{}}
	for _, w := range s.Waits {
		p.Waiting = append(p.Waiting, statusWait{w.For, w.Since.UTC(), w.Error})
	}
	for i := range s.Progress {
		at := &s.Progress[i]
		p.Assigned = append(p.Assigned, statusOfPlace{Topic: at.Topic, TopicID: at.TopicID.String(), Partition: at.Partition, Next: offset(at.Next), End: offset(at.End), Lag: at.Lag(),
			Promised: offset(at.Promised), Oldest: at.Oldest, Age: at.Age(p.At).Seconds(), Digest: at.Digest, Settled: at.Settled.UTC(), LastError: failed(at.LastError)})
	}
	return p
}

func failed(f pipeline.Failed) *statusError {
	if f.Error == "" {
		return nil
	}
	return &statusError{f.At.UTC(), f.Error}
}

func offset(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

// serve answers with the page: JSON when it is asked for by the Accept header
// or by ?format=json.
func (p *statusPage) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.Encode(p) // an error means that the client is gone
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	p.write(w)
}

// write writes the page for people.
func (p *statusPage) write(w io.Writer) {
	word := "ready"
	switch {
	case !p.Live:
		word = "NOT LIVE: the loop last turned " + p.ago(p.Turned)
	case len(p.Waiting) > 0:
		word = "NOT READY: waiting"
	case !p.Ready:
		word = "NOT READY: no partition is assigned"
	}
	fmt.Fprintf(w, "tocsin %s  %s\n%s\n", p.Version, p.At.Format(time.RFC3339), word)
	for _, wait := range p.Waiting {
		fmt.Fprintf(w, "  for %s, since %s (%s): %s\n", wait.For, wait.Since.Format(time.RFC3339), p.ago(wait.Since), wait.Error)
	}
	fmt.Fprintf(w, "in hand %s, %d of %d bytes", diag.Plural(p.Held.Rows, "record"), p.Held.Bytes, p.Held.Budget)
	if in := p.Held.FullIn; in != nil && len(p.Waiting) > 0 {
		fmt.Fprintf(w, "; at the present rate alerts go on for %s", (time.Duration(*in) * time.Second).String())
	}
	fmt.Fprintln(w)
	if e := p.LastError; e != nil {
		fmt.Fprintf(w, "last error %s: %s\n", p.ago(e.At), e.Error)
	}
	fmt.Fprintf(w, "\nrules  pack %s, %s, calendar %s\n       digest %s, found to be those of their files %s\n", p.Rules.Pack, diag.Plural(p.Rules.Rules, "rule"), p.Rules.Calendar, p.Rules.Digest, p.ago(p.Rules.Checked))
	if p.Rules.Error != "" {
		fmt.Fprintf(w, "       NOT those of their files since %s (%s):\n       %s\n", p.Rules.Since.Format(time.RFC3339), p.ago(p.Rules.Since), strings.ReplaceAll(p.Rules.Error, "\n", "\n       "))
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PARTITION\tNEXT\tLAG\tPROMISED UNTIL\tAGE\tRULES\tSETTLED\tLAST ERROR")
	for _, a := range p.Assigned {
		lastError := ""
		if a.LastError != nil {
			lastError = p.ago(a.LastError.At) + ": " + a.LastError.Error
		}
		fmt.Fprintf(table, "%s/%d\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", a.Topic, a.Partition, number64(a.Next), a.Lag, number64(a.Promised),
			time.Duration(a.Age*float64(time.Second)).Round(100*time.Millisecond), a.Digest[:min(len(a.Digest), 12)], p.ago(a.Settled), lastError)
	}
	table.Flush()
}

// ago is the time that has passed between at and the page's time.
func (p *statusPage) ago(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return p.At.Sub(at).Round(time.Second).String() + " ago"
}

func number64(n *int64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}
