package strictyaml

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"tocsin/rules/diag"
)

// Pair is one member of a Map.
type Pair[T any] struct {
	Key   Text
	Value T
}

// Map is a mapping whose keys are the author's own, in the order written.
type Map[T any] []Pair[T]

func (Map[T]) ordered() {}

type orderedMap interface{ ordered() }

var (
	orderedType     = reflect.TypeFor[orderedMap]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	textType        = reflect.TypeFor[Text]()
	treeType        = reflect.TypeFor[Tree]()
	constType       = reflect.TypeFor[Const]()
	wholeType       = reflect.TypeFor[Whole]()
)

// value decodes a node. what names it in messages: a key, or "item 3 of" one.
func (d *decoder) value(n *yaml.Node, v reflect.Value, what string) {
	if n.Kind == yaml.AliasNode || n.Tag == "!!merge" {
		return // reported by forbidden
	}
	t := v.Type()
	switch {
	case t == treeType:
		v.Set(reflect.ValueOf(d.tree(n)))
	case null(n) && n.Anchor != "":
		// reported by forbidden
	case null(n):
		d.at(n, CodeNoValue, "write one, or take the key away", "%s has no value", what)
	case t.Kind() == reflect.Pointer:
		fresh := reflect.New(t.Elem())
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem())
		}
		d.value(n, fresh.Elem(), what)
		v.Set(fresh)
	case t == constType:
		d.constant(n, v, what)
	case t == wholeType:
		d.whole(n, v, what)
	case t == textType || reflect.PointerTo(t).Implements(unmarshalerType):
		d.scalar(n, v, what)
	case t.Implements(orderedType):
		d.ordered(n, v, what)
	case t.Kind() == reflect.Struct:
		d.structure(n, v, what)
	case t.Kind() == reflect.Slice:
		d.list(n, v, what)
	case t.Kind() == reflect.Map:
		d.mapping(n, v, what)
	default:
		d.scalar(n, v, what)
	}
}

func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

var kinds = map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}

func (d *decoder) is(n *yaml.Node, want yaml.Kind, what string) bool {
	if n.Kind == want {
		return true
	}
	hint := map[yaml.Kind]string{
		yaml.MappingNode:  "write the members one a line below it, as key: value",
		yaml.SequenceNode: "write [a, b], or one item a line after a dash",
		yaml.ScalarNode:   "write one value, in quotes if it begins with [ or {",
	}[want]
	d.at(n, CodeKind, hint, "%s is %s, want %s", what, kinds[n.Kind], kinds[want])
	return false
}

// members calls yield for each member of a mapping whose key is sound.
func (d *decoder) members(n *yaml.Node, yield func(key, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" || key.Kind == yaml.AliasNode {
			continue
		}
		if key.Kind != yaml.ScalarNode {
			d.at(key, CodeKind, "write a word as the key", "a key is %s", kinds[key.Kind])
			continue
		}
		if joined := d.commas(n, i); joined > 0 {
			i += joined
		}
		if first, ok := seen[key.Value]; ok {
			what := "this key"
			if keyForm.MatchString(key.Value) {
				what = fmt.Sprintf("key %q", key.Value)
			}
			d.at(key, CodeDuplicate, "keep one of the two", "%s stands in line %d already", what, first)
			continue
		}
		seen[key.Value] = key.Line
		yield(key, value)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, what string) {
	if !d.is(n, yaml.MappingNode, what) {
		return
	}
	fields, names := map[string]int{}, []string(nil)
	missing := map[string]bool{}
	for i := range v.NumField() {
		tag, ok := v.Type().Field(i).Tag.Lookup("yaml")
		if !ok {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		fields[name] = i
		names = append(names, name)
		missing[name] = option == "required"
	}
	d.members(n, func(key, value *yaml.Node) {
		name := key.Value
		if _, ok := fields[name]; !ok {
			d.unknown(key, names)
			if name = diag.Nearest(name, names); name == "" || has(n, name) {
				return
			}
			// One mistake, one message: the value is that of the key that was meant.
		}
		missing[name] = false
		d.value(value, v.Field(fields[name]), name)
	})
	for _, name := range names {
		if missing[name] {
			d.missing(n, name)
		}
	}
}

// has reports whether a mapping has a key.
func has(n *yaml.Node, name string) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return true
		}
	}
	return false
}

// keyForm is the form of every key of our files. A key in another form may hold a
// value, which no message shows.
var keyForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

func (d *decoder) unknown(key *yaml.Node, names []string) {
	if !keyForm.MatchString(key.Value) {
		d.at(key, CodeUnknownKey, "write key: value; a space stands behind the colon", "this is no key")
		return
	}
	hint := KnownKeys + strings.Join(names, ", ")
	if near := diag.Nearest(key.Value, names); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	d.at(key, CodeUnknownKey, hint, "unknown key %q", key.Value)
}

// missing reports at the mapping's first key, the place where a reader looks.
func (d *decoder) missing(n *yaml.Node, name string) {
	first := n
	if len(n.Content) > 0 {
		first = n.Content[0]
	}
	d.at(first, CodeMissingKey, fmt.Sprintf("add %s: to this mapping", name), "key %q is missing", name)
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, what string) {
	if !d.is(n, yaml.SequenceNode, what) {
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		d.value(c, out.Index(i), fmt.Sprintf("item %d of %s", i+1, what))
	}
	v.Set(out)
}

func (d *decoder) ordered(n *yaml.Node, v reflect.Value, what string) {
	if !d.is(n, yaml.MappingNode, what) {
		return
	}
	v.SetZero()
	d.members(n, func(key, value *yaml.Node) {
		pair := reflect.New(v.Type().Elem()).Elem()
		pair.FieldByName("Key").Set(reflect.ValueOf(d.text(key, key.Value)))
		d.value(value, pair.FieldByName("Value"), key.Value)
		v.Set(reflect.Append(v, pair))
	})
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, what string) {
	if !d.is(n, yaml.MappingNode, what) {
		return
	}
	out := reflect.MakeMap(v.Type())
	d.members(n, func(key, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(value, item, key.Value)
		out.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), item)
	})
	v.Set(out)
}
