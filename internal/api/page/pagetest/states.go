package pagetest

import (
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// States are the states of a site of eight services, and the sites that are
// special: one of 200 services, one of hostile names, one without anything.
func States(now time.Time) []State {
	return []State{
		{Name: "fine", Snapshot: Site(now, 8)},
		{Name: "at-risk", Snapshot: atRisk(now)},
		{Name: "partial", Snapshot: Outage(now, 8)},
		{Name: "major", Snapshot: major(now)},
		{Name: "maintenance", Snapshot: maintenance(now)},
		{Name: "draining", Snapshot: drained(now)},
		{Name: "unknown", Snapshot: unknown(now)},
		{Name: "stale", Snapshot: stale(now)},
		{Name: "empty", Empty: true},
		{Name: "many", Snapshot: Outage(now, 200)},
		{Name: "hostile", Snapshot: hostile(now)},
	}
}

// Outage is a site in the middle of an outage of its load balancers, with an
// application that hangs on them, and an update that is late.
func Outage(now time.Time, services int) store.Snapshot {
	s := Site(now, services)
	fail(&s.Services[2], monitor.MajorOutage, now.Add(-95*time.Minute), 0)
	fail(&s.Services[0], monitor.PartialOutage, now.Add(-94*time.Minute), 1)
	s.Services[0].DependsOn = []monitor.ServiceID{"s2"}
	s.Services[0].Description = "What customers log in to."
	s.Services[5].Monitors[0].Only = map[monitor.Location]monitor.Outcome{"eu-west-1": monitor.OutcomeDown}
	s.Incidents = append([]store.IncidentView{{
		ID: "now", Title: "Load balancers: outage", State: incident.Open, Phase: incident.Identified, Impact: monitor.ImpactCritical, Worst: monitor.ImpactCritical,
		Opened: now.Add(-95 * time.Minute), Updated: now.Add(-40 * time.Minute), Next: now.Add(-10 * time.Minute), Services: []monitor.ServiceID{"s2", "s0"},
		Updates: []store.UpdateView{
			{At: now.Add(-40 * time.Minute), Phase: incident.Identified, Text: "Our host’s emergency maintenance broke both load balancers. New ones are being set up; then DNS will point at them.\n\nNo data is lost."},
			{At: now.Add(-80 * time.Minute), Phase: incident.Investigating, Text: "Both load balancers refuse connections. We are talking to our host."},
			{At: now.Add(-95 * time.Minute), Phase: incident.Investigating, Text: "Load balancers: down, none of 2 parts works."},
		},
	}}, s.Incidents...)
	return s
}

func fail(v *store.ServiceView, status monitor.Status, since time.Time, alive int) {
	v.Status, v.Since, v.Alive = status, since, alive
	today := &v.Days[len(v.Days)-1]
	today.Worst, today.DownS, today.Uptime = status, 5700, 0.934
	for i := range v.Uptime {
		w := &v.Uptime[i]
		w.DownS += 5700
		w.Uptime = 1 - float64(w.DownS)/w.To.Sub(w.From).Seconds()
	}
	for i := range len(v.Monitors) - alive {
		v.Monitors[i].State, v.Monitors[i].Since = monitor.Down, since
	}
}

func atRisk(now time.Time) store.Snapshot {
	s := Site(now, 8)
	s.Services[2].Status, s.Services[2].Alive, s.Services[2].Since = monitor.AtRisk, 1, now.Add(-20*time.Minute)
	s.Services[2].Days[89].Worst = monitor.AtRisk
	s.Services[2].Monitors[1].State = monitor.Down
	s.Incidents = append([]store.IncidentView{{
		ID: "now", Title: "Load balancers: at risk, 1 of 2 left", State: incident.Open, Phase: incident.Investigating, Impact: monitor.ImpactMinor, Worst: monitor.ImpactMinor,
		Opened: now.Add(-20 * time.Minute), Updated: now.Add(-20 * time.Minute), Next: now.Add(25 * time.Minute), Services: []monitor.ServiceID{"s2"},
		Updates: []store.UpdateView{{At: now.Add(-20 * time.Minute), Phase: incident.Investigating, Text: "Load balancers: still working, but redundancy is lost: 1 of 2 left."}},
	}}, s.Incidents...)
	return s
}

func major(now time.Time) store.Snapshot {
	s := Outage(now, 8)
	for i := range s.Services {
		fail(&s.Services[i], monitor.MajorOutage, now.Add(-95*time.Minute), 0)
	}
	s.Incidents[0].Next = now.Add(12 * time.Minute)
	return s
}

func maintenance(now time.Time) store.Snapshot {
	s := Site(now, 8)
	s.Services[3].Status, s.Services[3].Since = monitor.InMaintenance, now.Add(-10*time.Minute)
	s.Services[3].Days[89].Worst = monitor.InMaintenance
	s.Maintenance = []store.MaintenanceView{
		{ID: "m1", Title: "Log-in: new database", Text: "Logging in may take longer for a moment.", State: store.MaintenanceInProgress, Starts: now.Add(-10 * time.Minute), Ends: now.Add(50 * time.Minute),
			Services: []monitor.ServiceID{"s3"}},
		{ID: "m2", Title: "Reports: larger machines", Text: "Reports are off for half an hour.", State: store.MaintenanceScheduled, Starts: now.Add(49 * time.Hour), Ends: now.Add(49*time.Hour + 30*time.Minute),
			Services: []monitor.ServiceID{"s7"}},
		{ID: "m0", Title: "Over", State: store.MaintenanceCompleted, Starts: now.Add(-49 * time.Hour), Ends: now.Add(-48 * time.Hour)},
	}
	return s
}

func drained(now time.Time) store.Snapshot {
	s := Site(now, 8)
	s.Services[2].Days[89].Worst, s.Services[2].Days[89].DownS, s.Services[2].Days[89].Uptime = monitor.MajorOutage, 24600, 0.71
	s.Incidents = append([]store.IncidentView{{
		ID: "now", Title: "Load balancers: outage", State: incident.Draining, Phase: incident.Monitoring, Worst: monitor.ImpactCritical,
		Opened: now.Add(-7*time.Hour - 7*time.Minute), Since: now.Add(-6*time.Hour - 55*time.Minute), Restored: now.Add(-5 * time.Minute),
		Updated: now.Add(-5 * time.Minute), Services: []monitor.ServiceID{"s2", "s0"},
		Updates: []store.UpdateView{
			{At: now.Add(-5 * time.Minute), Phase: incident.Monitoring, Text: "Restored after 6h 50m; cached DNS may fail until 01:50."},
			{At: now.Add(-6*time.Hour - 55*time.Minute), Phase: incident.Investigating, Text: "Load balancers: down, none of 2 parts works."},
			{At: now.Add(-7*time.Hour - 7*time.Minute), Phase: incident.Investigating, Text: "Load balancers: still working, but redundancy is lost: 1 of 2 left."},
		},
	}}, s.Incidents...)
	return s
}

// unknown has a service that nothing is heard of, and one that was only just
// added.
func unknown(now time.Time) store.Snapshot {
	s := Site(now, 8)
	s.Services[1].Status, s.Services[1].Since = monitor.NotKnown, now.Add(-6*time.Minute)
	for i := range s.Services[1].Monitors {
		s.Services[1].Monitors[i].State = monitor.Unknown
	}
	s.Services[1].Uptime[3].Coverage = 0.421
	v := &s.Services[6]
	v.Days, v.Series, v.Latency = v.Days[80:], v.Series[:1], nil
	for i := range v.Uptime {
		v.Uptime[i] = store.WindowView{Window: v.Uptime[i].Window}
	}
	return s
}

func stale(now time.Time) store.Snapshot {
	s := Outage(now, 8)
	s.Generated = now.Add(-3 * time.Hour)
	return s
}

func hostile(now time.Time) store.Snapshot {
	s := Outage(now, 8)
	long := "averyveryverylongnamewithoutasinglespaceinitwhichdoesnotfitintoanyscreenofaphone.internal.example.com"
	s.Site.Name = Hostile
	s.Services[0].Name, s.Services[0].Description, s.Services[0].Group = Hostile, Hostile, Hostile
	s.Services[1].Name, s.Services[1].ID = long, `a/b?c#d"<x>`
	s.Services[2].Name, s.Services[2].Group = "שירות תשלומים", "العربية"
	s.Services[3].Monitors[0].Name = Hostile
	s.Services[3].Monitors[0].Only = map[monitor.Location]monitor.Outcome{Hostile: Hostile}
	s.Services[4].Status = "splendid"
	s.Services[5].Days[50].Date, s.Services[5].Days[50].DownS, s.Services[5].Days[50].Worst = `"><script>`, 60, monitor.MajorOutage
	s.Incidents[0].Title = Hostile
	s.Incidents[0].Updates[0].Text = Hostile + long + long
	s.Incidents[0].Updates[1].Phase = Hostile
	s.Incidents[1].Title = long
	s.Maintenance = []store.MaintenanceView{{ID: Hostile, Title: Hostile, Text: long + Hostile, State: store.MaintenanceScheduled, Starts: now.Add(time.Hour), Ends: now.Add(2 * time.Hour)}}
	return s
}
