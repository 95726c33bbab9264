package endtoend

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tocsin/cmd/devstack/stack"
)

// unprotected are the columns that an audit does not answer for. The auditor's
// page (sinks/clickhouse/AUDIT.md) states the same.
var unprotected = []string{"repaired", "stored_at"}

// TestAuditFindsEveryColumn alters every column, each in another row, and wants
// each to be found there.
func TestAuditFindsEveryColumn(t *testing.T) {
	t.Parallel()
	h := stored(t, 2000, 200)
	partition := h.query("SELECT partition FROM events GROUP BY partition ORDER BY count() DESC LIMIT 1")
	// Contracts are taken at odd offsets: of two changes side by side the chain
	// may see one.
	rows := func(kind string) []string {
		return strings.Split(h.query("SELECT offset FROM events WHERE partition = "+partition+" AND offset > 5 AND "+kind+" ORDER BY offset"), "\n")
	}
	contracts, candidates, journals := rows("offset % 2 = 1 AND event_type = 'ledger.contract.executed' AND empty(findings.rule)"), rows("notEmpty(findings.rule)"), rows("notEmpty(lines.account)")
	take := func(from *[]string) int64 {
		if len(*from) == 0 {
			t.Fatal("there are too few rows for so many columns")
		}
		offset, err := strconv.ParseInt((*from)[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		*from = (*from)[1:]
		return offset
	}

	altered := make(map[string]int64)
	noted := take(&contracts) // the members of unstored are as long as each other, so one row has both
	var names, terms, shown, inRest []string
	for line := range strings.Lines(h.query("SELECT name, type, default_kind FROM system.columns WHERE database = 'tocsin' AND table = 'events' AND name != 'kafka_timestamp' ORDER BY position")) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		name, typ := fields[0], strings.ReplaceAll(fields[1], `\'`, `'`)
		column, from := "`"+name+"`", &contracts
		if fields[2] == "ALIAS" { // of a field that the column rest holds
			altered[name] = take(from)
			text := fmt.Sprintf("ifNull(toString(%s), '')", other(column, typ))
			if typ == "Array(String)" {
				text = fmt.Sprintf("toJSONString(arrayPushBack(%s, 'other'))", column)
			}
			shown = append(shown, column)
			inRest = append(inRest, fmt.Sprintf("offset = %d, mapUpdate(rest, map('%s', %s))", altered[name], name, text))
			continue
		}
		var change string
		switch list, _, nested := strings.Cut(name, "."); {
		case nested && list == "findings":
			from = &candidates
		case nested && list != "verdicts", name == "key":
			from = &journals
		}
		if name == "rest" {
			change = "mapUpdate(rest, map('other', ''))"
		} else if element, array := strings.CutPrefix(typ, "Array("); !array {
			change = other(column, typ)
			if name == "offset" {
				change = "1000000" // nothing is near
			}
		} else if element = strings.TrimSuffix(element, ")"); strings.Contains(name, ".") {
			change = fmt.Sprintf("arrayMap(x -> CAST(%s, '%s'), %s)", other("x", element), strings.ReplaceAll(element, "'", `\'`), column)
		} else {
			change = "arrayPushBack(" + column + ", 'other')"
		}
		if altered[name] = noted; !strings.HasPrefix(name, "unstored.") {
			altered[name] = take(from)
		} else {
			change = "['other']"
		}
		names = append(names, column)
		terms = append(terms, fmt.Sprintf("if(partition = %s AND offset = %d, CAST(%s, '%s'), %s)", partition, altered[name], change, strings.ReplaceAll(typ, "'", `\'`), column))
	}
	if len(inRest) < 100 {
		t.Errorf("%d columns show what the column rest holds", len(inRest))
	}
	at := slices.Index(names, "`rest`")
	terms[at] = fmt.Sprintf("multiIf(partition != %s, rest, %s, %s)", partition, strings.Join(inRest, ", "), terms[at])
	h.keeping()
	h.query("TRUNCATE TABLE events")
	h.query(fmt.Sprintf("INSERT INTO events (%s) SELECT %s FROM (SELECT *, %s FROM kept) SETTINGS max_partitions_per_insert_block = 1000, enable_positional_arguments = 0",
		strings.Join(names, ", "), strings.Join(terms, ", "), strings.Join(shown, ", ")))

	a, lines := h.audit("--rejudge")
	named := 0
	for name, offset := range altered {
		on := func(p found) bool {
			return p.Topic == stack.LedgerTopic && fmt.Sprint(p.Partition) == partition && p.First <= offset && offset <= p.Last
		}
		if got, want := slices.ContainsFunc(a.Problems, on), !slices.Contains(unprotected, name); got != want {
			t.Errorf("column %s was altered at offset %d: found is %v, want %v", name, offset, got, want)
		}
		if slices.ContainsFunc(a.Problems, func(p found) bool { return on(p) && p.Column == name }) {
			named++
		}
	}
	// All but the envelope, which the chain and the batches answer for.
	if named < len(altered)-25 {
		t.Errorf("of %d columns %d are named; problems are\n%s", len(altered), named, strings.Join(lines, "\n"))
	}
	t.Logf("%d columns, %d of them named, %d problems", len(altered), named, len(lines))
}

// other is an expression for another value than x's, of the type.
func other(x, typ string) string {
	inner, nullable := strings.CutPrefix(typ, "Nullable(")
	switch {
	case strings.HasPrefix(inner, "Bool"):
		if nullable {
			x = "ifNull(" + x + ", false)"
		}
		return "NOT " + x
	case strings.HasPrefix(inner, "Int"), strings.HasPrefix(inner, "UInt"), strings.HasPrefix(inner, "Decimal"):
		if nullable {
			x = "ifNull(" + x + ", 0)"
		}
		return x + " + 1"
	case strings.HasPrefix(inner, "Date32"):
		if nullable {
			x = "ifNull(" + x + ", toDate32('2001-01-01'))"
		}
		return x + " + 1"
	case strings.HasPrefix(inner, "DateTime64"):
		if nullable {
			x = "ifNull(" + x + ", toDateTime64('2001-01-01 00:00:00', 6, 'UTC'))"
		}
		return x + " + INTERVAL 1 SECOND"
	case strings.HasPrefix(typ, "FixedString"):
		return "SHA256(" + x + ")"
	case strings.HasPrefix(typ, "Enum8"):
		return "if(" + x + " = 'match', 'no_match', 'match')"
	}
	return "concat(" + x + ", 'x')"
}
