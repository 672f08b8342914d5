// Package runtimetest is the Lambda runtime API for tests: it starts a built
// function as a process, hands it events one by one, and takes its answers, as
// Lambda does (Lambda Developer Guide, "Using the Lambda runtime API").
package runtimetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Answer is what a function gave back for an event.
type Answer struct {
	Payload []byte // the response, or the error object
	Failed  bool   // the function reported an error
}

// Function is a running function.
type Function struct {
	t       testing.TB
	events  chan []byte
	answers chan Answer
	exited  chan error
	log     lockedBuffer
	process *exec.Cmd
	calls   atomic.Int64
}

// deadline is what each call may take; a function that hangs fails the test.
const deadline = 30 * time.Second

// Start runs the binary with an environment, in which it finds the runtime API.
// It is stopped at the end of the test.
func Start(t testing.TB, binary string, env ...string) *Function {
	t.Helper()
	f := &Function{t: t, events: make(chan []byte), answers: make(chan Answer), exited: make(chan error, 1)}
	server := httptest.NewServer(f.api())
	f.process = exec.Command(binary)
	f.process.Env = append(env, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=test", "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir())
	f.process.Stdout, f.process.Stderr = &f.log, &f.log
	if err := f.process.Start(); err != nil {
		t.Fatalf("start %s: %v", binary, err)
	}
	go func() { f.exited <- f.process.Wait() }()
	t.Cleanup(func() {
		_ = f.process.Process.Kill()
		server.CloseClientConnections()
		server.Close()
		if t.Failed() {
			t.Logf("log of %s:\n%s", binary, f.log.String())
		}
	})
	return f
}

// Invoke hands the function one event and returns its answer.
func (f *Function) Invoke(event []byte) Answer {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	select {
	case f.events <- event:
	case err := <-f.exited:
		f.t.Fatalf("the function ended before it took an event: %v\n%s", err, f.log.String())
	case <-ctx.Done():
		f.t.Fatalf("the function took no event within %s\n%s", deadline, f.log.String())
	}
	select {
	case answer := <-f.answers:
		return answer
	case err := <-f.exited:
		f.t.Fatalf("the function ended without an answer: %v\n%s", err, f.log.String())
	case <-ctx.Done():
		f.t.Fatalf("the function gave no answer within %s\n%s", deadline, f.log.String())
	}
	return Answer{}
}

// Log is what the function has written so far.
func (f *Function) Log() string { return f.log.String() }

func (f *Function) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{outcome}", func(w http.ResponseWriter, r *http.Request) {
		payload, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		f.answers <- Answer{payload, r.PathValue("outcome") == "error"}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, r *http.Request) {
		payload, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(&f.log, "init error: %s\n", payload)
	})
	return mux
}

func (f *Function) next(w http.ResponseWriter, r *http.Request) {
	select {
	case event := <-f.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-"+strconv.FormatInt(f.calls.Add(1), 10))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(deadline).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:test")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(event)
	case <-r.Context().Done():
	}
}

// JSON reads an answer's payload.
func (a Answer) JSON(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(a.Payload, into); err != nil {
		t.Fatalf("answer is not JSON: %v\n%s", err, a.Payload)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
