package detect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestSanity: a location that finds most of what it checks down alone is to be
// doubted; one that others agree with is not.
func TestSanity(t *testing.T) {
	for _, c := range []struct {
		name           string
		monitors       int
		alone, agreed  int // of x: down as it alone says, and as all say
		doubtful, sane bool
		shadow         int // of the first monitors
	}{
		{"all is well", 6, 0, 0, false, true, 0},
		{"some fail from there", 6, 3, 0, false, false, 0},
		{"most fail from there", 6, 4, 0, true, false, 0},
		{"one of four", 4, 1, 0, false, true, 0},
		{"most fail from everywhere", 6, 0, 5, false, true, 0},
		{"too few to tell", 3, 3, 0, false, false, 0},
		{"old addresses fail from there", 8, 4, 0, false, true, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			var monitors []monitor.Monitor
			for i := range c.monitors {
				m := watch(monitor.ID(fmt.Sprintf("m%d", i)), "x", "y", "z")
				m.Shadow = i < c.shadow
				monitors = append(monitors, m)
			}
			w := newWorld(t, 1, monitors...)
			round := func(at time.Duration, attempt int) {
				var results []monitor.Result
				for i, m := range monitors {
					for _, l := range m.Locations {
						outcome := monitor.OutcomeUp
						if i < c.agreed || l == "x" && i < c.agreed+c.alone {
							outcome = monitor.OutcomeDown
						}
						results = append(results, said(m.ID, l, t0.Add(at), attempt, outcome))
					}
				}
				w.step(t0.Add(at+time.Second), results...)
			}
			var good []monitor.Result
			for _, m := range monitors {
				for _, l := range m.Locations {
					good = append(good, said(m.ID, l, t0, 0, monitor.OutcomeUp))
				}
			}
			w.step(t0.Add(time.Second), good...)
			round(time.Minute, 0)
			round(time.Minute+2*time.Second, 1)
			round(2*time.Minute, 0)
			a := detect.Sanity(&w.cfg, []detect.Service{w.state})
			if got := a["x"]; got != (detect.Alone{Down: c.alone - c.shadow, Of: c.monitors - c.shadow}) || got.IsDoubtful() != c.doubtful || got.IsSane() != c.sane {
				t.Errorf("x: %+v, doubtful %t, sane %t", got, got.IsDoubtful(), got.IsSane())
			}
			if got := a["y"]; got.Down != 0 {
				t.Errorf("y: %+v", got)
			}
		})
	}
}

// TestDeclared: where one location is enough for an outage, the one that declares
// it against the others is alone with it, until another agrees.
func TestDeclared(t *testing.T) {
	m := watch("m", "x", "y", "z")
	m.Quorum = 1
	w := newWorld(t, 1, m)
	round := func(minutes int, x, y, z monitor.Outcome) detect.Alone {
		for attempt := range 2 {
			at := t0.Add(time.Duration(minutes)*time.Minute + time.Duration(attempt)*5*time.Second)
			results := []monitor.Result{said("m", "x", at, attempt, x), said("m", "y", at, attempt, y)}
			if z != "" {
				results = append(results, said("m", "z", at, attempt, z))
			}
			w.step(at.Add(time.Second), results...)
		}
		return detect.Sanity(&w.cfg, []detect.Service{w.state})["x"]
	}
	good, bad := monitor.OutcomeUp, monitor.OutcomeDown
	for i, tt := range []struct {
		name    string
		x, y, z monitor.Outcome
		want    int
	}{
		{"all is well", good, good, good, 0},
		{"x alone", bad, good, good, 1},
		{"y agrees", bad, bad, good, 0},
		{"y does not any more", bad, good, good, 1},
		{"all agree", bad, bad, bad, 0},
	} {
		if got := round(i, tt.x, tt.y, tt.z); got.Down != tt.want {
			t.Errorf("%s: %+v, want %d down", tt.name, got, tt.want)
		}
	}
	if got := w.shows("m"); got != monitor.Down {
		t.Errorf("m is %s", got)
	}
}
