package sim_test

import (
	"os"
	"runtime/debug"
	"testing"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // a world is small, and leaves much behind
	os.Exit(m.Run())
}
