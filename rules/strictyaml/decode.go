package strictyaml

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"tocsin/rules/diag"
)

// MaxBytes is the largest file that is read. The largest rule anyone wrote is
// a hundredth of it.
const MaxBytes = 4 << 20

// Options change how a file is decoded.
type Options struct {
	// Expand, when set, is applied to every scalar before it is read, for
	// ${ENV}. Its error becomes the diagnostic's message; neither the message
	// nor any other shows the expanded text, which may be a secret.
	Expand func(string) (string, error)
}

// Decode reads the one document of a file into dst, a pointer to a struct, a
// Map or a slice. What dst holds beforehand are the defaults: a key that is
// not given leaves its field alone, a list that is given replaces the whole
// list. A nil list of diagnostics means that all is well.
//
// A field is decoded by the key in its tag, `yaml:"name"` or
// `yaml:"name,required"`; a field without a tag is not decoded. Kinds: string,
// bool, int, int64, time.Duration ("5s"), Size ("4MiB"), Text, Const, Tree, slices,
// structs, pointers to these, Map, map[string]T, and anything that implements
// encoding.TextUnmarshaler.
func Decode(src *Source, dst any, opts Options) diag.List {
	d := &decoder{src: src, expand: opts.Expand, lines: strings.Split(src.Text, "\n")}
	root := d.parse()
	if root != nil {
		d.value(root, reflect.ValueOf(dst).Elem(), "the file")
	}
	d.mistakes.Sort()
	return d.mistakes
}

type decoder struct {
	src      *Source
	expand   func(string) (string, error)
	lines    []string
	mistakes diag.List
}

func (d *decoder) at(n *yaml.Node, code, hint, format string, args ...any) {
	column, width := n.Column, 1
	if n.Kind == yaml.ScalarNode {
		first, _, _ := strings.Cut(n.Value, "\n")
		width = utf8.RuneCountInString(first)
		if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
			width += 2
		}
	}
	d.mistakes = append(d.mistakes, d.src.mistake(code, n.Line, column, width, hint, format, args...))
}

func (d *decoder) file(code, hint, format string, args ...any) {
	d.mistakes = append(d.mistakes, d.src.FileMistake(code, hint, format, args...))
}

// parse returns the document's root, or nil after a mistake that leaves
// nothing to decode.
func (d *decoder) parse() *yaml.Node {
	switch {
	case len(d.src.Text) > MaxBytes:
		d.file(CodeSyntax, "split it", "the file is larger than %d MiB", MaxBytes>>20)
		return nil
	case !utf8.ValidString(d.src.Text):
		d.file(CodeSyntax, "save it as UTF-8", "the file is not UTF-8")
		return nil
	}
	if d.breaks() || d.tabs() {
		return nil
	}
	in := yaml.NewDecoder(bytes.NewReader([]byte(d.src.Text)))
	var doc, next yaml.Node
	if err := in.Decode(&doc); errors.Is(err, io.EOF) || (err == nil && empty(&doc)) {
		d.file(CodeSyntax, "", "the file is empty")
		return nil
	} else if err != nil {
		d.syntax(err)
		return nil
	}
	if err := in.Decode(&next); err == nil {
		d.at(&next, CodeDocuments, "keep one and move the rest to files of their own", "a second document begins here")
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	root := doc.Content[0]
	d.forbidden(root)
	return root
}

func empty(doc *yaml.Node) bool {
	return len(doc.Content) == 0 || (doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].Tag == "!!null")
}

// breaks refuses the line breaks that YAML knows and editors do not show: the
// places of all that follows would be told in other lines than a reader sees.
func (d *decoder) breaks() bool {
	for i, line := range d.lines {
		body := strings.TrimSuffix(line, "\r")
		if at := strings.IndexAny(body, "\r\u0085\u2028\u2029"); at >= 0 {
			d.mistakes = append(d.mistakes, d.src.mistake(CodeSyntax, i+1, utf8.RuneCountInString(body[:at])+1, 1,
				"end lines with a line feed", "a line break that is no line feed"))
			return true
		}
	}
	return false
}

// tabs refuses tabs in indentation before the parser sees them: its own
// message for them names neither the tab nor always the line.
func (d *decoder) tabs() bool {
	found := false
	for i, line := range d.lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if tab := strings.IndexByte(indent, '\t'); tab >= 0 && len(indent) < len(strings.TrimRight(line, "\r")) {
			d.mistakes = append(d.mistakes, d.src.mistake(CodeTab, i+1, tab+1, 1, "indent with spaces", "a tab in the indentation"))
			found = true
		}
	}
	return found
}

// lineOf finds the place in the messages of package yaml, "yaml: line 3: ...".
var lineOf = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

func (d *decoder) syntax(err error) {
	m := lineOf.FindStringSubmatch(err.Error())
	if m == nil {
		m = []string{"", "", err.Error()}
	}
	line, _ := strconv.Atoi(m[1]) // no number: line 0, the file
	message := "not YAML: " + m[2]
	if line < 1 || line > len(d.lines) {
		d.file(CodeSyntax, "", "%s", message)
		return
	}
	text := d.lines[line-1]
	column := len(text) - len(strings.TrimLeft(text, " ")) + 1
	d.mistakes = append(d.mistakes, d.src.mistake(CodeSyntax, line, column, utf8.RuneCountInString(strings.TrimSpace(text)),
		"a text that holds \": \" or \" #\" or begins with one of @ ` % & * ! | > { [ needs quotes", "%s", message))
}

// forbidden reports every node of the tree that the subset leaves out.
func (d *decoder) forbidden(n *yaml.Node) {
	const plain = "write the value out where it is used"
	switch {
	case n.Kind == yaml.AliasNode:
		d.at(n, CodeForbidden, plain, "aliases (*%s) are not accepted", n.Value)
	case n.Anchor != "":
		d.at(n, CodeForbidden, plain, "anchors (&%s) are not accepted", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		d.at(n, CodeForbidden, "leave it out: the type is known", "tags (%s) are not accepted", n.Tag)
	case n.Tag == "!!merge":
		d.at(n, CodeForbidden, plain, "merge keys (<<) are not accepted")
	}
	for _, c := range n.Content {
		d.forbidden(c)
	}
}
