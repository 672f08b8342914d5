//go:build linux

package browser_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/browser"
)

// running is how many living processes have a directory in their command line.
func running(dir string) int {
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	n := 0
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err == nil && bytes.Contains(line, []byte("--user-data-dir="+dir)) {
			n++
		}
	}
	return n
}

// TestEndsInTime: wherever its time ends, in the start of the browser as well, the
// check is over and nothing of it is left.
func TestEndsInTime(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(site))
	t.Cleanup(s.Close)
	t.Setenv("TMPDIR", t.TempDir())
	timeouts := []time.Duration{1, 5, 20, 60, 150, 300, 500, 800, 1200, 2000}
	if testing.Short() {
		timeouts = []time.Duration{1, 60, 300, 800}
	}
	for _, timeout := range timeouts {
		r := check(t, s.URL+"/hangs", timeout*time.Millisecond, nil)
		if r.Outcome == monitor.OutcomeUp {
			t.Errorf("within %d ms: %+v", timeout, r)
		}
		left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*"))
		if len(left) > 0 {
			t.Errorf("%d ms: left %v", timeout, left)
		}
	}
	waitUntil(t, "the browsers are gone", func() bool { return running(os.TempDir()) == 0 })
}

// TestKilled: a prober that is killed takes its browser with it.
func TestKilled(t *testing.T) {
	chromium(t)
	if url := os.Getenv("SONDE_TEST_JOURNEY"); url != "" {
		check(t, url, time.Minute, nil)
		return
	}
	asked := make(chan struct{}, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	prober := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	prober.Env = append(os.Environ(), "SONDE_TEST_JOURNEY="+s.URL, "TMPDIR="+dir)
	if err := prober.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked:
	case <-time.After(time.Minute):
		t.Error("the journey has not begun")
	}
	if running(dir) == 0 {
		t.Error("no browser is seen")
	}
	_ = prober.Process.Kill()
	_ = prober.Wait()
	waitUntil(t, "the browser is gone", func() bool { return running(dir) == 0 })
}

// TestCrash: the process of a page dies while it is looked at.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/crash":
			killRenderers(dir)
		default:
			_, _ = w.Write([]byte(`<title>Doomed</title><p>here</p><script>setTimeout(() => fetch('/crash'), 500)</script>`))
		}
	}))
	t.Cleanup(s.Close)
	r := check(t, s.URL, long, nil, monitor.BrowserStep{Wait: "#never"})
	if r.Outcome != monitor.OutcomeDown || r.Failure.Kind != monitor.FailBrowser || r.Failure.Detail != "step 1, wait #never: the page crashed" {
		t.Errorf("got %s %+v", r.Outcome, r.Failure)
	}
	if r.Timing.Total > long/2 {
		t.Errorf("took %s to tell: nothing can be waited for on a page that is gone", r.Timing.Total)
	}
}

// TestGreedy: a page that takes memory without end is ended, and said to be.
func TestGreedy(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	browser.SetMaxMemory(t, 600<<20)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<title>Greedy</title><script>const all = []; setInterval(() => all.push(new Uint8Array(32 << 20).fill(1)), 20)</script>`))
	}))
	t.Cleanup(s.Close)
	r := check(t, s.URL, long, nil, monitor.BrowserStep{Wait: "#never"})
	if r.Outcome != monitor.OutcomeDown || r.Failure.Kind != monitor.FailBrowser || r.Failure.Detail != "step 1, wait #never: the page takes more than 600 MiB of memory" {
		t.Errorf("got %s %+v", r.Outcome, r.Failure)
	}
	waitUntil(t, "the browser is gone", func() bool { return running(os.TempDir()) == 0 })
}

// killRenderers kills the processes of pages of the browsers that run in a directory.
// They are known by their group: Chromium writes over their environment.
func killRenderers(dir string) {
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		line, _ := os.ReadFile(path)
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || !bytes.Contains(line, []byte("--type=renderer")) {
			continue
		}
		group, err := syscall.Getpgid(pid)
		leader, _ := os.ReadFile("/proc/" + strconv.Itoa(group) + "/cmdline")
		if err == nil && bytes.Contains(leader, []byte("--user-data-dir="+dir+"/sonde-browser-")) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// waitUntil waits for what others bring about, long enough for a busy machine.
func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	over := time.After(15 * time.Second)
	for !done() {
		select {
		case <-look.C:
		case <-over:
			t.Fatalf("never: %s", what)
		}
	}
}
