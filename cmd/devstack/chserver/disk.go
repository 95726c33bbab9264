package chserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// fillFile takes what space is left on a disk, beside the data; fillFiles, a
// directory, what files.
const fillFile, fillFiles = "fill", "fill.d"

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

// fill takes the space there is, but for so many bytes, which are never
// touched.
func (d *disk) fill(left int64) (err error) {
	f, err := d.root.OpenFile(fillFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zeros := make([]byte, 1<<20)
	for {
		free, err := freeBytes(f)
		if err != nil {
			return fmt.Errorf("ask for the disk's space: %w", err)
		}
		n := min(free-left, int64(len(zeros)))
		if n <= 0 {
			return nil
		}
		if _, err := f.Write(zeros[:n]); errors.Is(err, syscall.ENOSPC) {
			return nil // somebody else took it
		} else if err != nil {
			return fmt.Errorf("fill the disk: %w", err)
		}
	}
}

// fillFiles makes files until the disk can hold only so many more.
func (d *disk) fillFiles(left int) error {
	err := d.root.MkdirAll(fillFiles, 0o700)
	var made []string
	for err == nil {
		name := filepath.Join(fillFiles, rand.Text())
		var f *os.File
		if f, err = d.root.Create(name); err == nil {
			made = append(made, name)
			err = f.Close()
		}
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	for _, name := range made[:min(left, len(made))] {
		err = errors.Join(err, d.root.Remove(name))
	}
	if err != nil {
		return fmt.Errorf("fill the disk with files: %w", err)
	}
	return nil
}

// drain gives back what was taken.
func (d *disk) drain() error {
	for _, name := range []string{fillFile, fillFiles} {
		if err := d.root.RemoveAll(name); err != nil {
			return fmt.Errorf("drain the disk: %w", err)
		}
	}
	return nil
}
