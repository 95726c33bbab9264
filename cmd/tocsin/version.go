package main

import (
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

// version is set by the linker in releases.
var version = "dev"

// versionInfo is what an auditor needs to tell which program judged.
type versionInfo struct {
	Version  string   `json:"version"`
	Revision string   `json:"revision,omitempty"`
	Modified bool     `json:"modified,omitempty"`
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	Calendar string   `json:"calendar"`
	Engines  []string `json:"engines"` // those it can judge by, the oldest first
}

func runVersion(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tocsin version", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	v := versionInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Calendar: calendar.Default().Version(), Engines: rules.EngineVersions()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			fmt.Fprintln(stderr, "tocsin version:", err)
			return exitFailed
		}
		return exitOK
	}
	fmt.Fprintf(stdout, "tocsin %s %s (%s, %s)\ncalendar %s\nengine %s\n", v.Version, v.Revision, v.Go, v.Platform, v.Calendar, strings.Join(v.Engines, ", "))
	return exitOK
}
