package config

import (
	"reflect"
	"regexp"
	"strings"
	"unicode"

	"tocsin/rules/diag"
	"tocsin/rules/strictyaml"
)

// A message shows the line of the configuration that has a mistake, and a secret may
// stand on that line, or be the mistake. Only the values of keys that are known to
// hold no secret are shown. Those of a mistyped key are masked, and so is a line
// without a key, which may continue a value.

// masked stands for a secret in a message and in what is logged.
const masked = "***"

// secretive are keys whose value is masked. A file's path is no secret, but
// masking one too many does no harm.
var secretive = regexp.MustCompile(`password|passphrase|secret|token|seed|credential`)

var (
	keyPlace = regexp.MustCompile(`(?:^|[\s{,\-])(\w+):(?:\s|$)`)
	// word is a part of a line between quotes, brackets and commas.
	word = regexp.MustCompile(`"[^"]*"?|'[^']*'?|[^"',\[\]{}]+`)
	// slip is a secret whose key lacks its colon, so that it continues the value
	// before it.
	slip = regexp.MustCompile(`(?i)(?:^|[\s,{])(?:` + secretive.String() + `|creds|nkey)\w*[\s=:]`)
	// open are the keys whose values may be shown.
	open = openKeys(reflect.TypeFor[Config](), map[string]bool{})
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
		case key == "", secretive.MatchString(key), t.Name() == "Secret", pathOnly[key]:
			continue
		case t.Kind() == reflect.Struct:
			openKeys(t, open)
		}
		open[key] = true
	}
	return open
}

// pathOnly are the keys that name the file of a secret, where the secret itself may
// stand by mistake.
var pathOnly = map[string]bool{"nkey": true, "creds": true, "key": true}

// secret reports whether a value that is wrong may be a secret, or hold one.
func secret(key, value string) bool {
	path, _, _ := strings.Cut(key, "[")
	return !open[path[strings.LastIndexByte(path, '.')+1:]] && !strings.HasPrefix(value, "file:") ||
		strings.Contains(value, "@") || slip.MatchString(value)
}

// withoutSecrets masks, rune by rune, all parts of a line that may be a secret, so
// that a caret below the line still points at its place.
func withoutSecrets(line string) string {
	var shown strings.Builder
	show, from := false, 0
	value := func(to int) {
		text := line[from:to]
		if show && !strings.Contains(text, "-----BEGIN") {
			text = word.ReplaceAllStringFunc(text, withoutCredentials)
			if at := slip.FindStringIndex(text); at != nil {
				text = text[:at[1]] + stars(text[at[1]:])
			}
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

// query begins what follows the path of an address.
var query = regexp.MustCompile(`\S[?#]`)

// withoutCredentials masks user, password and query of an address.
func withoutCredentials(address string) string {
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		from := strings.Index(address[:at], "://") + len("://")
		if from < len("://") { // no scheme; a quote stays
			from = len(address) - len(strings.TrimLeft(address, `"'`))
		}
		address = address[:from] + stars(address[from:at]) + address[at:]
	}
	host := strings.LastIndexByte(address, '@') + 1
	if at := query.FindStringIndex(address[host:]); at != nil {
		from, to := host+at[1], len(address)
		if strings.HasSuffix(address, `"`) || strings.HasSuffix(address, `'`) {
			to--
		}
		if from < to {
			address = address[:from] + stars(address[from:to]) + address[to:]
		}
	}
	return address
}

// stars masks all but space, brackets and commas.
func stars(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune("{}[],", r) {
			return r
		}
		return '*'
	}, text)
}

var (
	yamlName   = regexp.MustCompile(` \([*&!].*\) `)
	anchorName = regexp.MustCompile(`anchor '.*' referenced`)
	keyName    = regexp.MustCompile(`key "(\w*)\W.*"( stands in line \d+ already)?$`)
)

// hide takes from a mistake what may be a secret: by a slip of the pen it is the name
// of an anchor, a tag or a key.
func hide(d *diag.Diagnostic) {
	d.Source = withoutSecrets(d.Source)
	switch d.Code {
	case strictyaml.CodeForbidden:
		d.Message = yamlName.ReplaceAllString(d.Message, " ")
	case strictyaml.CodeSyntax:
		d.Message = anchorName.ReplaceAllString(d.Message, "anchor referenced")
	case strictyaml.CodeUnknownKey, strictyaml.CodeDuplicate:
		d.Message = keyName.ReplaceAllString(d.Message, `key "$1…"$2`)
	}
}
