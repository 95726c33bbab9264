package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// limits are the thresholds of a pack's two rules. A record is a candidate at
// the threshold and above it.
type limits struct {
	Cents   int64 // of a contract's value
	Seconds int64 // of an outage
}

// packs are the two packs that workers change between. A record between their
// limits is a candidate under the first and not under the second.
var packs = []limits{{Cents: 1_000_000_00, Seconds: 3600}, {Cents: 2_000_000_00, Seconds: 7200}}

// The rules of both packs.
const (
	contractRule = "FLT-01"
	outageRule   = "FLT-02"
)

const packText = `schema: tocsin.pack/v1
id: faults
title: Two rules whose verdicts follow from arithmetic
group_currency: USD
`

const ruleText = `id: %[1]s
revision: %[2]d
title: %[3]s
owner: faults
item: "%[4]s"
severity: S2
applies_to: [%[5]s]
citation: none
params:
  limit: %[6]s
when: %[7]s >= limit
dedup: %[8]s
deadline: { clock: I, from: event_time }
runbook: none
`

const casesText = `schema: tocsin.cases/v1
base:
  type: %[1]s
  time: 2026-03-10T16:00:00-04:00
  data:
    %[2]s
cases:
  - name: at the limit
    event: { data: { %[3]s: %[4]s } }
    expect: { outcome: match }
  - name: just below
    event: { data: { %[3]s: %[5]s } }
    expect: { outcome: no_match }
  - name: just above
    event: { data: { %[3]s: %[6]s } }
    expect: { outcome: match }
  - name: not said
    expect: { outcome: indeterminate, reason: %[3]s }
`

// writePack writes the pack of the given limits as a directory.
func writePack(dir string, revision int, l limits) error {
	files := map[string]string{
		"pack.yaml": packText,
		"rules/" + contractRule + ".yaml": fmt.Sprintf(ruleText, contractRule, revision, "Large contract", "1.01", contractType,
			"USD "+money(l.Cents), "contract.total_value_group", "contract.contract_id"),
		"rules/" + outageRule + ".yaml": fmt.Sprintf(ruleText, outageRule, revision, "Long outage", "8.01", outageType,
			fmt.Sprintf("%ds", l.Seconds), "duration_seconds", "incident_id"),
		"cases/" + contractRule + ".yaml": fmt.Sprintf(casesText, contractType, "{ group_currency: USD, contract: { contract_id: K } }",
			"contract.total_value_group", money(l.Cents), money(l.Cents-1), money(l.Cents+1)),
		"cases/" + outageRule + ".yaml": fmt.Sprintf(casesText, outageType, "{ incident_id: K }",
			"duration_seconds", fmt.Sprint(l.Seconds), fmt.Sprint(l.Seconds-1), fmt.Sprint(l.Seconds+1)),
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write a pack: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write a pack: %w", err)
		}
	}
	return nil
}

// money writes cents as a decimal number.
func money(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

// digestOf has the program check a pack, cases included, and returns the
// digest under which its verdicts are stored.
func digestOf(ctx context.Context, program, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, program, "rules", "test", "-json", dir).Output()
	if err != nil && len(out) == 0 {
		return "", fmt.Errorf("%s rules test %s: %w", program, dir, err)
	}
	var report struct {
		Digest   string
		Mistakes []struct{ Message string }
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return "", fmt.Errorf("%s rules test %s: %w", program, dir, err)
	}
	if len(report.Mistakes) > 0 || report.Digest == "" {
		return "", fmt.Errorf("%s rules test %s finds mistakes: %s", program, dir, strings.TrimSpace(string(out)))
	}
	return report.Digest, nil
}
