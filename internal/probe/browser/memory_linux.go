package browser

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// held is how much memory the processes of a group hold, in bytes; what they share
// with others, such as the program itself, is left out (proc(5), stat and statm).
func held(group int) (total int64) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, path := range paths {
		stat, err := os.ReadFile(path) //nolint:gosec // of /proc
		if err != nil {
			continue // it has ended meanwhile
		}
		// pid (name) state parent group; the name may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 3 || string(fields[2]) != strconv.Itoa(group) {
			continue
		}
		statm, err := os.ReadFile(filepath.Join(filepath.Dir(path), "statm")) //nolint:gosec // of /proc
		if err != nil {
			continue
		}
		if pages := bytes.Fields(statm); len(pages) > 2 {
			resident, _ := strconv.ParseInt(string(pages[1]), 10, 64)
			shared, _ := strconv.ParseInt(string(pages[2]), 10, 64)
			total += (resident - shared) * int64(os.Getpagesize())
		}
	}
	return total
}
