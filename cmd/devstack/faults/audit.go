package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// audit has the program look for what is wrong itself, where it can: an auditor
// relies on that. Alerts whose promise was deleted with a topic are sent before. It
// returns how many alerts no row raises, and an error for every other problem.
func (r *run) audit(ctx context.Context) (unraised int, err error) {
	ctx, cancel := context.WithTimeout(ctx, emptyBound)
	defer cancel()
	if len(r.gone) > 0 {
		if _, err := r.tocsin(ctx, "reconcile", "--config", r.fleet.slots[0].config); err != nil {
			return 0, err
		}
	}
	if said, _ := r.tocsin(ctx, "audit", "-h"); !strings.Contains(said, "-rejudge") {
		return 0, nil
	}
	said, err := r.tocsin(ctx, "audit", "--rejudge", "--config", r.fleet.slots[0].config)
	if err == nil {
		return 0, nil
	}
	printed, _ := r.tocsin(ctx, "audit", "--json", "--rejudge", "--config", r.fleet.slots[0].config)
	var report struct {
		Problems []struct {
			Kind string
		}
		Total struct {
			Problems int
		}
	}
	if bad := json.Unmarshal([]byte(printed), &report); bad != nil {
		return 0, err
	}
	for _, p := range report.Problems {
		if p.Kind != "no row" {
			return 0, fmt.Errorf("%w\n%s", err, said)
		}
	}
	return report.Total.Problems, nil
}
