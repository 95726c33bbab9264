package event

import (
	"fmt"
	"strings"
)

// Reference returns the field reference as Markdown: the event types, each
// field of both schemas, and the reasons for which a record is refused.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Events\n\nMade from the field tables; the name of a field is its name in JSON (a dot descends into an object) and in rules, its column is its name in ClickHouse.\n\n" +
		"An instant is RFC 3339 with an offset. Up to nine decimals of a second are read, and those beyond the sixth are cut off. A date alone is an instant whose time of day is not known: what asks for the hour is then unknown.\n")
	for _, s := range []*Schema{Ledger, System} {
		fmt.Fprintf(&b, "\n## %s\n\n| type | when |\n|---|---|\n", s.Name)
		for _, t := range Types() {
			if t.Schema == s {
				fmt.Fprintf(&b, "| `%s` | %s |\n", t.Name, cellText(t.Doc))
			}
		}
		writeFields(&b, s, "")
		for i := range s.Fields {
			if f := &s.Fields[i]; f.Kind == Records {
				fmt.Fprintf(&b, "\n### %s: %s\n", s.Name, f.Name)
				writeFields(&b, f.schema, f.Name+".")
			}
		}
	}
	b.WriteString("\n## Refused records\n\nA record that cannot be read is a dead letter with one of these reasons.\n\n| stage | code | meaning |\n|---|---|---|\n")
	for _, r := range Reasons() {
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", r.Stage, r.Code, cellText(r.Doc))
	}
	return b.String()
}

// writeFields writes a table of the fields of s. Columns of the members of a
// list are written as ClickHouse names them: lines.amount_group.
func writeFields(b *strings.Builder, s *Schema, list string) {
	b.WriteString("\n| field | kind | unit | column | values | meaning |\n|---|---|---|---|---|---|\n")
	for i := range s.Fields {
		f := &s.Fields[i]
		values := ""
		if len(f.Values) > 0 {
			values = "`" + strings.Join(f.Values, "` `") + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | `%s` | %s | %s |\n", f.Name, f.Kind, f.Unit, list+f.Column(), values, cellText(f.Doc))
	}
}

// cellText escapes what would end a cell.
func cellText(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
