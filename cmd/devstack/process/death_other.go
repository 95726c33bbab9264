//go:build !linux

package process

import (
	"os/exec"
	"syscall"
)

// dieWithParent can promise nothing where the kernel has no such signal: a
// parent killed with SIGKILL there leaves its children behind.
func dieWithParent(*exec.Cmd, syscall.Signal) {}
