package probe_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

// visitVariable makes this test binary a prober that does nothing else.
const visitVariable = "SONDE_ZOO_VISIT"

func TestMain(m *testing.M) {
	if os.Getenv(visitVariable) != "" {
		if err := visit(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// visit runs the checks that stand on standard input, all at once.
func visit() error {
	var told tour
	if err := json.NewDecoder(os.Stdin).Decode(&told); err != nil {
		return err
	}
	checks := make([]monitor.Check, len(told.Monitors))
	for i, m := range told.Monitors {
		checks[i] = monitor.Check{Monitor: m, Location: "zoo"}
	}
	e := probe.Steady(probe.New(probe.Env{Now: time.Now, LastPing: func(_ context.Context, id monitor.ID) (monitor.Ping, error) { return told.Pings[id], nil }}, probe.Options{Concurrency: len(checks)}))
	probe.NameServers(e, func(ip string) string {
		if at, has := told.NameServers[ip]; has {
			return at
		}
		return ip + ":53"
	})
	debug.FreeOSMemory()
	c := watch()
	out := report{Results: make([]monitor.Result, len(checks)), Overrun: make([]time.Duration, len(checks))}
	ended := make([]time.Time, len(checks))
	var all sync.WaitGroup
	for i := range checks {
		// One after the other, as the pacer admits them: what is measured is the
		// check, with its judgement, and not how long it waited for its turn.
		all.Go(func() { out.Results[i], ended[i] = e.Run(context.Background(), checks[i:i+1])[0], time.Now() })
	}
	all.Wait()
	c.end()
	for i, r := range out.Results {
		due := r.Started.Add(checks[i].Monitor.Timeout)
		out.Overrun[i] = ended[i].Sub(due) - c.held(due.Add(-maxOverrun), ended[i])
	}
	out.Peak, out.Resident, out.Left = c.peak, resident(), stayed()
	return json.NewEncoder(os.Stdout).Encode(out)
}

// canary measures what the machine and the runtime do while checks run.
type canary struct {
	done, ended chan struct{}
	peak        uint64
	stalls      [][2]time.Time // times in which it did not get its turn
}

func watch() *canary {
	c := &canary{done: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		const beat = 5 * time.Millisecond
		tick := time.NewTicker(beat)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-c.done:
				return
			case <-tick.C:
			}
			now := time.Now()
			if now.Sub(last) > 2*beat {
				c.stalls = append(c.stalls, [2]time.Time{last.Add(beat), now})
			}
			last = now
			c.peak = max(c.peak, taken())
		}
	}()
	return c
}

func (c *canary) end() {
	close(c.done)
	<-c.ended
}

// held is for how long between two times the canary had no turn.
func (c *canary) held(from, to time.Time) (total time.Duration) {
	for _, s := range c.stalls {
		begin, end := s[0], s[1]
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		total += max(end.Sub(begin), 0)
	}
	return total
}

// taken is what the runtime has of the system's memory.
func taken() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// resident is the peak of resident memory, where /proc tells.
func resident() uint64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kb uint64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	return 0
}

// stayed waits for the goroutines of checks to end, and shows those that do not.
func stayed() string {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 150 {
		if others() == "" {
			return ""
		}
		<-tick.C
	}
	return others()
}

// others is the stacks of all goroutines but this one.
func others() string {
	all := make([]byte, 64<<10)
	_, rest, _ := strings.Cut(string(all[:runtime.Stack(all, true)]), "\n\n")
	return rest
}
