package chserver

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A filter of system calls (seccomp) in the child hands every rename to this process
// before the kernel makes it. So a test can let a rename fail, or kill the server
// just before it. It takes no right that the owner of the processes does not have.

// renameCalls are the numbers of rename, renameat and renameat2 on x86-64, the only
// architecture of the embedded server, and which argument is the path before.
var renameCalls = map[int32]int{82: 0, 264: 1, 316: 1}

// trapRenames hands the renames of this thread, and of every thread that it starts
// from now on, to who holds the other end of the socket.
func trapRenames(socket int) error {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	const number, arch = 0, 4 // offsets in struct seccomp_data
	equal := func(k uint32, then, otherwise uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: then, Jf: otherwise, K: k}
	}
	result := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	filter := []unix.SockFilter{load(arch), equal(unix.AUDIT_ARCH_X86_64, 0, uint8(len(renameCalls)+1)), load(number)}
	left := uint8(len(renameCalls))
	for call := range renameCalls {
		filter = append(filter, equal(uint32(call), left, 0))
		left--
	}
	filter = append(filter, result(unix.SECCOMP_RET_ALLOW), result(unix.SECCOMP_RET_USER_NOTIF))
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	if err := unix.Sendmsg(socket, []byte{0}, unix.UnixRights(int(listener)), nil, 0); err != nil {
		return os.NewSyscallError("sendmsg", err)
	}
	return unix.Close(int(listener))
}

// renameSocket makes the socket for trapRenames. The child gets one end; a goroutine
// that ends with the child answers the renames at the other.
func renameSocket(answer func(from string) syscall.Errno) (child *os.File, err error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make the socket for renames: %w", os.NewSyscallError("socketpair", err))
	}
	go func() {
		listener, ok := receiveFile(ends[0])
		_ = unix.Close(ends[0])
		if !ok { // the child could not set the filter, or has ended
			return
		}
		answerRenames(listener, answer)
		_ = unix.Close(listener)
	}()
	return os.NewFile(uintptr(ends[1]), "renames"), nil
}

// receiveFile receives a file descriptor over a socket.
func receiveFile(socket int) (file int, ok bool) {
	text, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, text, rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, false
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return 0, false
	}
	files, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(files) != 1 {
		return 0, false
	}
	return files[0], true
}

// notification and response are the kernel's struct seccomp_notif and
// seccomp_notif_resp.
type (
	notification struct {
		id         uint64
		pid, flags uint32
		number     int32
		arch       uint32
		_          uint64 // instruction
		args       [6]uint64
	}
	response struct {
		id    uint64
		value int64
		errno int32
		flags uint32
	}
)

// answerRenames answers until no thread with the filter is left.
func answerRenames(listener int, answer func(from string) syscall.Errno) {
	ioctl := func(request, argument uintptr) error {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), request, argument); errno != 0 {
			return errno
		}
		return nil
	}
	for {
		ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err == unix.EINTR {
			continue
		} else if err != nil || ready[0].Revents&unix.POLLIN == 0 {
			return
		}
		var n notification
		if ioctl(unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))) != nil {
			continue // the thread was killed meanwhile
		}
		r := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if errno := answer(textOf(n.pid, n.args[renameCalls[n.number]])); errno != 0 {
			r.errno, r.flags = -int32(errno), 0
		}
		_ = ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r))) // or it was killed meanwhile
	}
}

// textOf reads a text of C out of another process; empty if it is gone.
func textOf(pid uint32, at uint64) string {
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return ""
	}
	defer func() { _ = memory.Close() }() // only read
	text := make([]byte, unix.PathMax)
	n, _ := memory.ReadAt(text, int64(at)) // what follows the text may be in no page
	before, _, _ := bytes.Cut(text[:n], []byte{0})
	return string(before)
}
