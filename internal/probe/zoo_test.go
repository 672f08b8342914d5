package probe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/zoo"
)

// Bounds of a visit to the whole zoo at once.
const (
	maxOverrun = 250 * time.Millisecond // of a check beyond its timeout
	maxVisit   = 150 << 20              // bytes that the prober takes from the system
	maxResult  = 64 << 10               // bytes of one result
)

// tour is what a visitor is told; report is what it tells.
type tour struct {
	Monitors    []monitor.Monitor
	NameServers map[string]string
	Pings       map[monitor.ID]monitor.Ping
}

type report struct {
	Results  []monitor.Result
	Overrun  []time.Duration // beyond each timeout, without what the machine held the prober up
	Peak     uint64          // bytes that the runtime has taken from the system and not given back
	Resident uint64          // bytes of resident memory at most; 0 where the system does not tell
	Left     string          // goroutines that are still there some time after; empty if none
}

// TestZoo visits all animals at once, from a process of its own, so that its
// memory is the prober's and not that of the servers.
func TestZoo(t *testing.T) {
	animals := zoo.All(t)
	if len(animals) < 80 {
		t.Errorf("there are %d animals only", len(animals))
	}
	if testing.Short() { // where races are looked for each kind of them is enough
		some := animals[:0:0]
		for i := 0; i < len(animals); i += 4 {
			some = append(some, animals[i])
		}
		animals = some
	}
	out := send(t, animals)
	again(t, animals, &out)
	t.Logf("%d animals; %.1f MiB of the runtime, %.1f MiB resident", len(animals), float64(out.Peak)/(1<<20), float64(out.Resident)/(1<<20))
	for i, a := range animals {
		t.Run(a.Monitor.Name, func(t *testing.T) {
			r := out.Results[i]
			if wrong := mistaken(a, r); wrong != "" {
				t.Error(wrong)
			}
			harmless(t, r)
			if later := r.Timing.TLS + r.Timing.Request + r.Timing.TTFB + r.Timing.Transfer; later != 0 && strings.HasPrefix(a.Phase, "connect to ") {
				t.Errorf("phases behind the one that failed took %s: %+v", later, r.Timing)
			}
			if out.Overrun[i] > maxOverrun {
				t.Errorf("took %s, the timeout is %s", r.Timing.Total, a.Monitor.Timeout)
			}
		})
	}
	if peak := max(out.Peak, out.Resident); peak > maxVisit && !isRace() {
		t.Errorf("the visit takes %d MiB at most", peak>>20)
	}
	if out.Left != "" {
		t.Errorf("somebody has stayed behind:\n%s", out.Left)
	}
}

// again visits those once more, in peace, of whom something else came than must
// be said: with hundreds at once a slow machine may give up on some too soon.
func again(t *testing.T, animals []zoo.Animal, out *report) {
	t.Helper()
	var some []zoo.Animal
	var places []int
	for i, a := range animals {
		if mistaken(a, out.Results[i]) != "" || out.Overrun[i] > maxOverrun {
			t.Logf("%s is visited again: %s", a.Monitor.Name, mistaken(a, out.Results[i]))
			some, places = append(some, a), append(places, i)
		}
	}
	if len(some) == 0 || len(some) > len(animals)/10 {
		return
	}
	second := send(t, some)
	for i, place := range places {
		out.Results[place], out.Overrun[place] = second.Results[i], second.Overrun[i]
	}
}

// send sends a visitor through the zoo.
func send(t *testing.T, animals []zoo.Animal) report {
	t.Helper()
	all := tour{NameServers: map[string]string{}, Pings: map[monitor.ID]monitor.Ping{}}
	for _, a := range animals {
		all.Monitors = append(all.Monitors, a.Monitor)
		if a.Ping != nil {
			all.Pings[a.Monitor.ID] = *a.Ping
		}
		for ip, at := range a.NameServers {
			all.NameServers[ip] = at
		}
	}
	in, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	visitor := exec.CommandContext(ctx, os.Args[0])
	visitor.Cancel = func() error { return visitor.Process.Signal(syscall.SIGQUIT) } // and say where it is
	visitor.Env, visitor.Stdin, visitor.Stderr = append(os.Environ(), visitVariable+"=1"), bytes.NewReader(in), os.Stderr
	text, err := visitor.Output()
	if err != nil {
		t.Fatalf("the visitor: %v", err)
	}
	var out report
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// isRace: the race detector keeps several bytes for each one.
func isRace() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

// mistaken compares a result with what must be said of an animal; empty if it is.
func mistaken(a zoo.Animal, r monitor.Result) string {
	got := monitor.Failure{}
	if r.Failure != nil {
		got = *r.Failure
	}
	if r.Outcome != a.Outcome || got.Kind != a.Kind || !strings.Contains(got.Detail, a.Phase) || !strings.Contains(got.Detail, a.Says) {
		return fmt.Sprintf("got %s, %q: %q\nwant %s, %q: %q, %q", r.Outcome, got.Kind, got.Detail, a.Outcome, a.Kind, a.Phase, a.Says)
	}
	return ""
}

// harmless holds every text of a result to what it promises: one line, printable,
// valid and of bounded length.
func harmless(t *testing.T, r monitor.Result) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > maxResult {
		t.Errorf("the result has %d bytes", len(text))
	}
	var any any
	if err := json.Unmarshal(text, &any); err != nil {
		t.Fatal(err)
	}
	each(any, func(text string) {
		if !isHarmless(text) {
			t.Errorf("it shows %q", text)
		}
		if len(text) > 1024 {
			t.Errorf("a text of %d bytes: %.100q", len(text), text)
		}
	})
}

func isHarmless(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, utf8.RuneError) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
	})
}

func each(v any, do func(string)) {
	switch v := v.(type) {
	case string:
		do(v)
	case []any:
		for _, one := range v {
			each(one, do)
		}
	case map[string]any:
		for name, one := range v {
			do(name)
			each(one, do)
		}
	}
}
