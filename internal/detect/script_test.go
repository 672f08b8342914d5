package detect_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// TestScripts plays testdata/script/*.txt. A block is some command lines, then
// ----, then what they did. Commands:
//
//	monitor ID LOCATION… [confirm=n] [recover=n] [quorum=n] [window=n] [every=DURATION] [flapping=n] [paused] [shadow]
//	remove ID
//	needs N
//	result [m=ID] t=TIME [attempt=N] [expires=TIME] LOCATION=OUTCOME[:KIND]…
//	now TIME        when the results of this block are counted; a second after the last by default
//	tick TIME
//
// The first three change the configuration; all results of a block are one Step.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("scripts: %v, %v", paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s := &script{world: newWorld(t, 1)}
			golden(t, filepath.Join("script", filepath.Base(path)), s.play(string(text)))
		})
	}
}

type script struct {
	*world
	needs    int
	monitors []monitor.Monitor
}

// play returns the script with the output that it has now.
func (s *script) play(text string) string {
	s.needs = 1
	var out strings.Builder
	var block []string
	skipping := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case skipping && line != "":
		case skipping:
			skipping = false
			out.WriteString("\n")
		case line == "----":
			out.WriteString("----\n" + s.block(block))
			block, skipping = nil, true
		default:
			out.WriteString(line + "\n")
			if line != "" && !strings.HasPrefix(line, "#") {
				block = append(block, line)
			}
		}
	}
	if len(block) > 0 {
		s.t.Errorf("commands without ----: %q", block)
	}
	return out.String()
}

func (s *script) block(lines []string) string {
	var results []monitor.Result
	var now time.Time
	var out string
	for _, line := range lines {
		verb, rest, _ := strings.Cut(line, " ")
		args := strings.Fields(rest)
		switch verb {
		case "monitor":
			s.monitor(args)
		case "remove":
			s.monitors = slices.DeleteFunc(s.monitors, func(m monitor.Monitor) bool { return string(m.ID) == args[0] })
			s.configure(s.needs, s.monitors...)
		case "needs":
			s.needs = s.number(args[0])
			s.configure(s.needs, s.monitors...)
		case "result":
			results = append(results, s.results(args)...)
		case "now":
			now = s.time(args[0])
		case "tick":
			out += s.describe(s.tick(s.time(args[0])))
		default:
			s.t.Fatalf("unknown command %q", line)
		}
	}
	if len(results) > 0 {
		if now.IsZero() {
			for _, r := range results {
				now = later(now, r.Scheduled.Add(time.Second))
			}
		}
		out += s.describe(s.step(now, results...))
	}
	if out == "" {
		out = fmt.Sprintf("configuration %d\n", s.cfg.Version)
	}
	return out
}

func (s *script) monitor(args []string) {
	m := watch(monitor.ID(args[0]))
	for _, arg := range args[1:] {
		name, value, set := strings.Cut(arg, "=")
		switch {
		case name == "paused":
			m.Paused = true
		case name == "shadow":
			m.Shadow = true
		case !set:
			m.Locations = append(m.Locations, monitor.Location(arg))
		case name == "confirm":
			m.Confirm = s.number(value)
		case name == "recover":
			m.Recover = s.number(value)
		case name == "quorum":
			m.Quorum = s.number(value)
		case name == "window":
			m.Window = s.number(value)
		case name == "every":
			m.Every = s.time(value).Sub(t0)
		case name == "flapping":
			m.Flapping = monitor.Flap{Changes: s.number(value), Within: 10 * time.Minute}
		default:
			s.t.Fatalf("monitor: unknown %q", arg)
		}
	}
	at := slices.IndexFunc(s.monitors, func(old monitor.Monitor) bool { return old.ID == m.ID })
	if at < 0 {
		s.monitors = append(s.monitors, m)
	} else {
		s.monitors[at] = m
	}
	s.configure(s.needs, s.monitors...)
}

func (s *script) results(args []string) []monitor.Result {
	id, at, attempt, expires := s.monitors[0].ID, time.Time{}, 0, time.Time{}
	var results []monitor.Result
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "m":
			id = monitor.ID(value)
		case "t":
			at = s.time(value)
		case "attempt":
			attempt = s.number(value)
		case "expires":
			expires = s.time(value)
		default:
			outcome, kind, _ := strings.Cut(value, ":")
			r := said(id, monitor.Location(name), at, attempt, monitor.Outcome(outcome))
			r.Expires = expires
			if kind != "" {
				r.Failure = &monitor.Failure{Kind: monitor.FailureKind(kind), Detail: "it says so"}
			}
			results = append(results, r)
		}
	}
	return results
}

func (s *script) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *script) time(text string) time.Time {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return t0.Add(d)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
