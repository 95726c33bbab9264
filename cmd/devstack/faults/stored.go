package faults

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// row is what ClickHouse holds of a record.
type row struct {
	offset    int64
	hash      [sha256.Size]byte // of the bytes stored, by ClickHouse's own function
	noted     [sha256.Size]byte // the hash that was stored beside them
	judged    [sha256.Size]byte // the hash of the judgement that was stored
	chain     [sha256.Size]byte
	tombstone bool
	stage     string // a dead letter: where it failed
	code      string // and why
	first     int64
	last      int64
	size      int // rows of the batch, by the row
	digest    string
	rules     []string // that judged it
	outcomes  []string // of each
	findings  []finding
}

// finding is a candidate that a row raises.
type finding struct{ rule, id, matter string }

// database is ClickHouse's HTTP interface, asked directly.
type database struct{ addr, user, password string }

// ask runs a statement and returns its answer, which the caller closes.
func (d database) ask(ctx context.Context, sql string) (io.ReadCloser, error) {
	u := url.URL{Scheme: "http", Host: d.addr, Path: "/", RawQuery: url.Values{"database": {"tocsin"}}.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(sql))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(d.user, d.password)
	req.Close = true // an idle connection delays the server's end
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		_ = resp.Body.Close()
		return nil, fmt.Errorf("ClickHouse answers %s: %s", resp.Status, text)
	}
	return resp.Body, nil
}

// number runs a statement whose answer is a number.
func (d database) number(ctx context.Context, sql string) (n int64, err error) {
	body, err := d.ask(ctx, sql)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	_, err = fmt.Fscan(body, &n)
	return n, err
}

// texts runs a statement that answers with a text a line.
func (d database) texts(ctx context.Context, sql string) ([]string, error) {
	body, err := d.ask(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return strings.Fields(string(text)), err
}

// of is a condition on rows: they are of the topics with these ids.
func of(ids []string) string { return "topic_id IN ('" + strings.Join(ids, "', '") + "')" }

// readRows reads every row, in offset order within a partition.
func (d database) readRows(ctx context.Context) (map[partition][]row, error) {
	body, err := d.ask(ctx, `SELECT topic, topic_id, partition, offset, lower(hex(SHA256(raw))), lower(hex(raw_sha256)), lower(hex(judged_sha256)), lower(hex(chain)),
		tombstone, failure_stage, failure_code, batch_first, batch_last, batch_rows, rules_digest,
		verdicts.rule, verdicts.outcome, findings.rule, findings.candidate_id, findings.key
		FROM events ORDER BY topic, topic_id, partition, offset
		SETTINGS output_format_json_quote_64bit_integers = 0, max_execution_time = 0 FORMAT JSONCompactEachRow`)
	if err != nil {
		return nil, fmt.Errorf("read the rows: %w", err)
	}
	defer body.Close()
	stored := make(map[partition][]row)
	lines := bufio.NewReaderSize(body, 1<<20)
	for decoder := json.NewDecoder(lines); decoder.More(); {
		var p partition
		var r row
		var hash, noted, judged, chain string
		var rules, ids, matters []string
		if err := decoder.Decode(&[]any{&p.topic, &p.id, &p.number, &r.offset, &hash, &noted, &judged, &chain, &r.tombstone, &r.stage, &r.code, &r.first, &r.last, &r.size, &r.digest,
			&r.rules, &r.outcomes, &rules, &ids, &matters}); err != nil {
			return nil, fmt.Errorf("read the rows: %w", err)
		}
		for _, h := range []struct {
			to   *[sha256.Size]byte
			text string
		}{{&r.hash, hash}, {&r.noted, noted}, {&r.judged, judged}, {&r.chain, chain}} {
			if n, err := hex.Decode(h.to[:], []byte(h.text)); err != nil || n != sha256.Size {
				return nil, fmt.Errorf("read the rows: %s@%d has the hash %q", p, r.offset, h.text)
			}
		}
		if len(ids) != len(rules) || len(matters) != len(rules) || len(r.rules) != len(r.outcomes) {
			return nil, fmt.Errorf("read the rows: %s@%d has arrays of different lengths", p, r.offset)
		}
		for i := range rules {
			r.findings = append(r.findings, finding{rules[i], ids[i], matters[i]})
		}
		stored[p] = append(stored[p], r)
	}
	return stored, nil
}
