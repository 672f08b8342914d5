package cli_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sondehq/sonde/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sonde": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScript runs testdata/script. Scripts have $URL, a server that is fine at
// /health, broken at /broken and away at /moved, $ADDRESS, where it
// listens, and $CLOSED, a port of the
// loopback address where nothing listens.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(env *testscript.Env) error {
			closed, err := closedPort()
			if err != nil {
				return err
			}
			server := httptest.NewServer(http.HandlerFunc(serve))
			env.Defer(server.Close)
			env.Setenv("URL", server.URL)
			env.Setenv("ADDRESS", server.Listener.Addr().String())
			env.Setenv("CLOSED", closed)
			env.Setenv("NO_COLOR", "1")
			return nil
		},
	})
}

func serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/broken":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "/moved":
		http.Redirect(w, r, "/health", http.StatusFound)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintln(w, `{"status": "ok"}`)
	}
}

// closedPort is a loopback address that was free a moment ago.
func closedPort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// exits runs a command and checks its exit code: exits 2 sonde status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N command [args]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}
