package chserver

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// namespaceFile is the number of the file by which the child gets the
// namespace of its disk.
const namespaceFile = firstFile

// bytesPerInode is how much of a disk there is for each file it can hold, as
// on a new ext4.
const bytesPerInode = 16 << 10

// newDisk mounts a tmpfs on dir in a new mount namespace.
func newDisk(dir string, size int64) (d *disk, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		// A namespace is of a thread. This one is not unlocked after it, so the
		// runtime ends it with the goroutine and runs nothing else on it. The
		// main thread would not end, and be what /proc shows of the process: it
		// is kept locked while another thread is used.
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			d, err = newDisk(dir, size)
			runtime.UnlockOSThread()
			return
		}
		d, err = mountDisk(dir, size)
	}()
	<-done
	return d, err
}

// mountDisk is newDisk, on a thread of its own.
func mountDisk(dir string, size int64) (*disk, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, os.NewSyscallError("unshare", err)
	}
	// Or the mount would spread to the namespace this one is copied from.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, os.NewSyscallError("mount /", err)
	}
	if err := unix.Mount("tocsin", dir, "tmpfs", 0, fmt.Sprintf("size=%d,nr_inodes=%d,mode=0700", size, size/bytesPerInode)); err != nil {
		return nil, os.NewSyscallError("mount tmpfs", err)
	}
	namespace, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errors.Join(err, namespace.Close())
	}
	return &disk{namespace, root}, nil
}

// enterDisk moves the thread, which must be locked, to the namespace that the
// parent passed on, and so whatever thread the library starts from it.
func enterDisk() error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // Go's threads share it, and then cannot move
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Setns(namespaceFile, unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter the disk's namespace: %w", os.NewSyscallError("setns", err))
	}
	return unix.Close(namespaceFile)
}

// freeBytes is the space that is left on a file's disk.
func freeBytes(f *os.File) (int64, error) {
	var is unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &is); err != nil {
		return 0, err
	}
	return int64(is.Bavail) * is.Bsize, nil
}
