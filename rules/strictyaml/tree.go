package strictyaml

import (
	"go.yaml.in/yaml/v3"
)

// Tree is any YAML value, for data whose shape is known only later, such as
// an event in a case. Exactly one of its parts is used.
type Tree struct {
	Text    Text // where it begins; for a scalar, the scalar itself
	Null    bool // ~, null or nothing
	Scalar  bool
	Quoted  bool // the scalar was in quotes or a block
	List    []Tree
	Members Map[Tree] // a mapping when it is not nil
}

func (d *decoder) tree(n *yaml.Node) Tree {
	t := Tree{Text: Text{Line: n.Line, Column: n.Column}}
	switch n.Kind {
	case yaml.MappingNode:
		t.Members = Map[Tree]{}
		d.members(n, func(key, value *yaml.Node) {
			t.Members = append(t.Members, Pair[Tree]{d.text(key, key.Value), d.tree(value)})
		})
	case yaml.SequenceNode:
		t.List = make([]Tree, len(n.Content))
		for i, c := range n.Content {
			t.List[i] = d.tree(c)
		}
	case yaml.ScalarNode:
		t.Null = null(n)
		t.Scalar = !t.Null
		t.Quoted = n.Style&^yaml.TaggedStyle != 0
		t.Text = d.text(n, n.Value)
	}
	return t
}
