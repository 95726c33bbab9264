package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/cmd/devstack/company"
	"tocsin/rules/calendar"
)

// matter is what makes a candidate: a rule and the key of what it is about.
type matter struct{ rule, key string }

func (m matter) String() string { return m.rule + " " + m.key }

func matterOf(p company.Planting) matter { return matter{p.Rule, p.Key} }

// alert is the part of an alert's body that the demo shows.
type alert struct {
	Data struct {
		CandidateID string    `json:"candidate_id"`
		Rule        string    `json:"rule"`
		Title       string    `json:"title"`
		Item        string    `json:"item"`
		Severity    string    `json:"severity"`
		Outcome     string    `json:"outcome"`
		DueAt       time.Time `json:"due_at_conservative"`
		CIK         string    `json:"registrant_cik"`
		// With payload: full alone.
		Key      string `json:"key"`
		Sentence string `json:"sentence"`
	} `json:"data"`
}

// print writes the alert as people read it, on three lines.
func (a *alert) print(out io.Writer, company string) {
	d := &a.Data
	due := "no filing deadline"
	if !d.DueAt.IsZero() {
		due = d.DueAt.In(calendar.NewYork()).Format("Mon 2006-01-02 15:04 MST")
	}
	title := d.Title
	if d.Outcome != "match" {
		title += " (" + d.Outcome + ")"
	}
	say(out, "%-3s %-7s %-7s %-24s  %s  %s", d.Severity, d.Item, d.Rule, due, d.Key, company)
	say(out, "    %s", title)
	if d.Sentence != "" {
		say(out, "    %s", d.Sentence)
	}
}

// watch receives alerts and prints each as it comes. Alerts arrive on a
// goroutine of the client's, hence the lock.
type watch struct {
	conn      *nats.Conn
	consuming jetstream.ConsumeContext
	out       io.Writer

	mu    sync.Mutex
	about map[matter]string // the company that a planted matter is about
	seen  map[string]int    // by candidate id
	first time.Time         // when the first alert came
	fault error
}

// subscribe begins to watch the alert stream.
func subscribe(ctx context.Context, server string, out io.Writer) (*watch, error) {
	conn, err := nats.Connect(server)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	w := &watch{conn: conn, out: out, about: make(map[matter]string), seen: make(map[string]int)}
	js, err := jetstream.New(conn)
	if err == nil {
		var consumer jetstream.Consumer
		if consumer, err = js.OrderedConsumer(ctx, "DISCLOSURE", jetstream.OrderedConsumerConfig{}); err == nil {
			w.consuming, err = consumer.Consume(w.take)
		}
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("read the alert stream: %w", err)
	}
	return w, nil
}

func (w *watch) close() {
	w.consuming.Stop()
	w.conn.Close()
}

func (w *watch) take(msg jetstream.Msg) {
	var a alert
	err := json.Unmarshal(msg.Data(), &a)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.fault = fmt.Errorf("an alert cannot be read: %w", err)
		return
	}
	if len(w.seen) == 0 {
		w.first = time.Now()
	}
	w.seen[a.Data.CandidateID]++
	company, planted := w.about[matter{a.Data.Rule, a.Data.Key}]
	if !planted {
		company = "CIK " + a.Data.CIK
	}
	a.print(w.out, company)
}

// expect names the company that a planted matter is about.
func (w *watch) expect(m matter, company string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.about[m] = company
}

// repeats is how many alerts came for a candidate that had one.
func (w *watch) repeats() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, times := range w.seen {
		n += times - 1
	}
	return n
}

// since is how long after t the first alert came; 0 when none did.
func (w *watch) since(t time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first.IsZero() {
		return 0
	}
	return w.first.Sub(t)
}

// count is how many candidates have come.
func (w *watch) count() (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen), w.fault
}

// ids are the candidates that have come.
func (w *watch) ids() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[string]bool, len(w.seen))
	for id := range w.seen {
		all[id] = true
	}
	return all
}

// compare returns what was planted and did not come, and what came unplanted.
func compare(planted, arrived map[matter]bool) (missing, unexpected []matter) {
	for m := range planted {
		if !arrived[m] {
			missing = append(missing, m)
		}
	}
	for m := range arrived {
		if !planted[m] {
			unexpected = append(unexpected, m)
		}
	}
	return missing, unexpected
}

// matters asks ClickHouse which matters the candidates that arrived are: an
// alert of the default payload holds the rule and no key.
func (d *demonstration) matters(ctx context.Context, ids map[string]bool) (map[matter]bool, error) {
	text, err := d.ask(ctx, "SELECT candidate_id, rule, key FROM candidates FORMAT TSVRaw")
	if err != nil {
		return nil, err
	}
	all := make(map[matter]bool)
	known := make(map[string]bool)
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(parts) == 3 && ids[parts[0]] {
			all[matter{parts[1], parts[2]}] = true
			known[parts[0]] = true
		}
	}
	for id := range ids {
		if !known[id] {
			all[matter{"alerted but not stored", id}] = true
		}
	}
	return all, nil
}

// number asks for one number.
func (d *demonstration) number(ctx context.Context, sql string) (int, error) {
	text, err := d.ask(ctx, sql)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(text))
}

func (d *demonstration) ask(ctx context.Context, sql string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.ClickHouseHTTP+"/?"+url.Values{"database": {"tocsin"}}.Encode(), strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(d.ClickHouseUser, d.ClickHousePassword)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask ClickHouse: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("ask ClickHouse: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("ask ClickHouse: %s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	return string(text), nil
}
