package chserver

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// openTerminal opens both ends of a new pseudo-terminal, which does not become
// the controlling terminal of the process.
func openTerminal() (master, slave *os.File, err error) {
	const flags = os.O_RDWR | syscall.O_NOCTTY | syscall.O_CLOEXEC
	master, err = os.OpenFile("/dev/ptmx", flags, 0)
	if err != nil {
		return nil, nil, err
	}
	number, err := unlock(master)
	if err == nil {
		slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), flags, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, master.Close())
	}
	return master, slave, nil
}

// unlock lets the other end of master be opened and returns its number.
func unlock(master *os.File) (number int32, err error) {
	conn, err := master.SyscallConn()
	if err != nil {
		return 0, err
	}
	var locked int32
	ioctl := func(fd, request uintptr, arg *int32) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(arg))); errno != 0 && err == nil {
			err = os.NewSyscallError("ioctl", errno)
		}
	}
	failed := conn.Control(func(fd uintptr) {
		ioctl(fd, syscall.TIOCSPTLCK, &locked)
		ioctl(fd, syscall.TIOCGPTN, &number)
	})
	return number, errors.Join(err, failed)
}
