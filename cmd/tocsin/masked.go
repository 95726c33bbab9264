package main

import (
	"reflect"
	"regexp"
	"strings"
	"unicode"
)

// A line of the configuration that has a mistake is shown to whoever reads the
// log, and a secret may stand on the same line, or be the mistake. So of such a
// line only the values of keys that are known to hold none are shown: not those
// of a mistyped key, nor a line without a key, which may go on with a value.

var (
	keyPlace = regexp.MustCompile(`(?:^|[\s{,\-])(\w+):(?:\s|$)`)
	userinfo = regexp.MustCompile(`://[^\s"'/]*@`)
	// open are the keys whose values may be shown.
	open = openKeys(reflect.TypeFor[config](), map[string]bool{})
)

// openKeys adds the keys of a section, and of those within it, that hold no
// secret.
func openKeys(section reflect.Type, open map[string]bool) map[string]bool {
	for i := range section.NumField() {
		field := section.Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		t := field.Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch {
		case key == "", secretive.MatchString(key), t.Name() == "Secret", key == "nkey": // where a seed may stand by mistake
			continue
		case t.Kind() == reflect.Struct:
			openKeys(t, open)
		}
		open[key] = true
	}
	return open
}

// withoutSecrets is a line of the configuration with whatever may be a secret
// masked, rune by rune, so that a caret below it still points at its place.
func withoutSecrets(line string) string {
	var shown strings.Builder
	show, from := false, 0
	value := func(to int) {
		text := line[from:to]
		if show {
			text = userinfo.ReplaceAllStringFunc(text, func(user string) string { return "://" + stars(user[len("://"):len(user)-1]) + "@" })
		} else {
			text = stars(text)
		}
		shown.WriteString(text)
		from = to
	}
	for _, m := range keyPlace.FindAllStringSubmatchIndex(line, -1) {
		value(m[2])
		shown.WriteString(line[m[2] : m[3]+1])
		show, from = open[line[m[2]:m[3]]], m[3]+1
	}
	value(len(line))
	return shown.String()
}

// stars masks all but space and what holds values together.
func stars(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune("{}[],", r) {
			return r
		}
		return '*'
	}, text)
}
