package main

import (
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"regexp"
	"strings"
)

// masked stands for a secret in what is logged.
const masked = "***"

// secretive are keys whose value is masked. A file's path is no secret, but
// masking one too many does no harm.
var secretive = regexp.MustCompile(`password|passphrase|secret|token|seed|credential`)

// settings are every setting in effect, a group for each section, with secrets
// masked: what an operator compares when two workers behave differently.
func settings(c *config) []any { return attributes(reflect.ValueOf(*c)) }

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

// withoutUser masks user and password in an address such as nats://u:p@host.
func withoutUser(address string) string {
	if !strings.Contains(address, "@") {
		return address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return masked
	}
	if u.User != nil {
		u.User = url.User(masked)
	}
	return strings.Replace(u.String(), url.User(masked).String(), masked, 1)
}
