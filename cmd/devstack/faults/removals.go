package faults

import "fmt"

// removals take one mechanism each out of the program. A run without it must
// fail, or the run proves nothing about it.
var removals = map[string][]edit{}

func removal(name string) ([]edit, error) {
	if name == "" {
		return nil, nil
	}
	edits, ok := removals[name]
	if !ok {
		return nil, fmt.Errorf("no mechanism %q", name)
	}
	return edits, nil
}
