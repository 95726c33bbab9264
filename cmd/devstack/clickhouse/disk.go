package chserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// fillFile takes what space is left on a disk, beside the data.
const fillFile = "fill"

// disk is a file system in memory, of bounded size, for the data of one
// directory. It is mounted in a namespace that only servers enter and that
// this process holds, so that a server killed and started again finds its
// data, and the kernel takes it away with the process, however that ends:
// there is never a mount that somebody would have to remove.
type disk struct {
	namespace *os.File // of mounts
	root      *os.Root
}

// disks are those of this process, by the directory they are mounted on. They
// outlive their servers.
var disks = struct {
	mu sync.Mutex
	on map[string]*disk
}{on: make(map[string]*disk)}

// diskOn returns the disk mounted on dir, made with this size in bytes if
// there is none yet.
func diskOn(dir string, size int64) (*disk, error) {
	disks.mu.Lock()
	defer disks.mu.Unlock()
	if d := disks.on[dir]; d != nil {
		return d, nil
	}
	d, err := newDisk(dir, size)
	if err != nil {
		return nil, fmt.Errorf("make a disk of %d bytes (Options.DataSize, which takes root on Linux): %w", size, err)
	}
	disks.on[dir] = d
	return d, nil
}

// release gives up the disk mounted on dir, if there is one, and what is on
// it.
func release(dir string) error {
	disks.mu.Lock()
	defer disks.mu.Unlock()
	d := disks.on[dir]
	if d == nil {
		return nil
	}
	delete(disks.on, dir)
	return errors.Join(d.namespace.Close(), d.root.Close())
}

// fill takes what space is left.
func (d *disk) fill() (err error) {
	f, err := d.root.OpenFile(fillFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zeros := make([]byte, 1<<20)
	for {
		if _, err := f.Write(zeros); errors.Is(err, syscall.ENOSPC) {
			return nil
		} else if err != nil {
			return fmt.Errorf("fill the disk: %w", err)
		}
	}
}

// drain gives back what fill took.
func (d *disk) drain() error {
	if err := d.root.Remove(fillFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drain the disk: %w", err)
	}
	return nil
}
