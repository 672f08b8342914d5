//go:build !unix

package browser

import "os/exec"

func apart(*exec.Cmd) {}

func kill(cmd *exec.Cmd) {
	if cmd != nil && cmd.Process != nil {
		_ = cmd.Process.Kill()
	}
}
