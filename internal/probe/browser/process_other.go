//go:build !unix

package browser

import "os/exec"

// apart: without process groups the browser is killed alone, and its children find
// that it is gone.
func apart(*exec.Cmd, bool) {}
