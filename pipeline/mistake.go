package pipeline

import (
	"errors"
	"fmt"
	"strconv"
)

// Mistake is a setting whose value is wrong, or settings that contradict each other.
// It keeps the values apart from the text: a caller that knows that a value is a
// secret, or came from the environment, prints another word in its place.
type Mistake struct {
	Keys   []string // of the settings, as in the configuration file: kafka.group; at least one
	format string
	args   []any
}

// Setting is a setting by its key in the configuration file, and its value.
type Setting struct {
	Key   string
	Value any
}

// Wrong returns a mistake whose text states the cause and, behind a colon, the
// remedy. An argument that is a Setting stands for its value, and adds its key.
func Wrong(format string, args ...any) *Mistake {
	m := &Mistake{format: format, args: args}
	for _, arg := range args {
		if s, ok := arg.(Setting); ok {
			m.Keys = append(m.Keys, s.Key)
		}
	}
	return m
}

// At adds keys whose values are not in the text, and returns m.
func (m *Mistake) At(keys ...string) *Mistake {
	m.Keys = append(m.Keys, keys...)
	return m
}

// Text returns the text with the settings' values as shown returns them.
func (m *Mistake) Text(shown func(Setting) string) string {
	args := make([]any, len(m.args))
	for i, arg := range m.args {
		if s, ok := arg.(Setting); ok {
			arg = shown(s)
		}
		args[i] = arg
	}
	return fmt.Sprintf(m.format, args...)
}

// Error implements error, with every value.
func (m *Mistake) Error() string { return m.Text(Setting.String) }

// String returns the value, a text in quotes.
func (s Setting) String() string {
	if text, ok := s.Value.(string); ok {
		return strconv.Quote(text)
	}
	return fmt.Sprint(s.Value)
}

// Joined returns the mistakes as one error; nil when there is none.
func Joined(mistakes []*Mistake) error {
	errs := make([]error, len(mistakes))
	for i, m := range mistakes {
		errs[i] = m
	}
	return errors.Join(errs...)
}
