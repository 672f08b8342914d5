package uptime_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/uptime"
)

// to is a flip of the service, by minutes after noon.
func to(status monitor.Status, minute int, decided ...int) monitor.Flip {
	f := monitor.Flip{Service: "app", To: string(status), At: minutes(minute), Decided: minutes(minute)}
	if len(decided) > 0 {
		f.Decided = minutes(decided[0])
	}
	return f
}

func from(status monitor.Status, f monitor.Flip) monitor.Flip {
	f.From = string(status)
	return f
}

func minutes(n int) time.Time {
	return time.Date(2019, 5, 28, 12, n, 0, 0, time.UTC)
}

func between(from, to int) uptime.Window { return uptime.Window{From: minutes(from), To: minutes(to)} }

// TestOutageOf28May2019 is the night that Sonde is made for: both balancers
// were gone from 18:00 to 00:50 Pacific time.
func TestOutageOf28May2019(t *testing.T) {
	pacific := zone(t, "America/Los_Angeles")
	flips := []monitor.Flip{
		{Service: "app", From: "operational", To: "major_outage",
			At: time.Date(2019, 5, 28, 18, 0, 0, 0, pacific), Decided: time.Date(2019, 5, 28, 18, 0, 4, 0, pacific)},
		{Service: "app", From: "major_outage", To: "operational",
			At: time.Date(2019, 5, 29, 0, 50, 0, 0, pacific), Decided: time.Date(2019, 5, 29, 0, 51, 0, 0, pacific)},
	}
	line := uptime.NewTimeline(flips, "operational", nil)
	may := uptime.Month(2019, time.May, pacific)
	spent := line.Tally(may)
	want := uptime.Seconds{Up: 31*24*time.Hour - 410*time.Minute, Down: 410 * time.Minute}
	if diff := cmp.Diff(want, spent); diff != "" {
		t.Errorf("May 2019 (-want +got):\n%s", diff)
	}
	ratio, ok := spent.Uptime()
	if got := uptime.Percent(ratio, 2); !ok || got != "99.08" {
		t.Errorf("uptime of May 2019 = %s %%, want 99.08 %%", got)
	}
	if spent.Coverage() != 1 {
		t.Errorf("coverage = %v, want 1", spent.Coverage())
	}
	days := line.Days(time.Date(2019, 5, 30, 0, 0, 0, 0, pacific).Add(-time.Second), 3, pacific)
	type bar struct {
		Date    string
		Down    time.Duration
		Worst   monitor.Status
		Outages int
	}
	var bars []bar
	for _, d := range days {
		bars = append(bars, bar{d.Date, d.Seconds.Down, d.Worst, d.Outages})
	}
	wantBars := []bar{
		{"2019-05-27", 0, monitor.Operational, 0},
		{"2019-05-28", 6 * time.Hour, monitor.MajorOutage, 1},
		{"2019-05-29", 50 * time.Minute, monitor.MajorOutage, 1},
	}
	if diff := cmp.Diff(wantBars, bars); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
}

func TestTally(t *testing.T) {
	const (
		up, risk, slow      = monitor.Operational, monitor.AtRisk, monitor.DegradedPerf
		partial, major      = monitor.PartialOutage, monitor.MajorOutage
		maintenance, nobody = monitor.InMaintenance, monitor.NotKnown
		m                   = time.Minute
	)
	tests := []struct {
		name       string
		flips      []monitor.Flip
		initial    string
		exclusions []uptime.Exclusion
		want       uptime.Seconds // of 12:00 to 13:00
	}{
		{"no flips", nil, "operational", nil, uptime.Seconds{Up: 60 * m}},
		{"no flips, nothing known", nil, "", nil, uptime.Seconds{Unknown: 60 * m}},
		{"every status", []monitor.Flip{to(risk, 10), to(slow, 20), to(partial, 30), to(major, 35), to(maintenance, 40), to(nobody, 55)},
			"operational", nil, uptime.Seconds{Up: 10 * m, AtRisk: 10 * m, Degraded: 10 * m, Down: 10 * m, Maintenance: 15 * m, Unknown: 5 * m}},
		{"every state of a monitor", []monitor.Flip{to("up", 5), to("degraded", 10), to("down", 15), to("recovering", 20), to("unknown", 30),
			to("flapping", 35), to("paused", 50)},
			"up", nil, uptime.Seconds{Up: 10 * m, Degraded: 5 * m, Down: 30 * m, Unknown: 15 * m}},
		{"a suspect counts as what it was", []monitor.Flip{to("suspect", 10), to("down", 20), to("suspect", 30), to("up", 40)},
			"up", nil, uptime.Seconds{Up: 40 * m, Down: 20 * m}},
		{"suspect of nothing known", nil, "suspect", nil, uptime.Seconds{Unknown: 60 * m}},
		{"a state of a later version is never up", []monitor.Flip{to("splendid", 10), to(up, 20)},
			"operational", nil, uptime.Seconds{Up: 50 * m, Unknown: 10 * m}},
		{"flips before the window say how it begins", []monitor.Flip{to(major, -30), to(up, -90)}, "operational", nil, uptime.Seconds{Down: 60 * m}},
		{"a flip as the window begins", []monitor.Flip{to(major, 0)}, "operational", nil, uptime.Seconds{Down: 60 * m}},
		{"a flip as the window ends", []monitor.Flip{to(major, 60)}, "operational", nil, uptime.Seconds{Up: 60 * m}},
		{"out of order", []monitor.Flip{to(up, 30), to(major, 20)}, "operational", nil, uptime.Seconds{Up: 50 * m, Down: 10 * m}},
		{"come twice", []monitor.Flip{to(major, 20), to(up, 30), to(major, 20), to(up, 30)}, "operational", nil, uptime.Seconds{Up: 50 * m, Down: 10 * m}},
		{"a change to the same", []monitor.Flip{to(major, 20), to(major, 25), to(up, 30)}, "operational", nil, uptime.Seconds{Up: 50 * m, Down: 10 * m}},
		{"dated back", []monitor.Flip{to(up, 30, 31), to(major, 20, 29)}, "operational", nil, uptime.Seconds{Up: 50 * m, Down: 10 * m}},
		{"one time: the one decided later holds", []monitor.Flip{to(slow, 20, 40), to(major, 20, 22)}, "operational", nil, uptime.Seconds{Up: 20 * m, Degraded: 40 * m}},
		{"one time and one run: the chain's end holds", []monitor.Flip{from(major, to(risk, 20)), from(up, to(major, 20))},
			"operational", nil, uptime.Seconds{Up: 20 * m, AtRisk: 40 * m}},
		{"a chain that comes back, twice", []monitor.Flip{from(major, to(up, 20)), from(up, to(major, 20)), from(major, to(up, 20))},
			"operational", nil, uptime.Seconds{Up: 60 * m}},
		{"no chain: the worse holds", []monitor.Flip{from(nobody, to(major, 20)), from(nobody, to(risk, 20))},
			"operational", nil, uptime.Seconds{Up: 20 * m, Down: 40 * m}},
		{"maintenance before down", []monitor.Flip{to(major, 10), to(up, 40)}, "operational",
			[]uptime.Exclusion{{From: minutes(20), To: minutes(30), Reason: "move"}}, uptime.Seconds{Up: 30 * m, Down: 20 * m, Maintenance: 10 * m}},
		{"maintenance while up", nil, "operational",
			[]uptime.Exclusion{{From: minutes(20), To: minutes(30)}}, uptime.Seconds{Up: 50 * m, Maintenance: 10 * m}},
		{"unknown before maintenance", []monitor.Flip{to(nobody, 25), to(up, 40)}, "operational",
			[]uptime.Exclusion{{From: minutes(20), To: minutes(30)}}, uptime.Seconds{Up: 40 * m, Maintenance: 5 * m, Unknown: 15 * m}},
		{"maintenance over the window's ends", nil, "major_outage",
			[]uptime.Exclusion{{From: minutes(-20), To: minutes(10)}, {From: minutes(50), To: minutes(99)}}, uptime.Seconds{Down: 40 * m, Maintenance: 20 * m}},
		{"exclusions overlap, touch, are empty, run backwards", nil, "major_outage",
			[]uptime.Exclusion{{From: minutes(20), To: minutes(30)}, {From: minutes(10), To: minutes(25)}, {From: minutes(12), To: minutes(14)},
				{From: minutes(30), To: minutes(35)}, {From: minutes(50), To: minutes(50)}, {From: minutes(58), To: minutes(40)}},
			uptime.Seconds{Down: 35 * m, Maintenance: 25 * m}},
		{"everything at one instant", []monitor.Flip{to(major, 20), to(up, 30)}, "operational",
			[]uptime.Exclusion{{From: minutes(20), To: minutes(30)}}, uptime.Seconds{Up: 50 * m, Maintenance: 10 * m}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			given := slices.Clone(tt.flips)
			got := uptime.Tally(tt.flips, tt.initial, between(0, 60), tt.exclusions)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Tally (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(given, tt.flips); diff != "" {
				t.Errorf("the flips given were changed (-before +after):\n%s", diff)
			}
			if got := uptime.Tally(tt.flips, tt.initial, between(60, 0), tt.exclusions); got != (uptime.Seconds{}) {
				t.Errorf("a window that runs backwards holds time: %+v", got)
			}
		})
	}
}

func TestRawIgnoresExclusions(t *testing.T) {
	line := uptime.NewTimeline([]monitor.Flip{to(monitor.MajorOutage, 10), to(monitor.Operational, 40)}, "operational",
		[]uptime.Exclusion{{From: minutes(20), To: minutes(60), Reason: "move"}})
	want := uptime.Seconds{Up: 30 * time.Minute, Down: 30 * time.Minute}
	if diff := cmp.Diff(want, line.Raw(between(0, 60))); diff != "" {
		t.Errorf("Raw (-want +got):\n%s", diff)
	}
}

func TestStatus(t *testing.T) {
	line := uptime.NewTimeline([]monitor.Flip{to(monitor.MajorOutage, 10), to(monitor.Operational, 40)}, "at_risk", nil)
	for minute, want := range map[int]monitor.Status{
		-5: monitor.AtRisk, 9: monitor.AtRisk, 10: monitor.MajorOutage, 39: monitor.MajorOutage, 40: monitor.Operational, 999: monitor.Operational,
	} {
		if got := line.Status(minutes(minute)); got != want {
			t.Errorf("Status at minute %d = %s, want %s", minute, got, want)
		}
	}
}

func TestSelect(t *testing.T) {
	own, one := to(monitor.MajorOutage, 10), to("down", 10)
	one.Monitor = "lb-primary"
	flips := []monitor.Flip{own, one}
	if diff := cmp.Diff([]monitor.Flip{own}, uptime.Select(flips, "")); diff != "" {
		t.Errorf("of the service (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]monitor.Flip{one}, uptime.Select(flips, "lb-primary")); diff != "" {
		t.Errorf("of a monitor (-want +got):\n%s", diff)
	}
}

func TestWorstAndOutages(t *testing.T) {
	line := uptime.NewTimeline([]monitor.Flip{
		to(monitor.PartialOutage, 5), to(monitor.MajorOutage, 7), to(monitor.AtRisk, 10),
		to(monitor.MajorOutage, 20), to(monitor.NotKnown, 32), to(monitor.Operational, 40),
		to(monitor.PartialOutage, 58),
	}, "", []uptime.Exclusion{{From: minutes(24), To: minutes(26)}, {From: minutes(38), To: minutes(45)}})
	outage := func(from, to int, worst monitor.Status) uptime.Outage {
		return uptime.Outage{Window: between(from, to), Worst: worst}
	}
	tests := []struct {
		name    string
		w       uptime.Window
		worst   monitor.Status
		outages []uptime.Outage
	}{
		{"nothing known", between(0, 5), monitor.NotKnown, nil},
		{"unknown, then an outage", between(0, 6), monitor.PartialOutage, []uptime.Outage{outage(5, 6, monitor.PartialOutage)}},
		{"one outage that grew", between(0, 15), monitor.MajorOutage, []uptime.Outage{outage(5, 10, monitor.MajorOutage)}},
		{"redundancy lost", between(10, 20), monitor.AtRisk, nil},
		{"cut in two by maintenance", between(10, 35), monitor.MajorOutage,
			[]uptime.Outage{outage(20, 24, monitor.MajorOutage), outage(26, 32, monitor.MajorOutage)}},
		{"within maintenance", between(24, 26), monitor.InMaintenance, nil},
		{"unknown, maintenance, up", between(32, 50), monitor.InMaintenance, nil},
		{"unknown, then up", between(45, 58), monitor.Operational, nil},
		{"still down at the end", between(45, 60), monitor.PartialOutage, []uptime.Outage{outage(58, 60, monitor.PartialOutage)}},
		{"no time", between(7, 7), monitor.NotKnown, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := line.Worst(tt.w); got != tt.worst {
				t.Errorf("Worst = %s, want %s", got, tt.worst)
			}
			if diff := cmp.Diff(tt.outages, line.Outages(tt.w)); diff != "" {
				t.Errorf("Outages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCountIncidents(t *testing.T) {
	now := at("2019-05-30T12:00:00Z")
	days := uptime.NewTimeline(nil, "", nil).Days(now, 3, time.UTC)
	days[0].Incidents = 99 // counted anew
	uptime.CountIncidents(days, []uptime.Window{
		{From: at("2019-05-28T18:00:00Z"), To: at("2019-05-29T00:50:00Z")},
		{From: at("2019-05-27T18:00:00Z"), To: at("2019-05-28T00:00:00Z")}, // over as the first day begins
		{From: at("2019-05-29T23:59:59Z")},                                 // open
		{From: now},                                                        // not yet
	})
	var got []int
	for _, d := range days {
		got = append(got, d.Incidents)
	}
	if diff := cmp.Diff([]int{1, 2, 1}, got); diff != "" {
		t.Errorf("incidents (-want +got):\n%s", diff)
	}
}

// TestExclusionsThatTouch leave no instant between them.
func TestExclusionsThatTouch(t *testing.T) {
	line := uptime.NewTimeline(nil, "major_outage", []uptime.Exclusion{{From: minutes(30), To: minutes(60)}, {From: minutes(0), To: minutes(30)}})
	if got := line.Worst(between(0, 60)); got != monitor.InMaintenance {
		t.Errorf("Worst = %s, want %s", got, monitor.InMaintenance)
	}
	if got := line.Outages(between(0, 60)); len(got) != 0 {
		t.Errorf("Outages = %v, want none", got)
	}
}
