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

// MaxBytes is the size of the largest file that is read, a hundred times that of the
// largest rule so far.
const MaxBytes = 4 << 20

// Options change how a file is decoded.
type Options struct {
	// Expand, when set, is applied to every scalar before it is read, for
	// ${ENV}. Its error becomes the diagnostic's message; neither the message
	// nor any other shows the expanded text, which may be a secret.
	Expand func(string) (string, error)
}

// Decode reads the one document of a file into dst, a pointer to a struct, a
// Map or a slice. The values of dst are the defaults: a missing key leaves its field
// alone, and a list replaces the whole list. A nil list of diagnostics means that the
// file has no mistake.
//
// A field is decoded by the key in its tag, `yaml:"name"` or
// `yaml:"name,required"`; a field without a tag is not decoded. Kinds: string,
// bool, int, int64, time.Duration ("5s"), Size ("4MiB"), Text, Const, Tree, slices,
// structs, pointers to these, Whole, Map, map[string]T, and anything that implements
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
		d.file(CodeSyntax, "write its keys, or delete it", "the file is empty")
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

// breaks refuses line breaks that YAML knows and editors do not show: later
// diagnostics would name other lines than the author sees.
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

// bangForm finds a value that begins with an exclamation mark.
var bangForm = regexp.MustCompile(`^[ -]*[\w.]+: +!`)

// unknownAlias is the message of package yaml, without a place, for a value that
// begins with * and names no anchor.
var unknownAlias = regexp.MustCompile(`^unknown anchor '([^']*)' referenced$`)

// alias reports a value that begins with * at its place.
func (d *decoder) alias(name string) bool {
	for i, line := range d.lines {
		if before, _, found := strings.Cut(line, "*"+name); found {
			d.mistakes = append(d.mistakes, d.src.mistake(CodeForbidden, i+1, utf8.RuneCountInString(before)+1, 1, plainly, noAlias))
			return true
		}
	}
	return false
}

// quotedName is a part of messages of package yaml that shows a value.
var quotedName = regexp.MustCompile(` '[^']*'`)

func (d *decoder) syntax(err error) {
	m := lineOf.FindStringSubmatch(err.Error())
	if m == nil {
		m = []string{"", "", err.Error()}
	}
	if alias := unknownAlias.FindStringSubmatch(m[2]); alias != nil && d.alias(alias[1]) {
		return
	}
	line, _ := strconv.Atoi(m[1]) // no number: line 0, the file
	message := "not YAML: " + quotedName.ReplaceAllString(m[2], "")
	if line < 1 || line > len(d.lines) {
		d.file(CodeSyntax, "look for an open bracket or quote, and for a line that is indented otherwise than its neighbours", "%s", message)
		return
	}
	text := d.lines[line-1]
	if m := bangForm.FindString(text); m != "" {
		d.bang(line, utf8.RuneCountInString(m))
		return
	}
	column := len(text) - len(strings.TrimLeft(text, " ")) + 1
	d.mistakes = append(d.mistakes, d.src.mistake(CodeSyntax, line, column, utf8.RuneCountInString(strings.TrimSpace(text)),
		"a text that holds \": \" or \" #\" or begins with one of @ ` % & * ! | > { [ needs quotes", "%s", message))
}

const (
	plainly = "write the value out where it is used; a text that begins with this sign needs quotes"
	noAlias = "aliases (*) are not accepted"
	bang    = "YAML takes a value that begins with ! for a tag, and tags are not accepted"
)

// forbidden reports every node of the tree that the subset leaves out. Messages do
// not name it: what YAML takes for an alias may be a password that begins with *.
func (d *decoder) forbidden(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		d.at(n, CodeForbidden, plainly, noAlias)
	case n.Anchor != "":
		d.at(n, CodeForbidden, plainly, "anchors (&) are not accepted")
	case tagged(n) && !strings.HasPrefix(n.Tag, "!!"):
		d.bang(n.Line, n.Column)
		if n.Kind == yaml.ScalarNode { // an author of rules meant: not
			n.Value, n.Style = strings.TrimSpace(n.Tag+" "+n.Value), 0
		}
	case tagged(n):
		d.at(n, CodeForbidden, "leave it out: the type is known", "tags are not accepted")
	case n.Tag == "!!merge":
		d.at(n, CodeForbidden, "write the value out where it is used", "merge keys (<<) are not accepted")
	}
	for _, c := range n.Content {
		d.forbidden(c)
	}
}

func tagged(n *yaml.Node) bool { return n.Style&yaml.TaggedStyle != 0 }

// bang reports a value that begins with an exclamation mark.
func (d *decoder) bang(line, column int) {
	d.mistakes = append(d.mistakes, d.src.mistake(CodeForbidden, line, column, 1,
		"write the value in quotes; in a condition, write not in place of !", bang))
}
