package detect_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

var states = []monitor.State{
	monitor.Up, monitor.Degraded, monitor.Suspect, monitor.Down, monitor.Recovering, monitor.Unknown, monitor.Paused,
}

var events = []detect.Event{
	detect.Worse, detect.Better, detect.ConfirmedDown, detect.ConfirmedDegraded, detect.ConfirmedUp,
	detect.Refuted, detect.Silent, detect.Pause, detect.Resume,
}

// TestTransitions pins every cell of the table, those included that are empty.
func TestTransitions(t *testing.T) {
	var b strings.Builder
	b.WriteString("# state, event, next state: reason. \"-\": it cannot happen. \"settled\": back to what it was.\n")
	for _, state := range states {
		b.WriteString("\n")
		for _, event := range events {
			next, ok := detect.Next(state, event)
			switch {
			case !ok:
				fmt.Fprintf(&b, "%-10s  %-18s  -\n", state, event)
			case next.To == "":
				fmt.Fprintf(&b, "%-10s  %-18s  settled: %s\n", state, event, next.Reason)
			default:
				fmt.Fprintf(&b, "%-10s  %-18s  %s: %s\n", state, event, next.To, next.Reason)
			}
		}
	}
	golden(t, "transitions.txt", b.String())
}

// TestDocumentedTransitions: the table for users has every cell of the code's, and
// no other.
func TestDocumentedTransitions(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| state | event | next | reason |\n|---|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var want []string
	for _, state := range states {
		for _, event := range events {
			if next, ok := detect.Next(state, event); ok {
				want = append(want, fmt.Sprintf("| %s | %s | %s | %s |", state, event, cmp.Or(string(next.To), "settled"), next.Reason))
			}
		}
	}
	if diff := gocmp.Diff(want, strings.Split(strings.TrimSpace(table), "\n")); diff != "" {
		t.Errorf("README.md (-want +got):\n%s", diff)
	}
	_, table, _ = strings.Cut(string(text), "| locations | for an outage, without `quorum` | one of them finds it down |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	for n, row := range strings.Split(table, "\n") {
		m := monitor.Monitor{Locations: make([]monitor.Location, n+1)}
		if want := fmt.Sprintf("| %d | %d |", n+1, m.Need()); !strings.HasPrefix(row, want) {
			t.Errorf("README.md says %q, want %s", row, want)
		}
	}
}

// How to bring a monitor into each state, as blocks of a script.
var (
	isUnknown    = []string{"monitor m x y z", "tick 0s"}
	isUp         = []string{"monitor m x", "result t=0s x=up"}
	isDegraded   = after(isUp, "result t=1m x=degraded", "result t=1m1s attempt=1 x=degraded")
	isSuspect    = after(isUp, "result t=1m x=down")
	isDown       = after(isSuspect, "result t=1m1s attempt=1 x=down")
	isRecovering = after(isDown, "result t=2m x=up")
	isPaused     = []string{"monitor m x paused", "tick 0s"}
)

func after(before []string, blocks ...string) []string {
	return append(slices.Clone(before), blocks...)
}

// cells reach every cell of the table through Step and Tick.
var cells = []struct {
	state monitor.State
	event detect.Event
	setup []string
	act   []string
	want  monitor.State
}{
	{monitor.Up, detect.Worse, isUp, []string{"result t=1m x=down"}, monitor.Suspect},
	{monitor.Up, detect.Worse, isUp, []string{"result t=1m x=degraded"}, monitor.Suspect},
	{monitor.Up, detect.Silent, isUp, []string{"tick 10m"}, monitor.Unknown},
	{monitor.Up, detect.Pause, isUp, []string{"monitor m x paused", "tick 1m"}, monitor.Paused},

	{monitor.Degraded, detect.Worse, isDegraded, []string{"result t=2m x=down"}, monitor.Suspect},
	{monitor.Degraded, detect.Better, isDegraded, []string{"result t=2m x=up"}, monitor.Recovering},
	{monitor.Degraded, detect.Silent, isDegraded, []string{"tick 10m"}, monitor.Unknown},
	{monitor.Degraded, detect.Pause, isDegraded, []string{"monitor m x paused", "tick 2m"}, monitor.Paused},

	{monitor.Suspect, detect.ConfirmedDown, isSuspect, []string{"result t=1m1s attempt=1 x=down"}, monitor.Down},
	{monitor.Suspect, detect.ConfirmedDegraded, isSuspect, []string{"result t=1m1s attempt=1 x=degraded"}, monitor.Degraded},
	{monitor.Suspect, detect.ConfirmedUp, after(isDegraded, "result t=2m x=down", "result t=2m1s attempt=1 x=up"),
		[]string{"result t=2m6s attempt=2 x=up"}, monitor.Up},
	{monitor.Suspect, detect.ConfirmedUp, after(isUnknown, "result t=1m x=down", "result t=1m1s attempt=1 x=up"),
		[]string{"result t=1m1s attempt=1 y=up"}, monitor.Up},
	{monitor.Suspect, detect.Refuted, isSuspect, []string{"result t=1m1s attempt=1 x=up"}, monitor.Up},
	{monitor.Suspect, detect.Refuted, after(isUnknown, "result t=1m x=down"), []string{"tick 3m1s"}, monitor.Unknown},
	{monitor.Suspect, detect.Refuted, after(isDegraded, "result t=2m x=down"), []string{"result t=2m1s attempt=1 x=degraded"}, monitor.Degraded},
	{monitor.Suspect, detect.Silent, isSuspect, []string{"tick 10m"}, monitor.Unknown},
	{monitor.Suspect, detect.Pause, isSuspect, []string{"monitor m x paused", "tick 2m"}, monitor.Paused},

	{monitor.Down, detect.Better, isDown, []string{"result t=2m x=up"}, monitor.Recovering},
	{monitor.Down, detect.Better, isDown, []string{"result t=2m x=degraded"}, monitor.Recovering},
	{monitor.Down, detect.Silent, isDown, []string{"tick 10m"}, monitor.Unknown},
	{monitor.Down, detect.Pause, isDown, []string{"monitor m x paused", "tick 2m"}, monitor.Paused},

	{monitor.Recovering, detect.ConfirmedUp, isRecovering, []string{"result t=2m1s attempt=1 x=up"}, monitor.Up},
	{monitor.Recovering, detect.ConfirmedDegraded, isRecovering, []string{"result t=2m1s attempt=1 x=degraded"}, monitor.Degraded},
	{monitor.Recovering, detect.ConfirmedDown, after(isDegraded, "result t=2m x=up", "result t=2m1s attempt=1 x=down"),
		[]string{"result t=2m6s attempt=2 x=down"}, monitor.Down},
	{monitor.Recovering, detect.Refuted, isRecovering, []string{"result t=2m1s attempt=1 x=down"}, monitor.Down},
	{monitor.Recovering, detect.Refuted, isRecovering, []string{"tick 4m1s"}, monitor.Down},
	{monitor.Recovering, detect.Silent, isRecovering, []string{"tick 10m"}, monitor.Unknown},
	{monitor.Recovering, detect.Pause, isRecovering, []string{"monitor m x paused", "tick 3m"}, monitor.Paused},

	{monitor.Unknown, detect.Worse, isUnknown, []string{"result t=1m x=down"}, monitor.Suspect},
	{monitor.Unknown, detect.Worse, isUnknown, []string{"result t=1m x=degraded"}, monitor.Suspect},
	{monitor.Unknown, detect.Better, isUnknown, []string{"result t=1m x=up"}, monitor.Unknown},
	{monitor.Unknown, detect.ConfirmedUp, after(isUnknown, "result t=1m x=up"), []string{"result t=1m y=up"}, monitor.Up},
	{monitor.Unknown, detect.Refuted, after(isUnknown, "result t=1m x=up", "monitor m y z"), []string{"tick 4m"}, monitor.Unknown},
	{monitor.Unknown, detect.Pause, isUnknown, []string{"monitor m x y z paused", "tick 1m"}, monitor.Paused},

	{monitor.Paused, detect.Resume, isPaused, []string{"monitor m x", "tick 1m"}, monitor.Unknown},
}

func TestCells(t *testing.T) {
	reached := map[string]bool{}
	for _, c := range cells {
		name := fmt.Sprintf("%s %s to %s", c.state, c.event, c.want)
		t.Run(name, func(t *testing.T) {
			s := &script{world: newWorld(t, 1), needs: 1}
			for _, block := range c.setup {
				s.block([]string{block})
			}
			if got := s.shows("m"); got != c.state {
				t.Fatalf("set up: %s, want %s", got, c.state)
			}
			settled := s.state.Details["m"].Settled
			for _, block := range c.act {
				s.block([]string{block})
			}
			next, ok := detect.Next(c.state, c.event)
			if !ok {
				t.Fatalf("the table has no cell for %s in %s", c.event, c.state)
			}
			to := next.To
			if to == "" {
				to = settled
			}
			got := s.state.Details["m"]
			if got.State() != c.want || to != c.want || s.state.States["m"] != c.want {
				t.Errorf("shows %s, listed as %s, the table says %s, want %s", got.State(), s.state.States["m"], to, c.want)
			}
			if got.Reason != next.Reason {
				t.Errorf("reason %q, want the table's: %q", got.Reason, next.Reason)
			}
		})
		reached[string(c.state)+" "+string(c.event)] = true
	}
	for _, state := range states {
		for _, event := range events {
			if _, ok := detect.Next(state, event); ok && !reached[string(state)+" "+string(event)] {
				t.Errorf("no case reaches %s in %s", event, state)
			}
		}
	}
}

// TestEmptyCells: what would be the event, where the table says that it cannot
// happen, changes nothing.
func TestEmptyCells(t *testing.T) {
	tests := []struct {
		state monitor.State
		event detect.Event
		setup []string
		act   []string
	}{
		{monitor.Up, detect.Better, isUp, []string{"result t=1m x=up"}},
		{monitor.Up, detect.Resume, isUp, []string{"monitor m x", "tick 1m"}},
		{monitor.Degraded, detect.Resume, isDegraded, []string{"monitor m x", "tick 2m"}},
		{monitor.Suspect, detect.Resume, isSuspect, []string{"monitor m x", "tick 2m"}},
		{monitor.Down, detect.Worse, isDown, []string{"result t=2m x=down"}},
		{monitor.Down, detect.Resume, isDown, []string{"monitor m x", "tick 2m"}},
		{monitor.Recovering, detect.Resume, isRecovering, []string{"monitor m x", "tick 3m"}},
		{monitor.Unknown, detect.Silent, isUnknown, []string{"tick 100m"}},
		{monitor.Unknown, detect.Silent, after(isUp, "tick 10m"), []string{"tick 100m"}},
		{monitor.Unknown, detect.Resume, isUnknown, []string{"monitor m x y z", "tick 1m"}},
		{monitor.Paused, detect.Worse, isPaused, []string{"result t=1m x=down"}},
		{monitor.Paused, detect.Better, isPaused, []string{"result t=1m x=up"}},
		{monitor.Paused, detect.Silent, isPaused, []string{"tick 100m"}},
		{monitor.Paused, detect.Pause, isPaused, []string{"monitor m x paused", "tick 1m"}},
	}
	for _, c := range tests {
		t.Run(fmt.Sprintf("%s %s", c.state, c.event), func(t *testing.T) {
			if next, ok := detect.Next(c.state, c.event); ok {
				t.Errorf("the table leads to %q", next.To)
			}
			s := &script{world: newWorld(t, 1), needs: 1}
			for _, block := range c.setup {
				s.block([]string{block})
			}
			if got := s.shows("m"); got != c.state {
				t.Fatalf("set up: %s, want %s", got, c.state)
			}
			var out string
			for _, block := range c.act {
				out = s.block([]string{block})
			}
			if !strings.HasSuffix(out, "unchanged\n") {
				t.Errorf("it did something:\n%s", out)
			}
		})
	}
}
