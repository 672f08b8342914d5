package runtimetest

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// peak is the most memory that a process held, in bytes (getrusage(2): kilobytes).
func peak(state *os.ProcessState) int64 {
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10
	}
	return 0
}

// cpu is the processor time of a running process: that of its threads, to the
// nanosecond (proc(5), schedstat).
func cpu(pid int) (total time.Duration) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0
	}
	for _, file := range threads {
		var spent time.Duration
		if text, err := os.ReadFile(file); err == nil {
			_, _ = fmt.Sscan(string(text), &spent)
		}
		total += spent
	}
	return total
}
