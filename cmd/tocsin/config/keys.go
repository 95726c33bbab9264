package config

import (
	"reflect"
	"slices"
	"strings"

	"tocsin/pipeline"
)

// key is a key of the file, with the tags of its field.
type key struct {
	path     string
	required bool
	words    []string // the allowed values, by the tag words; nil: any
	value    reflect.Value
}

// keysOf returns the keys of a section and of the sections within it.
func keysOf(section any) []key { return addKeys(nil, "", reflect.ValueOf(section)) }

func addKeys(all []key, prefix string, section reflect.Value) []key {
	for i := range section.NumField() {
		field := section.Type().Field(i)
		name, option, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		k := key{path: prefix + name, required: option == "required", value: section.Field(i)}
		if words := field.Tag.Get("words"); words != "" {
			k.words = strings.Fields(words)
		}
		all = append(all, k)
		inner := k.value
		if inner.Kind() == reflect.Pointer {
			if inner.IsNil() {
				inner = reflect.New(inner.Type().Elem())
			}
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner.Type().Name() != "Secret" {
			given := k.value.Kind() != reflect.Pointer || !k.value.IsNil()
			below := addKeys(nil, k.path+".", inner)
			for j := range below {
				if !given { // a section that is not there has no value to check
					below[j].value = reflect.Value{}
				}
			}
			all = append(all, below...)
		}
	}
	return all
}

// unlisted returns the mistakes of keys whose value is not among their words.
func unlisted(keys []key) (all []*pipeline.Mistake) {
	for _, k := range keys {
		if k.words == nil || !k.value.IsValid() || slices.Contains(k.words, k.value.String()) {
			continue
		}
		last := len(k.words) - 1
		all = append(all, wrong("%s is %s: want %s or %s", k.path, is(k.path, k.value.String()), strings.Join(k.words[:last], ", "), k.words[last]))
	}
	return all
}

// blank returns the mistakes of texts that are empty and must not be, or have blanks
// around them.
func blank(keys []key) (all []*pipeline.Mistake) {
	defaults := map[string]string{}
	for _, k := range keysOf(Defaults()) {
		if k.value.IsValid() && k.value.Kind() == reflect.String {
			defaults[k.path] = k.value.String()
		}
	}
	for _, k := range keys {
		if !k.value.IsValid() || k.value.Kind() != reflect.String {
			continue
		}
		text := k.value.String()
		trimmed := strings.TrimSpace(text)
		switch usual := defaults[k.path]; {
		case trimmed == "" && usual != "":
			all = append(all, wrong("%s is empty: write a value, or leave the key out for %s", k.path, usual).At(k.path))
		case trimmed == "" && k.required:
			all = append(all, wrong("%s is empty: write a value", k.path).At(k.path))
		case trimmed != text:
			all = append(all, wrong("%s is %s: remove the blanks around it", k.path, is(k.path, text)))
		}
	}
	return all
}
