package browser

import "testing"

// SetMaxMemory lowers what a browser may hold, for one test.
func SetMaxMemory(t testing.TB, most int64) {
	before := maxMemory
	maxMemory = most
	t.Cleanup(func() { maxMemory = before })
}
