//go:build unix

package browser

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// apart makes a command the leader of a process group, which is killed as a whole
// when the command's context ends.
func apart(cmd *exec.Cmd, inLambda bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if !inLambda { // where children are taken for orphans when a thread of ours ends
		dieWithParent(cmd.SysProcAttr)
	}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}
