package strictyaml

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Size is a number of bytes, written as 4MiB, 512KiB, 1GiB, 100kB or 4096.
type Size int64

// ParseSize reads a size. A unit may be separated by a space.
func ParseSize(s string) (Size, error) {
	const want = "is not a size: write it as 512KiB, 4MiB or 4096"
	digits := strings.TrimRight(s, "kKMGiB ")
	unit, ok := map[string]int64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
		"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9}[strings.TrimSpace(s[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || (err == nil && ok && n > math.MaxInt64/unit):
		return 0, errors.New("is too large for a size: write a smaller one")
	case err != nil || !ok || n < 0:
		return 0, errors.New(want)
	}
	return Size(n * unit), nil
}

// String writes the size with the largest unit that divides it.
func (s Size) String() string {
	for _, u := range []struct {
		name string
		size Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
)

// scalar decodes a single value. Messages never show the value: it may be a
// secret that expand filled in. The source line shows what was written.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, what string) {
	if !d.is(n, yaml.ScalarNode, what) {
		return
	}
	text := n.Value
	if d.expand != nil {
		var err error
		if text, err = d.expand(text); err != nil {
			d.at(n, CodeExpand, "set the variable, or write ${NAME:-default}", "%s: %v", what, err)
			return
		}
	}
	if v.Type() == textType {
		v.Set(reflect.ValueOf(d.text(n, text)))
		return
	}
	err := setScalar(v, text)
	if _, foreign := v.Addr().Interface().(encoding.TextUnmarshaler); foreign && text != n.Value && err != nil {
		err = errors.New("cannot be read") // its own message may show the secret
	}
	if err != nil {
		d.at(n, CodeScalar, remedy(err), "%s %v", what, err)
	}
}

// remedy is the hint for an error that does not state what to write.
func remedy(err error) string {
	if strings.Contains(err.Error(), ": write ") {
		return ""
	}
	return "write it in the form that the documentation of the key shows"
}

func setScalar(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch {
	case v.Type() == durationType:
		n, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("is not a duration: write it as 500ms, 5s, 2m or 1h30m")
		}
		v.SetInt(int64(n))
	case v.Type() == sizeType:
		n, err := ParseSize(text)
		if err != nil {
			return err
		}
		v.SetInt(int64(n))
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("is neither true nor false: write one of the two")
		}
		v.SetBool(text == "true")
	case v.CanInt():
		n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, v.Type().Bits())
		if errors.Is(err, strconv.ErrRange) {
			return errors.New("is out of range: write a smaller number")
		}
		if err != nil {
			return errors.New("is not a whole number: write digits")
		}
		v.SetInt(n)
	default:
		panic(fmt.Sprintf("strictyaml: cannot decode into %s", v.Type())) // a mistake of the caller's struct
	}
	return nil
}

// whole decodes a whole number with its place.
func (d *decoder) whole(n *yaml.Node, v reflect.Value, what string) {
	before := len(d.mistakes)
	var number int
	if d.scalar(n, reflect.ValueOf(&number).Elem(), what); len(d.mistakes) == before {
		v.Set(reflect.ValueOf(Whole{d.text(n, n.Value), number}))
	}
}

// constant decodes a scalar, or a list of scalars into the text of a list.
func (d *decoder) constant(n *yaml.Node, v reflect.Value, what string) {
	var text Text
	if n.Kind != yaml.SequenceNode {
		d.scalar(n, reflect.ValueOf(&text).Elem(), what)
		v.Set(reflect.ValueOf(Const{text}))
		return
	}
	words := make([]string, 0, len(n.Content))
	for _, item := range n.Content {
		if !d.is(item, yaml.ScalarNode, "an item of "+what) {
			return
		}
		words = append(words, item.Value)
	}
	list, err := json.Marshal(words)
	if err != nil {
		panic("strictyaml: a list of texts: " + err.Error()) // texts are valid UTF-8 here
	}
	v.Set(reflect.ValueOf(Const{Text{Value: string(list), Line: n.Line, Column: n.Column, Indent: n.Column - 1}}))
}

// text finds the place of a scalar's first rune: behind the quote, or in the
// line after a block's indicator.
func (d *decoder) text(n *yaml.Node, value string) Text {
	t := Text{Value: value, Line: n.Line, Column: n.Column, Indent: n.Column - 1}
	switch {
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		t.Column++
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		for i := n.Line; i < len(d.lines); i++ {
			if body := strings.TrimLeft(d.lines[i], " "); strings.TrimSpace(body) != "" {
				t.Line, t.Indent = i+1, len(d.lines[i])-len(body)
				t.Column = t.Indent + 1
				break
			}
		}
		// Blank lines before the first one are part of the value, and the
		// place is that of the first rune that is seen.
		t.Value = strings.Trim(t.Value, "\n")
	}
	return t
}
