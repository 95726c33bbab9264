package endtoend

import (
	"bytes"
	"crypto/sha256"
	big "encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/devstack/stack"
)

// bulk stores rows first to last-1 of a partition, in batches of 5,000, past the
// worker: sound for all that the chain and the batches show.
func (h *harness) bulk(first, last int, head *[32]byte) {
	h.t.Helper()
	const batch, chunk = 5000, 100_000
	digest := h.query("SELECT digest FROM packs LIMIT 1")
	number := big.BigEndian.AppendUint64
	judged := sha256.Sum256(append(append(number(nil, uint64(len(digest))), digest...), make([]byte, 9*8)...)) // no calendar, limit, verdict, finding or failure
	insert := fmt.Sprintf(`INSERT INTO events (cluster, topic, partition, offset, kafka_millis, happened_at, batch_first, batch_last, batch_rows, batch_at, raw, raw_sha256, judged_sha256, chain, rules_digest, calendar_version, event_type, company_code)
		SELECT 'main', '%s', 0, at, toUnixTimestamp64Milli(toDateTime64('2026-01-05 00:00:00', 3, 'UTC')), toDateTime64('2026-01-05 00:00:00', 6, 'UTC') + at, intDiv(at, %[2]d) * %[2]d, intDiv(at, %[2]d) * %[2]d + %[2]d - 1, %[2]d, toDateTime64('2026-01-05 00:00:00', 3, 'UTC'),
			value, hash, unhex('%[4]x'), link, '%[3]s', '', 'ledger.contract.executed', toString(at %% 20)
		FROM input('at Int64, value String, hash FixedString(32), link FixedString(32)') FORMAT RowBinary`, stack.LedgerTopic, batch, digest, judged)
	u, err := url.Parse(h.ClickHouseHTTP)
	if err != nil {
		h.t.Fatal(err)
	}
	u.RawQuery = url.Values{"database": {"tocsin"}, "query": {insert}}.Encode()
	for ; first < last; first += chunk {
		var body bytes.Buffer
		for i := first; i < min(first+chunk, last); i++ {
			value := contract(i).Value
			hash := sha256.Sum256(value)
			said := number(number(head[:], uint64(i)), uint64(time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC).UnixMilli()))
			said = number(number(number(said, 0), 0), 0) // no key, no headers, no tombstone
			*head = sha256.Sum256(append(append(said, hash[:]...), judged[:]...))
			body.Write(big.LittleEndian.AppendUint64(nil, uint64(i)))
			body.Write(big.AppendUvarint(nil, uint64(len(value))))
			body.Write(value)
			body.Write(hash[:])
			body.Write(head[:])
		}
		req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, u.String(), &body)
		if err != nil {
			h.t.Fatal(err)
		}
		req.SetBasicAuth(h.ClickHouseUser, h.ClickHousePassword)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			h.t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			h.t.Fatalf("insert: %s %s", resp.Status, resp.Header.Get("X-ClickHouse-Exception-Code"))
		}
	}
}

// peak runs a command and returns the most memory that its process ever had, in
// MiB, and the last line that it printed. It asks the kernel while the process
// runs: the later figure includes the process that started it. environ is added to the
// command's environment.
func (h *harness) peak(code int, environ []string, args ...string) (mib int64, last string) {
	h.t.Helper()
	argv := slices.Concat(h.within, []string{program}, args, []string{"--config", h.config})
	cmd := exec.CommandContext(h.t.Context(), argv[0], argv[1:]...)
	cmd.Env = slices.Concat(os.Environ(), h.Environ(), environ)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			mib = max(mib, highWater(h.t, cmd.Process.Pid))
		case err := <-ended:
			if cmd.ProcessState.ExitCode() != code || mib == 0 {
				h.t.Fatalf("%v: %v, %d MiB", args, err, mib)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			return mib, lines[len(lines)-1]
		}
	}
}

// highWater is the most memory that a process ever had, in MiB; 0 once it has
// ended.
func highWater(t *testing.T, pid int) int64 {
	t.Helper()
	if len(buildFlags) > 0 {
		t.Skip("the race detector takes memory of its own: make test measures it")
	}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	if !ok {
		return 0
	}
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// TestAuditMemory: an audit of ten times the rows takes no more memory.
func TestAuditMemory(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.drain() // keeps the rules
	few, many := 30_000, 300_000
	if n := os.Getenv("TOCSIN_AUDIT_ROWS"); n != "" {
		if _, err := fmt.Sscan(n, &many); err != nil {
			t.Fatal(err)
		}
	}
	lean := []string{"GOGC=20"} // the peak is what is held, and not how far a busy machine lets garbage grow
	var head [32]byte
	h.bulk(0, few, &head)
	before, says := h.peak(0, lean, "audit")
	t.Logf("%d rows: %d MiB; %s", few, before, says)
	// What the worker said of them is missing: every row differs.
	judged, says := h.peak(problems, lean, "audit", "--rejudge")
	t.Logf("%d rows judged again: %d MiB; %s", few, judged, says)
	h.bulk(few, many, &head)
	after, says := h.peak(0, lean, "audit")
	t.Logf("%d rows: %d MiB; %s", many, after, says)
	if !strings.Contains(says, fmt.Sprintf("%d rows", many)) {
		t.Errorf("the audit says %s", says)
	}
	const bound, slack = 256, 24 // MiB
	if after > bound || judged > bound || after > before+slack {
		t.Errorf("the audit of %d rows took %d MiB, judging again %d, of %d rows %d: it grows, or is beyond %d", few, before, judged, many, after, bound)
	}
}
