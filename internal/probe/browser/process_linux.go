package browser

import "syscall"

// dieWithParent: a prober that is killed leaves no browser behind.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
