package diag

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// SARIF 2.1.0 is the format of tools for code review: OASIS Static Analysis Results
// Interchange Format. Only the members that Tocsin fills are declared.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
	Help  sarifHelp `json:"help"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifHelp struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical sarifPhysical `json:"physicalLocation"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
	EndColumn   int `json:"endColumn,omitempty"`
}

// WriteSARIF writes the list as a log of SARIF 2.1.0, with each code's page as
// its help. Paths stay as they are in the list.
func (l List) WriteSARIF(w io.Writer) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "tocsin", Rules: []sarifRule{}}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	rules := &run.Tool.Driver.Rules
	for _, d := range l {
		index := slices.IndexFunc(*rules, func(r sarifRule) bool { return r.ID == d.Code })
		if index < 0 {
			page, _ := Page(d.Code)
			index = len(*rules)
			*rules = append(*rules, sarifRule{d.Code, sarifText{Title(d.Code)}, sarifHelp{page, page}})
		}
		message := d.Message
		if d.Hint != "" {
			message += ": " + d.Hint
		}
		at := sarifPhysical{Artifact: sarifArtifact{filepath.ToSlash(d.File)}}
		if d.Line > 0 {
			at.Region = &sarifRegion{StartLine: d.Line}
			if d.Column > 0 {
				at.Region.StartColumn, at.Region.EndColumn = d.Column, d.Column+max(d.Width, 1)
			}
		}
		run.Results = append(run.Results, sarifResult{d.Code, index, "error", sarifText{message}, []sarifLocation{{at}}})
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}); err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}
