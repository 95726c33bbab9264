package endtoend

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/devstack/stack"
	"tocsin/rules"
	"tocsin/rules/event"
)

// judgement is what rules said of a record.
type judgement struct {
	Rules, Outcomes                          []string
	Candidates, Severities, Keys, Values, At []string // of each finding; At is the due instant
	Explanations                             []rules.Reasoning
}

// storedRow is a row as the test asks for it.
type storedRow struct {
	Digest, Raw                              string
	Milli                                    int64
	Rules, Outcomes                          []string
	Candidates, Severities, Keys, Values, At []string
	Explanations                             []string
}

func (r *storedRow) judgement(t *testing.T) judgement {
	t.Helper()
	j := judgement{r.Rules, r.Outcomes, r.Candidates, r.Severities, r.Keys, r.Values, r.At, make([]rules.Reasoning, len(r.Explanations))}
	for i, text := range r.Explanations {
		if err := json.Unmarshal([]byte(text), &j.Explanations[i]); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// again judges the row's bytes.
func (r *storedRow) again(t *testing.T, e *rules.Engine) judgement {
	t.Helper()
	j := judgement{[]string{}, []string{}, []string{}, []string{}, []string{}, []string{}, []string{}, []rules.Reasoning{}}
	var ev event.Event
	if failure := event.NewDecoder(event.Limits{}).Decode(&ev, []byte(r.Raw), nil); failure != nil {
		t.Fatal(failure)
	}
	for _, v := range e.Judge(nil, &ev, time.UnixMilli(r.Milli)) {
		j.Rules, j.Outcomes = append(j.Rules, v.Rule.ID), append(j.Outcomes, v.Outcome.String())
		if f := v.Finding; f != nil {
			j.Candidates, j.Severities = append(j.Candidates, f.CandidateID), append(j.Severities, f.Severity.String())
			j.Keys, j.Values = append(j.Keys, f.Key), append(j.Values, f.Value)
			j.At, j.Explanations = append(j.At, f.Deadline.DueAt.UTC().Format("2006-01-02 15:04:05.000000")), append(j.Explanations, f.Reasoning())
		}
	}
	return j
}

// rejudged judges every row again by the pack that is kept under its digest,
// and returns how many rows each digest has.
func (h *harness) rejudged() map[string]int {
	h.t.Helper()
	engines := make(map[string]*rules.Engine)
	for line := range strings.Lines(h.query("SELECT digest, archive FROM packs FORMAT JSONEachRow")) {
		var kept struct{ Digest, Archive string }
		if err := json.Unmarshal([]byte(line), &kept); err != nil {
			h.t.Fatal(err)
		}
		pack, err := rules.OpenArchive([]byte(kept.Archive))
		if err != nil {
			h.t.Fatal(err)
		}
		if pack.Digest() != kept.Digest || engines[kept.Digest] != nil {
			h.t.Errorf("the pack kept under %s has digest %s, or is kept twice", kept.Digest, pack.Digest())
		}
		engines[kept.Digest] = rules.NewEngine(pack)
	}
	rows := make(map[string]int)
	for line := range strings.Lines(h.query("SELECT rules_digest AS digest, raw, kafka_millis AS milli, verdicts.rule AS rules, verdicts.outcome AS outcomes, " +
		"findings.candidate_id AS candidates, findings.severity AS severities, findings.key AS keys, findings.value AS values, arrayMap(x -> toString(x), findings.due_at) AS at, " +
		"findings.explanation AS explanations FROM events SETTINGS output_format_json_quote_64bit_integers = 0 FORMAT JSONEachRow")) {
		var row storedRow
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			h.t.Fatal(err)
		}
		if engines[row.Digest] == nil {
			h.t.Fatalf("no pack is kept under %s", row.Digest)
		}
		rows[row.Digest]++
		if diff := cmp.Diff(row.again(h.t, engines[row.Digest]), row.judgement(h.t)); diff != "" {
			h.t.Fatalf("a row under %s (-judged again +stored):\n%s", row.Digest, diff)
		}
	}
	return rows
}

// TestRollingDeployment has workers with two packs alive at once and kills them
// in turn under load: a batch that one promised, the other finishes by the first
// one's rules.
func TestRollingDeployment(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	configs := []string{h.judging(pack(t, "500_000_000", "S2")), h.judging(pack(t, "600_000_000", "S1"))}
	workers := []*stack.Worker{h.workerOf(program, configs[0]), h.workerOf(program, configs[1])}
	l := produce(t, h.Kafka, 1000)
	promised := 0
	for i := range 2 {
		l.wait(h, 3000)
		workers[i%2].Kill()
		promised += h.promised()
		l.wait(h, 10_000) // the other has taken over by now
		workers[i%2] = h.workerOf(program, configs[i%2])
	}
	h.exact(l.stop(t))

	rows := h.rejudged()
	t.Logf("%d batches were promised and unfinished at the kills; rows by digest: %v", promised, rows)
	if len(rows) != 2 || promised == 0 {
		t.Errorf("%d digests, %d batches promised at the kills: want two packs at work, and batches to finish", len(rows), promised)
	}
	h.answers("packs that are not what their digest says", []string{"2\t0"}, "SELECT count(), countIf(digest != lower(hex(SHA256(archive)))) FROM packs")
	h.answers("batches of more than one digest or last offset", []string{""},
		"SELECT topic, partition, batch_first FROM events GROUP BY ALL HAVING uniqExact(rules_digest, batch_last) > 1")
}
