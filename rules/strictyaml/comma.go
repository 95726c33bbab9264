package strictyaml

import (
	"regexp"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"tocsin/rules/diag"
)

var (
	numberTail = regexp.MustCompile(`^(.*?)(-?[0-9][0-9._]*)$`)
	digitGroup = regexp.MustCompile(`^[0-9]+([._][0-9]+)?$`)
)

// commas joins the value of the member at i with the members behind it that are the
// groups of digits of one number: inside { }, YAML ends a value at a comma, and
// reads {limit: USD 1,000} as limit: USD 1 and a key 000. It reports the number
// once, gives the value its meaning, so that nothing else is reported about it, and
// returns how many nodes it joined.
func (d *decoder) commas(n *yaml.Node, i int) (joined int) {
	value := n.Content[i+1]
	tail := numberTail.FindStringSubmatch(value.Value)
	if n.Style&yaml.FlowStyle == 0 || value.Kind != yaml.ScalarNode || value.Style != 0 || tail == nil {
		return 0
	}
	number, end := tail[2], value
	for j := i + 2; j+1 < len(n.Content); j += 2 {
		key, empty := n.Content[j], n.Content[j+1]
		if key.Kind != yaml.ScalarNode || key.Style != 0 || !digitGroup.MatchString(key.Value) || !null(empty) || empty.Value != "" {
			break
		}
		number, end = number+","+key.Value, key
		joined += 2
	}
	if joined == 0 {
		return 0
	}
	width := utf8.RuneCountInString(value.Value)
	if end.Line == value.Line {
		width = end.Column + utf8.RuneCountInString(end.Value) - value.Column
	}
	hint := "write a number without commas, as 5_000_000.50, and other texts in quotes"
	if plain := diag.Number(number); plain != "" {
		value.Value = tail[1] + plain
		if d.expand == nil { // else the value may be a secret
			hint = "write " + value.Value
		}
	}
	d.mistakes = append(d.mistakes, d.src.mistake(CodeScalar, value.Line, value.Column, width, hint, "a comma inside { } ends the value"))
	return joined
}
