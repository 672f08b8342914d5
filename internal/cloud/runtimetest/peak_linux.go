package runtimetest

import (
	"os"
	"syscall"
)

// peak is the most memory that a process held, in bytes (getrusage(2): kilobytes).
func peak(state *os.ProcessState) int64 {
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10
	}
	return 0
}
