//go:build unix && !linux

package browser

import "syscall"

// dieWithParent: this system has no such thing.
func dieWithParent(*syscall.SysProcAttr) {}
