package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"tocsin/rules"
	"tocsin/rules/calendar"
)

// Version is set by the linker in releases.
var Version = "dev"

// Program identifies this program: an auditor must know which one judged. Its
// JSON is API.
type Program struct {
	Version  string   `json:"version"`
	Revision string   `json:"revision,omitempty"` // commit it was built from
	Modified bool     `json:"modified,omitempty"` // built with uncommitted changes
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	Calendar string   `json:"calendar"`
	Engines  []string `json:"engines"` // the oldest first
}

// ThisProgram returns the identity of the running program.
func ThisProgram() Program {
	p := Program{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Calendar: calendar.Default().Version(), Engines: rules.EngineVersions()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				p.Revision = s.Value
			case "vcs.modified":
				p.Modified = s.Value == "true"
			}
		}
	}
	return p
}

// String names the program in a line.
func (p Program) String() string {
	text := "tocsin " + p.Version
	if p.Revision != "" {
		text += " " + p.Revision
	}
	if p.Modified {
		text += " (modified)"
	}
	return text
}

// VersionCommand is tocsin version.
var VersionCommand = &Command{
	Name: "version", Summary: "print the version and what it is built from",
	Description: `Prints the release, the revision and the Go version that built it, and, for an
auditor, the version of the calendar and the engines that it can judge by.`,
	Example: "tocsin version --json",
	Define: func(flags *flag.FlagSet) Action {
		asJSON := flags.Bool("json", false, "print JSON")
		return func(_ context.Context, call *Call) error {
			p := ThisProgram()
			if *asJSON {
				return WriteJSON(call.Stdout, p)
			}
			_, err := fmt.Fprintf(call.Stdout, "tocsin %s %s (%s, %s)\ncalendar %s\nengine %s\n", p.Version, p.Revision, p.Go, p.Platform, p.Calendar, strings.Join(p.Engines, ", "))
			return err
		}
	},
}

// WriteJSON writes a value as indented JSON and leaves < and > unescaped.
func WriteJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
