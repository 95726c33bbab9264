package endtoend

import (
	"encoding/json"
	"strings"
)

// explains compares the explanation that is stored with a candidate with the one
// that tocsin rules explain gives for the candidate's record in ClickHouse.
func (h *harness) explains(rule string) {
	h.t.Helper()
	place, stored, _ := strings.Cut(h.query("SELECT concat(topic, '/', toString(partition), '/', toString(offset)), explanation FROM candidates WHERE rule = '"+rule+"' LIMIT 1 FORMAT TSVRaw"), "\t")
	said := h.tocsin("rules", "explain", "--event", place, "--rule", rule, "--json", "--config", h.config)
	var line struct{ Explanation json.RawMessage }
	if err := json.Unmarshal([]byte(said), &line); err != nil {
		h.t.Fatalf("%v in\n%s", err, said)
	}
	var one, other any
	if err := json.Unmarshal(line.Explanation, &one); err != nil {
		h.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(stored), &other); err != nil {
		h.t.Fatalf("%v in %q", err, stored)
	}
	a, _ := json.Marshal(one)   // both were just read
	b, _ := json.Marshal(other) // and are written alike
	if string(a) != string(b) || !strings.Contains(string(a), rule+" fired: ") {
		h.t.Errorf("%s at %s: stored\n%s\nexplained\n%s", rule, place, b, a)
	}
}
