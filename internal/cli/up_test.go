package cli_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cli"
)

// TestUp runs `sonde up`, changes its file to an invalid one and to a valid one,
// pings its heartbeat, and ends it.
func TestUp(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer target.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "monitors.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	valid := fmt.Sprintf("monitors:\n  - {id: web, every: 5s, private: true, http: %q}\n  - {id: job, every: 5s, heartbeat: {every: 1h}}\n", target.URL)
	write(valid)

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var out output
	code := make(chan int, 1)
	go func() {
		code <- cli.Run(ctx, []string{"up", "-f", file, "--addr", "127.0.0.1:0", "--data", filepath.Join(dir, "data")}, &out, &out)
	}()
	says := func(what string) {
		t.Helper()
		until(t, 30*time.Second, "up says "+what+"\n"+out.String(), func() bool { return strings.Contains(out.String(), what) })
	}
	says("status page")
	url := regexp.MustCompile(`status page\s+(http://\S+)/`).FindStringSubmatch(out.String())[1]
	says("heartbeat job: ping ")
	ping := regexp.MustCompile(`ping (http://\S+/ping/\w+)`).FindStringSubmatch(out.String())[1]
	says("web: unknown → up")

	write("monitors:\n  - {id: web, evry: 5s, http: nonsense}\n")
	says("is not applied; what was in force before stays in force")
	says(`unknown key "evry" (did you mean "every"?)`)
	var status struct{ Services []struct{ ID, Status string } }
	if !get(url+"/api/v1/status", &status) || len(status.Services) != 2 {
		t.Errorf("after an invalid change: %+v", status)
	}

	write(valid + fmt.Sprintf("  - {id: added, every: 5s, private: true, http: %q}\n", target.URL))
	says("configuration applied: 3 monitors")
	says("added: unknown → up")

	var answer string
	if !get(ping+"/fail", &answer) || answer != "OK\n" {
		t.Errorf("ping answers %q", answer)
	}
	says("the job reported a failure")
	if !get(ping, &answer) {
		t.Error("ping fails")
	}
	says("OK: job - restored")

	var second output
	if got := cli.Run(context.Background(), []string{"up", "-f", file, "--addr", "127.0.0.1:0", "--data", filepath.Join(dir, "data")}, &second, &second); got != cli.ExitFailed || !strings.Contains(second.String(), "another sonde uses") {
		t.Errorf("a second up on the same store: exit %d\n%s", got, second.String())
	}
	stop()
	select {
	case got := <-code:
		if got != cli.ExitFine {
			t.Errorf("exit code %d\n%s", got, out.String())
		}
	case <-time.After(20 * time.Second):
		t.Error("up does not end when it is interrupted")
	}
}
