package platformtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/cloud/runtimetest"
	"github.com/sondehq/sonde/internal/cloud/template"
)

// function is a deployed function: processes that come and go as they are
// needed.
type function struct {
	id, binary string
	env        []string
	timeout    time.Duration
	proxy      *proxy

	mu    sync.Mutex
	idle  []*runtimetest.Process
	alive map[*runtimetest.Process]bool
	past  strings.Builder // logs of processes that have ended
	runs  int
	now   int // runs that have not ended
	spent time.Duration
	peak  int64
}

func (s *Stack) newFunction(r template.Resource) (*function, error) {
	role := s.roleOf(r)
	if role.ID == "" {
		return nil, fmt.Errorf("%s: its role is not in the template", r.ID)
	}
	seconds, err := strconv.Atoi(r.Text("Timeout"))
	if err != nil {
		return nil, fmt.Errorf("%s: Timeout: %w", r.ID, err)
	}
	f := &function{
		id: r.ID, timeout: time.Duration(seconds) * time.Second, alive: map[*runtimetest.Process]bool{},
		binary: filepath.Join(cmp.Or(s.opts.Binaries, s.platform.binaries), strings.ToLower(strings.TrimSuffix(r.ID, "Function"))),
	}
	f.proxy = newProxy(s, r.ID, policyOf(role))
	f.proxy.kill = f.kill
	f.env = append([]string{
		"AWS_REGION=" + s.Region, "AWS_DEFAULT_REGION=" + s.Region, "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local",
		"AWS_LAMBDA_FUNCTION_NAME=" + s.Name + "-" + r.ID, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + r.Text("MemorySize"),
		"AWS_ENDPOINT_URL=" + f.proxy.server.URL,
	}, s.opts.Env...)
	variables, _ := r.Get("Environment", "Variables").(map[string]any)
	for name, value := range variables {
		f.env = append(f.env, fmt.Sprintf("%s=%v", name, value))
	}
	return f, nil
}

// roleOf finds the role of a function by the ARN that it names.
func (s *Stack) roleOf(f template.Resource) template.Resource {
	for _, role := range s.Of("AWS::IAM::Role") {
		if strings.HasSuffix(f.Text("Role"), ":role/"+s.Name+"-"+role.ID) {
			return role
		}
	}
	return template.Resource{}
}

// invoke runs the function once, in an idle process or a new one. One that does
// not answer within the function's timeout is ended, as Lambda does.
func (f *function) invoke(ctx context.Context, event []byte) (runtimetest.Answer, error) {
	p, err := f.take()
	if err != nil {
		return runtimetest.Answer{}, err
	}
	started := time.Now()
	f.mu.Lock()
	f.now++
	f.mu.Unlock()
	answer, err := p.Call(ctx, event, started.Add(f.timeout))
	f.mu.Lock()
	f.now--
	f.runs++
	f.spent += time.Since(started)
	f.mu.Unlock()
	if err != nil {
		f.discard(p)
		return answer, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, p)
	if answer.Failed {
		return answer, errors.New(string(answer.Payload))
	}
	return answer, nil
}

func (f *function) take() (*runtimetest.Process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.idle) > 0 {
		p := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		select {
		case <-p.Exited():
			delete(f.alive, p)
			f.past.WriteString(p.Log())
		default:
			return p, nil
		}
	}
	p, err := runtimetest.Spawn(f.binary, f.env...)
	if err == nil {
		f.alive[p] = true
	}
	return p, err
}

func (f *function) discard(p *runtimetest.Process) {
	p.Kill()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.alive, p)
	f.past.WriteString(p.Log())
	f.peak = max(f.peak, p.Peak())
}

// kill ends all processes of the function, as a machine that dies.
func (f *function) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.alive {
		p.Kill()
	}
}

func (f *function) end() {
	f.kill()
	f.mu.Lock()
	for p := range f.alive {
		f.past.WriteString(p.Log())
		f.peak = max(f.peak, p.Peak())
	}
	f.alive, f.idle = nil, nil
	f.mu.Unlock()
	f.proxy.server.CloseClientConnections()
	f.proxy.server.Close()
}

// Figures are what a function has used so far, or, after Since, for each run in
// between.
type Figures struct {
	Runs       float64
	Seconds    float64 // from the event to the answer
	CPU        float64 // seconds of one core, of the processes that still run
	Memory     int64   // bytes, the most that one of its processes has held
	ReadUnits  float64
	BatchUnits float64 // of these, what it took to read results: more with every batch that is written
	WriteUnits float64
	LogBytes   float64
	Calls      map[string]float64 // of AWS, by service and operation
}

// Since is the mean of each run since an earlier reading. Runs is their number.
func (f Figures) Since(before Figures) Figures {
	n := max(f.Runs-before.Runs, 1)
	out := Figures{
		Runs: f.Runs - before.Runs, Memory: f.Memory, Seconds: (f.Seconds - before.Seconds) / n, CPU: (f.CPU - before.CPU) / n, LogBytes: (f.LogBytes - before.LogBytes) / n,
		ReadUnits: (f.ReadUnits - before.ReadUnits) / n, BatchUnits: (f.BatchUnits - before.BatchUnits) / n, WriteUnits: (f.WriteUnits - before.WriteUnits) / n, Calls: map[string]float64{},
	}
	for name, count := range f.Calls {
		out.Calls[name] = (count - before.Calls[name]) / n
	}
	return out
}

func (f Figures) String() string {
	var calls []string
	for _, name := range slices.Sorted(maps.Keys(f.Calls)) {
		if f.Calls[name] > 0 {
			calls = append(calls, fmt.Sprintf("%s %.2f", name, f.Calls[name]))
		}
	}
	return fmt.Sprintf("%.0f runs, each %.0f ms, %.1f ms of a core, at most %d MB, %.2f read units (%.2f of results), %.2f write units, %.0f bytes of log; %s",
		f.Runs, f.Seconds*1000, f.CPU*1000, f.Memory>>20, f.ReadUnits, f.BatchUnits, f.WriteUnits, f.LogBytes, strings.Join(calls, ", "))
}

// Figures reads what a function has used so far, when no run of it is half done.
func (s *Stack) Figures(function string) Figures {
	f := s.functions[function]
	if !eventually(5*time.Minute, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.now == 0
	}) {
		s.complain("%s is never at rest", function)
	}
	log := len(f.log())
	f.mu.Lock()
	out := Figures{Runs: float64(f.runs), Seconds: f.spent.Seconds(), LogBytes: float64(log), Calls: map[string]float64{}}
	for p := range f.alive {
		out.CPU += p.CPU().Seconds()
		out.Memory = max(out.Memory, p.Memory())
	}
	f.mu.Unlock()
	for name, n := range s.Usage(function) {
		switch name {
		case "read units":
			out.ReadUnits = n
		case "batch units":
			out.BatchUnits = n
		case "write units":
			out.WriteUnits = n
		default:
			out.Calls[name] = n
		}
	}
	return out
}

func (f *function) log() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := f.past.String()
	for p := range f.alive {
		text += p.Log()
	}
	return text
}
