package cli

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

// line is how the command is called.
func (c *Command) line(path string) string {
	if c.Usage == "" {
		return path + " [flags]"
	}
	return path + " " + c.Usage
}

// help prints what the command does, an example and the flags. A group, whose
// flags are nil, has its commands instead.
func (c *Command) help(w io.Writer, path string, flags *flag.FlagSet) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", path, c.Summary)
	paragraph := func(title, text string) {
		if text == "" {
			return
		}
		b.WriteByte('\n')
		if title != "" {
			fmt.Fprintf(&b, "%s:\n", title)
		}
		b.WriteString(strings.TrimRight(text, "\n"))
		b.WriteByte('\n')
	}
	if flags == nil {
		paragraph("", c.Description)
		paragraph("Commands", c.list(path))
		paragraph("Examples", indented(c.Example))
		fmt.Fprintf(&b, "\n%s COMMAND -h explains a command.\n", path)
	} else {
		paragraph("Usage", indented(c.line(path)))
		paragraph("", c.Description)
		paragraph("Examples", indented(c.Example))
		paragraph("Flags", flagList(flags))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// list is the list of a group's commands.
func (c *Command) list(path string) string {
	width := 0
	for _, name := range c.names() {
		width = max(width, len(name))
	}
	var b strings.Builder
	for _, sub := range c.Commands {
		fmt.Fprintf(&b, "  %s %-*s  %s\n", path, width, sub.Name, sub.Summary)
	}
	return b.String()
}

func indented(text string) string {
	if text == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}

// flagList lists flags with their values, texts and defaults.
func flagList(flags *flag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		if isBool, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && isBool.IsBoolFlag() {
			value = ""
		}
		name := strings.TrimRight("--"+f.Name+" "+strings.ToUpper(value), " ")
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" && !strings.Contains(text, "default") {
			text += " (default " + f.DefValue + ")"
		}
		if len(name) > flagWidth {
			fmt.Fprintf(&b, "  %s\n", name)
			name = ""
		}
		for i, line := range wrapped(text, textWidth) {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&b, "  %-*s  %s\n", flagWidth, name, line)
		}
	})
	return b.String()
}

// Widths of the two columns of flags: both fit a terminal of 80 columns.
const (
	flagWidth = 22
	textWidth = 54
)

// wrapped breaks a text into lines of at most width runes, between words.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len([]rune(line+" "+word)) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	return append(lines, line)
}
