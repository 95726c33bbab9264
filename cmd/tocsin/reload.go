package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"tocsin/pipeline"
	"tocsin/rules"
)

// reloader brings a worker's rules up to date with their files: pack,
// materiality profiles and calendars, on demand or when the files change. On
// any error the rules stay as they are.
//
// It is an actor of its own: compiling a pack, and keeping it in ClickHouse
// before a batch is promised by it, may take seconds that the loop has a better
// use for. The loop asks the library, once a cycle.
type reloader struct {
	files   *rulesConfig
	library *library
	inForce *inForce
	// keep keeps a pack for whoever must replay a batch that it judged. An
	// error of any kind leaves the old rules in force.
	keep  func(ctx context.Context, pack *rules.Pack) error
	bound time.Duration // of one try of keep
	log   *slog.Logger

	seen  string // what the files looked like at the last look
	tried string // what they looked like when they were last tried
	owed  bool   // they are right and could not be kept: tried again at each look
	told  string // the last refusal that the log was told; empty when none stands
}

// reloadLook is how often the files are looked at. A change is taken when two
// looks show the same: whoever copies file by file is not caught halfway.
const reloadLook = 2 * time.Second

// run looks at the files until ctx is cancelled, and at once when demanded.
func (r *reloader) run(ctx context.Context, demanded <-chan os.Signal) {
	tick := time.NewTicker(reloadLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-demanded:
			r.look(ctx, true)
		case <-tick.C:
			r.look(ctx, false)
		}
	}
}

// look takes the files' rules if the files have changed and stand still, or if
// it must.
func (r *reloader) look(ctx context.Context, must bool) {
	print := r.files.fingerprint()
	still := print == r.seen
	r.seen = print
	if !must && !r.owed && (print == r.tried || !still) {
		return
	}
	pack, engine, err := r.files.openEngine()
	if r.files.fingerprint() != print {
		return // they changed while they were read: the next look sees that
	}
	r.tried, r.owed = print, false
	switch was := r.library.Current().Digest(); {
	case err != nil:
		r.refuse(err.Error(), err)
	case engine.Digest() == was:
		r.told = ""
		if r.inForce.confirm(now()) || must {
			r.log.Info("the rules in force are those of their files", "digest", was)
		}
	default:
		once, cancel := context.WithTimeout(ctx, r.bound)
		defer cancel()
		if err := r.keep(once, pack); err != nil {
			r.owed = true
			r.cannotKeep(err)
			return
		}
		r.library.replace(engine)
		r.told = ""
		r.inForce.change(pack, now())
		r.log.Info("the rules have changed", "from", was, "digest", engine.Digest(), "pack", pack.ID, "rules", len(engine.Rules()), "calendar", engine.CalendarVersion())
	}
}

// cannotKeep refuses rules that are right. The error's text may differ from one
// try to the next; what is waited for does not.
func (r *reloader) cannotKeep(err error) {
	why := err.Error()
	if what, ok := pipeline.Waiting(err); ok {
		why = what
	} else if errors.Is(err, context.DeadlineExceeded) {
		why = "no answer within step_timeout"
	}
	r.refuse(why, fmt.Errorf("the new rules are right, but the table packs cannot keep them, and nothing is judged by rules that are not kept: %w", err))
}

// refuse notes why the files' rules are not in force. The log is told once.
func (r *reloader) refuse(why string, err error) {
	r.inForce.refuse(err.Error(), now())
	if r.told != why {
		r.told = why
		r.log.Error("the rules stay as they are: their files cannot be taken", "digest", r.library.Current().Digest(), "error", err)
	}
}

// fingerprint changes when a file of the rules changes: names, sizes and times
// of change of all files below the pack's and the calendars' directories, of
// which either may be a symbolic link that is exchanged. A shipped pack never
// changes.
func (r *rulesConfig) fingerprint() string {
	h := fnv.New128a()
	for _, dir := range []string{r.Pack, r.Calendar} {
		if dir == "" {
			continue
		}
		target, err := filepath.EvalSymlinks(dir) // WalkDir does not follow its root
		fmt.Fprintln(h, target, err)
		if err != nil {
			continue
		}
		err = filepath.WalkDir(target, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Stat(path) // of what a link points at
			if err != nil {
				return err
			}
			fmt.Fprintln(h, path, info.Size(), info.ModTime().UnixNano())
			return nil
		})
		fmt.Fprintln(h, err)
	}
	return string(h.Sum(nil))
}
