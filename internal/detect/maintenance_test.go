package detect_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestPlan: a window is shown by the clock, changes nothing of what is measured,
// and dates what follows from its end.
func TestPlan(t *testing.T) {
	at := func(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }
	m := monitor.Monitor{ID: "m", Service: "s", Every: time.Minute, Locations: []monitor.Location{"a"}, TCP: &monitor.TCP{Address: "a:1"}}
	svc := monitor.Service{ID: "s", Name: "S", Monitors: []monitor.ID{"m"}, Needs: 1}
	cfg := &monitor.Config{Version: 1, Monitors: []monitor.Monitor{m}, Services: []monitor.Service{svc}}
	state := detect.Service{
		Service: "s", Status: monitor.MajorOutage, Since: at(-5), Total: 1, Config: 1,
		States: map[monitor.ID]monitor.State{"m": monitor.Down}, Details: map[monitor.ID]detect.Monitor{"m": {Settled: monitor.Down, Since: at(-5)}},
	}
	window := &detect.Window{From: at(10), To: at(20)}
	planned, fx := detect.Plan(cfg, svc, state, window, at(0))
	if !fx.Changed || len(fx.Flips) != 0 || planned.Status != monitor.MajorOutage || !planned.Since.Equal(at(-5)) {
		t.Fatalf("planned: %+v, %+v", planned, fx)
	}
	if _, again := detect.Plan(cfg, svc, planned, &detect.Window{From: at(10), To: at(20)}, at(0)); again.Changed {
		t.Error("the same window is a change")
	}
	type shown struct {
		Status monitor.Status
		Since  time.Time
		Until  time.Time
		Bad    time.Time
	}
	look := func(s detect.Service, now time.Time) shown {
		status, since := s.Shown(now)
		return shown{status, since, s.InMaintenance(now), s.AnswersSince(now)}
	}
	for _, tt := range []struct {
		name string
		now  int
		want shown
	}{
		{"before", 9, shown{monitor.MajorOutage, at(-5), time.Time{}, at(-5)}},
		{"from its beginning", 10, shown{monitor.InMaintenance, at(10), at(20), at(-5)}},
		{"until its end", 19, shown{monitor.InMaintenance, at(10), at(20), at(-5)}},
		{"after", 20, shown{monitor.MajorOutage, at(20), time.Time{}, at(20)}},
	} {
		if diff := cmp.Diff(tt.want, look(planned, at(tt.now))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	ended, fx := detect.Plan(cfg, svc, planned, nil, at(15))
	if !fx.Changed {
		t.Error("an early end is no change")
	}
	if diff := cmp.Diff(shown{monitor.MajorOutage, at(15), time.Time{}, at(15)}, look(ended, at(16))); diff != "" {
		t.Errorf("ended early (-want +got):\n%s", diff)
	}
	if _, fx := detect.Plan(cfg, svc, planned, nil, at(25)); fx.Changed {
		t.Error("a window that is over is as good as none")
	}
	next, _ := detect.Plan(cfg, svc, planned, &detect.Window{From: at(40), To: at(50)}, at(30))
	if diff := cmp.Diff(shown{monitor.MajorOutage, at(20), time.Time{}, at(20)}, look(next, at(31))); diff != "" {
		t.Errorf("with another window to come (-want +got):\n%s", diff)
	}
	taken, _ := detect.Plan(cfg, svc, planned, nil, at(5))
	if diff := cmp.Diff(shown{monitor.MajorOutage, at(-5), time.Time{}, at(-5)}, look(taken, at(12))); diff != "" {
		t.Errorf("taken back before it began (-want +got):\n%s", diff)
	}
}
