package cache_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"tocsin/cmd/devstack/cache"
)

func write(dir, text string) error {
	return os.WriteFile(filepath.Join(dir, "content"), []byte(text), 0o600)
}

func TestEntryIsFilledOnce(t *testing.T) {
	t.Setenv(cache.Env, filepath.Join(t.TempDir(), "not", "there", "yet"))
	var fills atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			dir, err := cache.Entry(t.Context(), "thing-1", func(dir string) error {
				fills.Add(1)
				return write(dir, "whole")
			})
			if err != nil {
				t.Errorf("Entry: %v", err)
				return
			}
			got, err := os.ReadFile(filepath.Join(dir, "content"))
			if err != nil || string(got) != "whole" {
				t.Errorf("content = %q, %v; want whole", got, err)
			}
		})
	}
	all.Wait()
	if n := fills.Load(); n != 1 {
		t.Errorf("filled %d times, want once", n)
	}
}

func TestEntryThatFailedIsFilledAgain(t *testing.T) {
	t.Setenv(cache.Env, t.TempDir())
	cut := errors.New("connection cut")
	_, err := cache.Entry(t.Context(), "thing-1", func(dir string) error {
		return errors.Join(write(dir, "half"), cut)
	})
	if !errors.Is(err, cut) {
		t.Fatalf("error = %v, want the one of fill", err)
	}
	dir, err := cache.Entry(t.Context(), "thing-1", func(dir string) error {
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("fill was given a directory with %v in it, %v", left, err)
		}
		return write(dir, "whole")
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "content")); err != nil || string(got) != "whole" {
		t.Errorf("content = %q, %v; want whole", got, err)
	}
}

func TestEntryStopsWaitingWithItsContext(t *testing.T) {
	t.Setenv(cache.Env, t.TempDir())
	started, release := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := cache.Entry(t.Context(), "slow", func(string) error {
			close(started)
			<-release
			return nil
		}); err != nil {
			t.Errorf("first: %v", err)
		}
	})
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := cache.Entry(ctx, "slow", func(string) error {
		t.Error("filled a second time while the first had the lock")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	close(release)
	first.Wait()
}
