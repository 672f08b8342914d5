package dynamotest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// startLimit is far more than the two seconds that it takes.
const startLimit = time.Minute

// start installs DynamoDB Local where that has not been done, and runs it.
func start() (endpoint string, err error) {
	for _, tool := range []string{"java", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", err
		}
	}
	dir, err := install()
	if err != nil {
		return "", fmt.Errorf("install DynamoDB Local: %w", err)
	}
	// It cannot choose a free port by itself. Between our look and its start
	// another process may take the port: then it ends, and we look again.
	for range 3 {
		if endpoint, err = run(dir); err == nil {
			return endpoint, nil
		}
	}
	return "", fmt.Errorf("run DynamoDB Local in %s: %w", dir, err)
}

// guard runs its arguments until its standard input ends, which it does with
// the test process, even if that is killed.
const guard = `exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ read -r _ <&3; kill $child; } & watch=$!
wait $child; status=$?
kill $watch 2>/dev/null
exit $status`

func run(dir string) (endpoint string, err error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	libs := filepath.Join(dir, libFolder)
	cmd := exec.Command("sh", "-c", guard, "sh", "java",
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // small, and quick to start
		"-Djava.library.path="+libs,
		"-cp", filepath.Join(dir, jar)+":"+filepath.Join(libs, "*"),
		"com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
		"-inMemory", "-sharedDb", "-port", port)
	cmd.Dir = dir // it leaves a file where it stands
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if _, err := cmd.StdinPipe(); err != nil { // held open, never written to
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	endpoint = "http://127.0.0.1:" + port
	deadline := time.After(startLimit)
	for poll := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case err := <-ended:
			return "", fmt.Errorf("it ended: %w: %s", errors.Join(err, errors.New("early")), strings.TrimSpace(said.String()))
		case <-deadline:
			return "", errors.Join(fmt.Errorf("no answer within %v", startLimit), cmd.Process.Kill())
		case <-poll.C:
			if answers(endpoint) {
				poll.Stop()
				return endpoint, nil
			}
		}
	}
}

// answers reports whether a DynamoDB is there: it refuses a request without a
// signature in its own manner.
func answers(endpoint string) bool {
	response, err := http.Get(endpoint)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	return err == nil && bytes.Contains(body, []byte("com.amazonaws.dynamodb"))
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
