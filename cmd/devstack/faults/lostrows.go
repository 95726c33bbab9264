package faults

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"tocsin/cmd/devstack/chserver"
)

// ClickHouse writes the token of an insert to its deduplication log, and then renames
// the part. A rename that fails, or a kill before it, leaves a token without rows:
// every later insert under that token is acknowledged, and dropped.

// aim picks the rename that a fault strikes.
type aim struct {
	mu    sync.Mutex
	table string // a part of the path of the table's parts
	kill  int    // the server's process, to be killed; 0: the rename fails
	hits  int    // renames that are still to be struck
}

// answer is chserver.Options.Renames.
func (a *aim) answer(from string) syscall.Errno {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hits == 0 || !strings.Contains(from, a.table) || !strings.HasPrefix(filepath.Base(strings.TrimSuffix(from, "/")), "tmp_insert_") {
		return 0
	}
	a.hits--
	if a.kill == 0 {
		return syscall.ENOSPC
	}
	_ = syscall.Kill(a.kill, syscall.SIGKILL)
	return syscall.EIO // or the kernel makes the rename before the thread ends
}

// take aims, and returns a function that lowers the aim and reports whether every hit
// was struck.
func (a *aim) take(table string, kill, hits int) (lower func() bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.table, a.kill, a.hits = table, kill, hits
	return func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		left := a.hits
		a.hits = 0
		return left == 0
	}
}

// struck reports whether no hit is left.
func (a *aim) struck() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hits == 0
}

// loseRows has the next inserts of events leave tokens without rows: the renames of so
// many parts fail, or ClickHouse is killed before one and started again. False: no
// insert came in time, or the kernel lets no renames be trapped.
func (s *servers) loseRows(ctx context.Context, kill bool, hits int) (bool, error) {
	s.life[clickhouseServer].Lock()
	defer s.life[clickhouseServer].Unlock()
	paths, err := s.http.texts(ctx, "SELECT arrayJoin(data_paths) FROM system.tables WHERE database = 'tocsin' AND name = 'events'")
	if err != nil || len(paths) == 0 {
		return false, nil // the run is over
	}
	pid := 0
	if kill {
		pid, hits = s.clickhouse.Pid(), 1
	}
	lower := s.aim.take(filepath.Base(filepath.Clean(paths[0])), pid, hits)
	for end := time.Now().Add(strikeBound); time.Now().Before(end) && ctx.Err() == nil && !s.aim.struck(); {
		sleep(ctx, 20*time.Millisecond)
	}
	happened := lower()
	if !kill || !happened {
		return happened, nil
	}
	<-s.clickhouse.Done()
	starting, cancel := context.WithTimeout(context.WithoutCancel(ctx), startBound)
	defer cancel()
	if s.clickhouse, err = chserver.Start(starting, s.store); err != nil {
		return true, fmt.Errorf("start %s again: %w", clickhouseServer, err)
	}
	return true, nil
}
