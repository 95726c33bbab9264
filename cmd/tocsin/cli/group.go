package cli

import (
	"flag"
	"io"
	"strings"

	"tocsin/rules/diag"
)

// find returns the command of a group that has a name, or nil.
func (c *Command) find(name string) *Command {
	for _, sub := range c.Commands {
		if sub.Name == name {
			return sub
		}
	}
	return nil
}

// names are the names of a group's commands.
func (c *Command) names() (all []string) {
	for _, sub := range c.Commands {
		all = append(all, sub.Name)
	}
	return all
}

// group handles the arguments of a group that begin with none of its commands.
func (c *Command) group(path string, args []string, stdout io.Writer) error {
	all := strings.Join(c.names(), ", ")
	if len(args) == 0 {
		return Usagef("name a command: %s", all)
	}
	word := args[0]
	name := strings.TrimLeft(word, "-")
	switch {
	case name == "h" && word != "h" || name == "help":
		return c.helpOn(path, args[1:], stdout)
	case c.find(name) != nil:
		return Usagef("there is no flag %s; did you mean %s %s?", word, path, name)
	case strings.HasPrefix(word, "-"):
		return Usagef("flags stand behind a command: %s; got %s", all, word)
	}
	if near := diag.Nearest(name, c.names()); near != "" {
		return Usagef("there is no command %q; did you mean %s?", word, near)
	}
	return Usagef("there is no command %q; commands are %s", word, all)
}

// helpOn prints the help of the command that names lead to.
func (c *Command) helpOn(path string, names []string, w io.Writer) error {
	for _, name := range names {
		sub := c.find(name)
		if sub == nil {
			return c.group(path, []string{name}, w)
		}
		c, path = sub, path+" "+name
	}
	if c.Define == nil {
		return c.help(w, path, nil)
	}
	flags := flag.NewFlagSet(path, flag.ContinueOnError)
	c.Define(flags)
	return c.help(w, path, flags)
}
