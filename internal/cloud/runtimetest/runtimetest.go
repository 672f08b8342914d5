// Package runtimetest is the Lambda runtime API for tests: it starts a built
// function as a process, hands it events one by one, and takes its answers, as
// Lambda does (Lambda Developer Guide, "Using the Lambda runtime API").
package runtimetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// Process is a running function.
type Process struct {
	events  chan invocation
	answers chan Answer
	exited  chan struct{}
	server  *httptest.Server
	command *exec.Cmd
	log     lockedBuffer
	calls   atomic.Int64
}

type invocation struct {
	event    []byte
	deadline time.Time
}

// ErrExited means that the function's process ended before it answered.
var ErrExited = errors.New("the function's process ended")

// ErrNoTime means that the function did not answer before the deadline. Lambda
// ends such a process, and so must the caller.
var ErrNoTime = errors.New("the function did not answer in time")

// Spawn runs the binary with an environment, in which it finds the runtime API.
// Kill ends it.
func Spawn(binary string, env ...string) (*Process, error) {
	p := &Process{events: make(chan invocation), answers: make(chan Answer, 1), exited: make(chan struct{})}
	p.server = httptest.NewServer(p.api())
	p.command = exec.Command(binary)
	p.command.Env = append([]string{"AWS_LAMBDA_FUNCTION_NAME=test", "HOME=/nonexistent", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128"}, env...)
	p.command.Env = append(p.command.Env, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(p.server.URL, "http://"))
	p.command.Stdout, p.command.Stderr = &p.log, &p.log
	if err := p.command.Start(); err != nil {
		p.server.Close()
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	go func() {
		_ = p.command.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Kill ends the process at once, as SIGKILL does, and waits for its end.
func (p *Process) Kill() {
	_ = p.command.Process.Kill()
	<-p.exited
	p.server.CloseClientConnections()
	p.server.Close()
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Peak is the most memory, in bytes, that an ended process held.
func (p *Process) Peak() int64 { return peak(p.command.ProcessState) }

// CPU is the processor time that a running process has used so far; zero where
// that cannot be known.
func (p *Process) CPU() time.Duration { return cpu(p.command.Process.Pid) }

// Memory is the most that a running process has held so far, in bytes; zero where
// that cannot be known.
func (p *Process) Memory() int64 { return memory(p.command.Process.Pid) }

// Call hands the function one event and returns its answer. The function is
// told the deadline.
func (p *Process) Call(ctx context.Context, event []byte, deadline time.Time) (Answer, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	select {
	case p.events <- invocation{event, deadline}:
	case <-p.exited:
		return Answer{}, ErrExited
	case <-ctx.Done():
		return Answer{}, ErrNoTime
	}
	select {
	case answer := <-p.answers:
		return answer, nil
	case <-p.exited:
		return Answer{}, ErrExited
	case <-ctx.Done():
		return Answer{}, ErrNoTime
	}
}

// Log is what the function has written so far.
func (p *Process) Log() string { return p.log.String() }

func (p *Process) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", p.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{outcome}", func(w http.ResponseWriter, r *http.Request) {
		payload, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		p.answers <- Answer{payload, r.PathValue("outcome") == "error"}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, r *http.Request) {
		payload, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(&p.log, "init error: %s\n", payload)
	})
	return mux
}

func (p *Process) next(w http.ResponseWriter, r *http.Request) {
	select {
	case call := <-p.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-"+strconv.FormatInt(p.calls.Add(1), 10))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(call.deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:test")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(call.event)
	case <-r.Context().Done():
	}
}

// Function is a process that a test started and that ends with it.
type Function struct {
	*Process
	t testing.TB
}

// limit is what each call may take; a function that hangs fails the test.
const limit = 30 * time.Second

// Start is Spawn for a test: the process is ended with it, and its log shown if
// the test failed.
func Start(t testing.TB, binary string, env ...string) *Function {
	t.Helper()
	p, err := Spawn(binary, append(env, "PATH="+os.Getenv("PATH"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("log of %s:\n%s", binary, p.Log())
		}
	})
	return &Function{p, t}
}

// Invoke hands the function one event and returns its answer.
func (f *Function) Invoke(event []byte) Answer {
	f.t.Helper()
	answer, err := f.Call(context.Background(), event, time.Now().Add(limit))
	if err != nil {
		f.t.Fatalf("invoke: %v\n%s", err, f.Log())
	}
	return answer
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
