package nats

import (
	"strings"

	"tocsin/pipeline"
	"tocsin/rules"
)

// subject is where an alert is published:
// prefix.<registrant>.<item>.<severity>.<candidate id>.
func (c *Config) subject(a *pipeline.Alert) string {
	return strings.Join([]string{c.SubjectPrefix, token(registrant(a), "unknown"), token(a.Verdict.Rule.Item, "none"),
		severityToken(a.Verdict.Finding.Severity), a.Verdict.Finding.CandidateID}, ".")
}

// filter matches the alert about a matter, whatever registrant, item and
// severity it was published under.
func (c *Config) filter(id string) string { return c.SubjectPrefix + ".*.*.*." + id }

func severityToken(s rules.Severity) string { return token(s.String(), "none") }

// registrant is the CIK that the event names, or "".
func registrant(a *pipeline.Alert) string {
	if a.Event == nil {
		return ""
	}
	f := a.Event.Schema().Lookup("registrant_cik")
	if f == nil || !a.Event.Has(f) {
		return ""
	}
	return a.Event.Text(f)
}

// maxToken bounds a token that is made of a text from outside.
const maxToken = 64

// token makes a text safe as one token of a subject: a dot separates tokens, *
// and > are wildcards, and some clients fail on other characters. Letters, digits
// and - stay, any other character becomes _, and a final _ is dropped: 1.01 is 1_01
// and 4.02(a) is 4_02_a. A text of which no character remains becomes the fallback.
func token(text, fallback string) string {
	var b strings.Builder
	for _, r := range text {
		if b.Len() == maxToken {
			break
		}
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	if safe := strings.TrimRight(b.String(), "_"); safe != "" {
		return safe
	}
	return fallback
}
