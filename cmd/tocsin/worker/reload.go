package worker

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

	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
	"tocsin/rules"
)

// reloader brings a worker's rules up to date with their files: pack,
// materiality profiles and calendars, on demand or when the files change. On
// any error the rules stay as they are.
//
// It is an actor of its own, because compiling a pack, and keeping it in ClickHouse
// before a batch is promised by it, may take seconds. The loop asks the library once
// a round.
type reloader struct {
	files   *config.Rules
	library *pipeline.Engines
	inForce *inForce
	// keep keeps a pack for the worker that must replay a batch it judged. An
	// error of any kind leaves the old rules in force.
	keep  func(ctx context.Context, pack *rules.Pack) error
	bound time.Duration // of one try of keep
	log   *slog.Logger

	seen   string // fingerprint of the files at the last look
	tried  string // fingerprint of the files that were last tried
	owed   bool   // the files are right and could not be kept: each look tries again
	logged string // the last refusal; empty when none stands
}

// reloadLook is the pause between two looks at the files. A change is taken when two
// looks find the same files, so that a copy, file by file, is not read halfway.
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

// look takes the files' rules if the files have changed and stand still, or on
// demand.
func (r *reloader) look(ctx context.Context, must bool) {
	print := fingerprint(r.files)
	still := print == r.seen
	r.seen = print
	if !must && !r.owed && (print == r.tried || !still) {
		return
	}
	pack, engine, err := r.files.Open()
	if fingerprint(r.files) != print {
		return // they changed while they were read; the next look finds that
	}
	r.tried, r.owed = print, false
	switch was := r.library.Current().Digest(); {
	case err != nil:
		r.refuse(err.Error(), err)
	case engine.Digest() == was:
		r.logged = ""
		if r.inForce.confirm(time.Now()) || must {
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
		r.library.Replace(engine)
		r.logged = ""
		r.inForce.change(pack, time.Now())
		r.log.Info("the rules have changed", "from", was, "digest", engine.Digest(), "pack", pack.ID, "rules", len(engine.Rules()), "calendar", engine.CalendarVersion())
	}
}

// cannotKeep rejects rules that are right and could not be kept. Its text omits the
// details that differ from one try to the next.
func (r *reloader) cannotKeep(err error) {
	why := err.Error()
	if what, ok := pipeline.Waiting(err); ok {
		why = what
	} else if errors.Is(err, context.DeadlineExceeded) {
		why = pipeline.NoAnswer
	}
	r.refuse(why, fmt.Errorf("the new rules are right, but the table packs cannot keep them, and nothing is judged by rules that are not kept: %w", err))
}

// refuse notes why the files' rules are not in force, and logs it once.
func (r *reloader) refuse(why string, err error) {
	r.inForce.refuse(err.Error(), time.Now())
	if r.logged != why {
		r.logged = why
		r.log.Error("the rules stay as they are: their files cannot be taken", "digest", r.library.Current().Digest(), "error", err)
	}
}

// fingerprint changes when a file of the rules changes. It covers names, sizes and
// times of change of all files below the directories of the pack and the calendars,
// either of which may be a symbolic link that is exchanged. A shipped pack never
// changes.
func fingerprint(r *config.Rules) string {
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
