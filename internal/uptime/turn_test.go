package uptime_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/uptime"
)

func TestTurns(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2019, 5, 29, 1, minute, 0, 0, time.UTC) }
	flip := func(minute int, from, to monitor.Status) monitor.Flip {
		return monitor.Flip{From: string(from), To: string(to), At: at(minute), Decided: at(minute)}
	}
	flips := []monitor.Flip{
		flip(5, monitor.Operational, monitor.AtRisk), flip(20, monitor.AtRisk, monitor.MajorOutage), flip(30, monitor.MajorOutage, monitor.Operational),
	}
	planned := []uptime.Exclusion{{From: at(25), To: at(28)}}
	line := uptime.NewTimeline(flips, string(monitor.Operational), planned)
	for _, test := range []struct {
		name     string
		from, to int
		want     []uptime.Turn
	}{
		{"empty", 10, 10, nil},
		{"nothing changes", 0, 5, []uptime.Turn{{at(0), monitor.Operational}}},
		{"from within", 10, 22, []uptime.Turn{{at(10), monitor.AtRisk}, {at(20), monitor.MajorOutage}}},
		{"maintenance", 21, 40, []uptime.Turn{
			{at(21), monitor.MajorOutage}, {at(25), monitor.InMaintenance}, {at(28), monitor.MajorOutage}, {at(30), monitor.Operational},
		}},
	} {
		got := line.Turns(uptime.Window{From: at(test.from), To: at(test.to)})
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
