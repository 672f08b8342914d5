package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// killed, in the environment, makes the test binary the process to be killed.
const killed = "SONDE_TEST_KILLED_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(killed); path != "" {
		fmt.Fprintln(os.Stderr, writeForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver goes on where the file ends: two rows in each write, under one
// number, which it prints when the write has returned.
func writeForEver(path string) error {
	ctx := context.Background()
	db, err := bolt.Open(path, time.Now)
	if err != nil {
		return err
	}
	rows, err := table.All(ctx, db, table.Query{PK: "left"})
	if err != nil {
		return err
	}
	for n := len(rows) + 1; ; n++ {
		sk := fmt.Sprintf("%08d", n)
		if err := db.Write(ctx, put("left", sk, int64(n)), put("right", sk, int64(n))); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// TestKill kills a writer with SIGKILL after some writes, several times on one
// file: nothing that it reported is lost, nothing is half there, and the feed
// holds each put once.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	for _, writes := range []int{1, 3, 10, 2, 7} {
		reported := killAfter(t, path, writes)
		db := open(t, path, time.Now)
		left, err := table.All(t.Context(), db, table.Query{PK: "left"})
		if err != nil {
			t.Fatal(err)
		}
		right, err := table.All(t.Context(), db, table.Query{PK: "right"})
		if err != nil {
			t.Fatal(err)
		}
		if len(left) < reported || len(left) != len(right) {
			t.Errorf("%d and %d rows after %d reported writes", len(left), len(right), reported)
		}
		changes, err := db.Changes(t.Context(), 0, 1_000_000)
		if err != nil || len(changes) != 2*len(left) {
			t.Errorf("%d changes, %v, want %d", len(changes), err, 2*len(left))
		}
		for i, c := range changes {
			if want := int64(i/2 + 1); c.Row.Version != want || c.Seq != uint64(i+1) {
				t.Fatalf("change %d is %d of write %d, want of write %d", i, c.Seq, c.Row.Version, want)
			}
		}
		db.Close()
	}
}

func killAfter(t *testing.T, path string, writes int) (reported int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), killed+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range writes {
		if !lines.Scan() {
			t.Fatalf("the writer ended by itself: %v", cmd.Wait())
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for text := lines.Text(); ; text = lines.Text() { // what it still said counts too
		if _, err := fmt.Sscan(text, &reported); err != nil {
			t.Fatalf("the writer says %q: %v", text, err)
		}
		if !lines.Scan() {
			break
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the writer ended well")
	}
	return reported
}
