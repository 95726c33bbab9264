package pipeline

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Every way to commit an offset but one erases intents. So only intent.go may
// commit, by CommitOffsetsSync, and only turn.go may call it.
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
			case (word == "commit" || word == "commitSettled" || word == "declare") && name != "turn.go":
				t.Errorf("%s: a commit outside the turn", at)
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

func TestACommitAfterATurnLetTheGroupRebalancePanics(t *testing.T) {
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

// A commit is sent once. If the client repeated it after a broken connection,
// the first copy would still be under way: the coordinator could apply it after
// later commits of this member and so erase an intent.
func TestACommitIsSentOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		var mu sync.Mutex
		lost := make(map[string]bool) // commits whose connection was cut
		again := 0
		n, cut, random := 0, 0, rand.New(rand.NewPCG(1, 2))
		b.cluster.ControlKey(int16(kmsg.OffsetCommit), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
			b.cluster.KeepControl()
			mu.Lock()
			defer mu.Unlock()
			req := kreq.(*kmsg.OffsetCommitRequest)
			commit := fmt.Sprintf("%s %d %x", req.MemberID, req.Generation, req.AppendTo(nil))
			if lost[commit] {
				again++
			}
			if n++; random.IntN(3) == 0 {
				cut++
				lost[commit] = true
				return nil, errors.New("connection cut"), true
			}
			return nil, nil, false
		})
		b.produce(0, 1000)
		w := b.start(func(c *Config) { c.MaxRecords = 100 })
		b.settled(1000, 10*time.Minute)
		b.end(w)
		b.exact(1000)
		mu.Lock()
		defer mu.Unlock()
		if again > 0 || cut == 0 {
			t.Errorf("%d commits were sent again after their connection was cut, want 0 of %d", again, cut)
		}
		t.Logf("%d commits, %d of them cut off", n, cut)
	})
}

// dated is a store that notes when each batch was declared.
type dated struct {
	*memory
	declared []time.Time
}

func (s *dated) Store(ctx context.Context, b *Batch) error {
	s.set(func() { s.declared = append(s.declared, b.Declared) })
	return s.memory.Store(ctx, b)
}

// The age of an intent counts from before its commit is sent. The group may
// apply a commit long before the acknowledgement arrives, so an intent counted
// from there would outlive its tokens.
func TestAnIntentIsAsOldAsItsCommit(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		store := &dated{memory: b.sink}
		var arrived time.Time
		b.cluster.ControlKey(int16(kmsg.OffsetCommit), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
			b.cluster.KeepControl()
			p := kreq.(*kmsg.OffsetCommitRequest).Topics[0].Partitions[0]
			if m, err := parseMark(*p.Metadata, p.Offset); err == nil && len(m.Promises) > 0 {
				arrived = time.Now()
				b.cluster.SleepControl(func() { time.Sleep(5 * time.Second) })
			}
			return nil, nil, false
		})
		b.produce(0, 10)
		w := b.startOn(store)
		b.settled(10, time.Minute)
		b.end(w)
		if len(store.declared) != 1 || arrived.IsZero() || store.declared[0].After(arrived) {
			t.Errorf("the batch counts as declared at %s; want one batch, declared no later than its commit, which arrived at %s", store.declared, arrived)
		}
	})
}
