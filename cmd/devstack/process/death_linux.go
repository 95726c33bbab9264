package process

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel send the child death when its parent ends.
func dieWithParent(cmd *exec.Cmd, death syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = death
	// Its own group, so that an interrupt typed at a terminal reaches only the
	// parent, which stops its children in order.
	cmd.SysProcAttr.Setpgid = true
}
