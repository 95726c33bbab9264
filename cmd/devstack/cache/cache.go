// Package cache keeps what the development stack fetches from package
// registries, so that it is fetched once for a user and not once for a run.
package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Env names the variable that moves the cache away from the user's own cache
// directory, for instance to one that a CI job restores.
const Env = "TOCSIN_CACHE"

// lockPoll is how often a process that waits for another one's fetch looks
// again. A fetch takes seconds, so this costs nothing and adds little.
const lockPoll = 100 * time.Millisecond

// Root returns the directory of the cache: $TOCSIN_CACHE, or tocsin in the
// user's cache directory. It need not exist yet.
func Root() (string, error) {
	if dir := os.Getenv(Env); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory: %w (set %s to one)", err, Env)
	}
	return filepath.Join(dir, "tocsin"), nil
}

// Entry returns the directory called name in the cache, having it filled by
// fill if it is not there yet. Fill is given an empty directory, which takes
// its final name only after fill has returned nil: an entry is whole or
// absent. Processes that ask for one entry at the same time wait for the first.
// A name holds everything that the content depends on, because an entry, once
// there, is never filled again.
func Entry(ctx context.Context, name string, fill func(dir string) error) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, name)
	if exists(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("make the cache directory: %w (set %s to a writable one)", err, Env)
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(dir) { // filled while this process waited
		return dir, nil
	}

	partial := dir + ".partial"
	if err := os.RemoveAll(partial); err != nil { // of a process that died
		return "", fmt.Errorf("clear an unfinished fetch: %w", err)
	}
	if err := os.Mkdir(partial, 0o755); err != nil {
		return "", fmt.Errorf("make the cache entry: %w", err)
	}
	if err := fill(partial); err != nil {
		return "", errors.Join(err, os.RemoveAll(partial))
	}
	if err := os.Rename(partial, dir); err != nil {
		return "", fmt.Errorf("finish the cache entry: %w", err)
	}
	return dir, nil
}

func exists(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// lock takes the file lock at path. The kernel drops it with the process, so
// a process that died blocks no other.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, fs.FileMode(0o644))
	if err != nil {
		return nil, fmt.Errorf("open the cache lock: %w", err)
	}
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for another process's fetch (%s): %w", path, ctx.Err()), f.Close())
		case <-tick.C:
		}
	}
}
