package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// explained holds, by the name of a mutation, the reason why no test kills it.
type explained map[string]string

// read reads the list of explained survivors: a heading for each file, and below it
// a line for each mutation, as main prints it:
//
//	## pipeline/batch.go
//	- `Batch.Late`: `a >= b written for a > b`: the reason
func read(text []byte) (explained, error) {
	all := explained{}
	file, number := "", 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		number++
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			file = heading
		}
		entry, ok := strings.CutPrefix(line, "- `")
		if !ok {
			continue
		}
		function, rest, ok := strings.Cut(entry, "`: `")
		change, reason, both := strings.Cut(rest, "`: ")
		if !ok || !both || file == "" || strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("line %d of the explained survivors: want: - `FUNCTION`: `CHANGE`: REASON, below the heading of a file", number)
		}
		m := mutation{file: file, function: function, change: change}
		if all[m.name()] != "" {
			return nil, fmt.Errorf("line %d of the explained survivors: this one is explained above already", number)
		}
		all[m.name()] = reason
	}
	return all, nil
}

// line is a mutation as the list of explained survivors has it.
func (m *mutation) line() string { return fmt.Sprintf("- `%s`: `%s`: ", m.function, m.change) }
