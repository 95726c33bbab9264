package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// Settings are every setting in effect, a group for each section, with secrets
// masked: what an operator compares when two workers behave differently.
func (c *Config) Settings() []any { return attributes(reflect.ValueOf(*c)) }

func attributes(v reflect.Value) (all []any) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if key == "" || !field.IsExported() {
			continue
		}
		value := v.Field(i)
		if value.Kind() == reflect.Pointer && !value.IsNil() {
			value = value.Elem()
		}
		switch {
		case value.Kind() == reflect.Pointer: // a section that is not there
		case value.IsZero():
			all = append(all, slog.Any(key, value.Interface()))
		case secretive.MatchString(key), value.Type().Name() == "Secret":
			all = append(all, slog.String(key, masked))
		case value.Kind() == reflect.Struct:
			all = append(all, slog.Group(key, attributes(value)...))
		case value.Kind() == reflect.String:
			all = append(all, slog.String(key, withoutUser(value.String())))
		case value.Kind() == reflect.Slice:
			texts := make([]string, value.Len())
			for j := range texts {
				texts[j] = withoutUser(fmt.Sprint(value.Index(j).Interface()))
			}
			all = append(all, slog.String(key, strings.Join(texts, ",")))
		default:
			all = append(all, slog.Any(key, value.Interface()))
		}
	}
	return all
}

// withoutUser masks user and password in an address such as nats://u:p@host, and its
// query.
func withoutUser(address string) string {
	at := strings.LastIndexByte(address, '@')
	scheme, _, ok := strings.Cut(address, "://")
	switch {
	case at >= 0 && !ok:
		return masked
	case at >= 0:
		address = scheme + "://" + masked + address[at:]
	}
	if end := strings.IndexAny(address, "?#"); ok && end >= 0 {
		address = address[:end+1] + masked
	}
	return address
}
