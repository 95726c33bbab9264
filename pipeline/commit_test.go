package pipeline

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Every way to commit an offset but one erases intents, so only intent.go may
// commit, by CommitOffsetsSync, and only cycle.go may ask it to.
func TestOffsetsAreCommittedInOnePlace(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			at := set.Position(sel.Pos())
			switch word := sel.Sel.Name; {
			case word == "CommitOffsetsSync" && name == "intent.go":
				found++
			case (word == "commit" || word == "tell" || word == "declare") && name != "cycle.go":
				t.Errorf("%s: a commit outside the cycle", at)
			case strings.HasPrefix(word, "Commit"), strings.HasPrefix(word, "AutoCommit"), strings.HasPrefix(word, "MarkCommit"),
				strings.HasPrefix(word, "NewOffsetCommit"), strings.HasPrefix(word, "NewPtrOffsetCommit"), word == "GroupTransactSession":
				t.Errorf("%s: %s commits past the intents", at, word)
			}
			return true
		})
	}
	if found != 1 {
		t.Errorf("CommitOffsetsSync is called %d times in intent.go, want once", found)
	}
}

func TestACommitAfterACycleLetTheGroupRebalancePanics(t *testing.T) {
	client, err := kgo.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	held := &turn{client: client}
	held.end()
	defer func() {
		if recover() == nil {
			t.Error("it did not panic")
		}
	}()
	_ = held.commit(t.Context(), nil)
}
