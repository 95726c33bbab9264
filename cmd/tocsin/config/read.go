package config

import (
	"errors"
	"flag"
	"os"
	"regexp"
	"strings"

	"tocsin/pipeline"
	"tocsin/rules/diag"
	"tocsin/rules/strictyaml"
)

// Codes of mistakes in the configuration's values.
const (
	codeConfigFile  = "E501" // the file cannot be read
	codeConfigValue = "E502" // a value is out of its range, or two contradict each other
)

// Read reads a configuration file. The error is a diag.List with every
// mistake.
func Read(path string, getenv func(string) (string, bool)) (Config, error) {
	c := Defaults()
	text, err := os.ReadFile(path)
	if err != nil {
		return c, diag.List{{Code: codeConfigFile, File: path, Message: "cannot be read: " + err.Error(), Hint: "give the file with --config; deploy/tocsin.example.yaml is one to begin with"}}
	}
	src := &strictyaml.Source{Name: path, Text: string(text)}
	mistakes := strictyaml.Decode(src, &c, strictyaml.Options{Expand: expander(getenv)})
	c.Kafka.Brokers = split(c.Kafka.Brokers)
	c.ClickHouse.Addresses = split(c.ClickHouse.Addresses)
	c.NATS.Servers = split(c.NATS.Servers)
	at := positionsIn(src)
	for _, d := range mistakes {
		if d.Code == strictyaml.CodeScalar {
			at.name(d, at.before(d.Line, d.Column))
		}
		hide(d)
	}
	spoilt := at.spoilt(mistakes)
	for _, m := range c.check() {
		if !spoilt(m) {
			mistakes = append(mistakes, at.diagnostic(src, m))
		}
	}
	mistakes.Sort()
	c.Rules.report = func(m *pipeline.Mistake) error { return diag.List{at.diagnostic(src, m)} }
	return c, mistakes.Err()
}

// Flag defines the flag --config, by which every command names its configuration.
func Flag(flags *flag.FlagSet) *string {
	path := defaultFile
	flags.Var((*fileFlag)(&path), "config", "configuration `FILE`")
	return &path
}

// defaultFile is the configuration file without the flag --config.
const defaultFile = "tocsin.yaml"

// fileFlag is the flag's value. It is not empty, as --config=$FILE is where the shell
// has no FILE.
type fileFlag string

// String implements flag.Value.
func (f *fileFlag) String() string { return string(*f) }

// Set implements flag.Value.
func (f *fileFlag) Set(path string) error {
	if strings.TrimSpace(path) == "" {
		return errors.New("it names no file: give its path, or leave the flag out for " + defaultFile)
	}
	*f = fileFlag(path)
	return nil
}

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// expander replaces ${NAME} and ${NAME:-default} by the environment's values. A
// credentials.Secret reads file:/path by itself.
func expander(getenv func(string) (string, bool)) func(string) (string, error) {
	return func(text string) (string, error) {
		var missing []string
		text = reference.ReplaceAllStringFunc(text, func(ref string) string {
			m := reference.FindStringSubmatch(ref)
			if v, ok := getenv(m[1]); ok {
				return v
			}
			if m[2] == "" {
				missing = append(missing, m[1])
			}
			return m[3]
		})
		if len(missing) > 0 {
			return "", errors.New("the environment has no " + strings.Join(missing, ", "))
		}
		return text, nil
	}
}
