//go:build !linux

package browser

// held is not known here.
func held(int) int64 { return 0 }
