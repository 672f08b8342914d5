package runtimetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// memory is the most that a running process has held so far, in bytes (proc(5),
// status, VmHWM).
func memory(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	var kB int64
	_, _ = fmt.Sscan(after, &kB)
	return kB << 10
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
