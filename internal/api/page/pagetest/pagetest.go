// Package pagetest has a site in each of the states that a status page can show,
// for tests of the page and of what reads it. The figures of a site are drawn
// from its services' names: the same in every run.
package pagetest

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// Zone is the time zone of the sites.
const Zone = "America/Los_Angeles"

// State is a site at a time.
type State struct {
	Name     string
	Snapshot store.Snapshot
	Empty    bool // nothing was ever measured
}

// Hostile is a name as a target or an operator with bad intentions writes it.
const Hostile = `</title></style></script><script>document.body.innerHTML='owned'</script><img src=x onerror=alert(1)>"'` + "`{{.}}\u202e\x00&lt;"

// Site is a site of so many services, all of them fine.
func Site(now time.Time, services int) store.Snapshot {
	names := []string{"Web application", "API", "Load balancers", "Log-in", "Payments", "E-mail delivery", "Search", "Reports", "Exports", "Webhooks",
		"File storage", "Mobile push", "Public website", "Documentation", "Support desk", "Billing", "Audit log", "Status page", "Single sign-on", "Data import"}
	groups := []string{"Product", "Product", "Platform", "Platform", "Websites"}
	s := store.Snapshot{
		Generated: now.Add(-8 * time.Second), Fresh: 3 * time.Minute, Config: 7, Measured: now.Add(-4 * time.Minute),
		Site:      monitor.Site{Name: "Intervals", URL: "https://status.example.com", TimeZone: Zone},
		Locations: []store.LocationView{{ID: "us-west-2", LastSeen: now.Add(-20 * time.Second)}, {ID: "eu-west-1", LastSeen: now.Add(-30 * time.Second)}, {ID: "ap-northeast-1"}},
	}
	for i := range services {
		name := names[i%len(names)]
		if i >= len(names) {
			name += fmt.Sprintf(" %d", i/len(names)+1)
		}
		s.Services = append(s.Services, service(now, monitor.ServiceID(fmt.Sprintf("s%d", i)), name, groups[i*len(groups)/services]))
	}
	s.Incidents = []store.IncidentView{past(now, "past1", "Payments: partial outage", "s4", 51*time.Hour, 72*time.Minute), past(now, "past2", "Search: degraded", "s6", 9*24*time.Hour, 25*time.Minute),
		past(now, "past3", "Load balancers: outage", "s2", 40*24*time.Hour, 6*time.Hour+50*time.Minute)}
	return s
}

func service(now time.Time, id monitor.ServiceID, name, group string) store.ServiceView {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	draw := rand.New(rand.NewPCG(h.Sum64(), 1))
	v := store.ServiceView{
		ID: id, Name: name, Group: group, Status: monitor.Operational, Since: now.Add(-51 * time.Hour), Alive: 2, Total: 2,
		Monitors: []store.MonitorView{
			{ID: monitor.ID(id + "-http"), Name: name + " answers", Type: monitor.KindHTTP, State: monitor.Up, Since: now.Add(-51 * time.Hour)},
			{ID: monitor.ID(id + "-dns"), Name: name + " in DNS", Type: monitor.KindDNS, State: monitor.Up, Since: now.Add(-51 * time.Hour)},
		},
	}
	at, err := time.LoadLocation(Zone)
	if err != nil {
		at = time.UTC
	}
	for i := range 90 {
		v.Days = append(v.Days, day(draw, now.In(at).AddDate(0, 0, i-89).Format(time.DateOnly)))
	}
	for _, w := range []struct {
		name string
		days int
	}{{"24h", 1}, {"7d", 7}, {"30d", 30}, {"90d", 90}} {
		v.Uptime = append(v.Uptime, windowOf(now, w.name, v.Days[90-w.days:]))
	}
	for first, i := 0, monthEnds(v.Days); len(i) > 0; i = i[1:] {
		month := windowOf(now, v.Days[first].Date[:7], v.Days[first:i[0]])
		month.Frozen = len(i) > 1
		v.Months, first = append(v.Months, month), i[0]
	}
	base := 60 + 200*draw.Float64()
	for i := range 24 {
		p50 := base * (1 + 0.25*math.Sin(float64(i)/4) + 0.1*draw.Float64())
		v.Series = append(v.Series, store.LatencyPoint{At: now.Truncate(time.Hour).Add(time.Duration(i-23) * time.Hour), P50: p50, P95: p50 * 1.8, P99: p50 * (2.2 + draw.Float64()), N: 120})
	}
	last := v.Series[23]
	v.Latency = &store.LatencyView{P50: last.P50, P95: last.P95, P99: last.P99, N: 120}
	return v
}

// monthEnds are the indices after the last day of each month.
func monthEnds(days []store.DayView) []int {
	var ends []int
	for i := range days {
		if i+1 == len(days) || days[i+1].Date[:7] != days[i].Date[:7] {
			ends = append(ends, i+1)
		}
	}
	return ends
}

// day is fine, but for one in eighty: a service has a bad day in a quarter.
func day(draw *rand.Rand, date string) store.DayView {
	d := store.DayView{Date: date, Known: true, Uptime: 1, Coverage: 1, Worst: monitor.Operational}
	switch draw.IntN(160) {
	case 0:
		d.Worst = monitor.DegradedPerf
	case 1:
		d.DownS = int64(300 + draw.IntN(9000))
		d.Uptime, d.Worst = 1-float64(d.DownS)/86400, monitor.MajorOutage
	}
	return d
}

func windowOf(now time.Time, name string, days []store.DayView) store.WindowView {
	w := store.WindowView{Window: name, From: now.AddDate(0, 0, -len(days)), To: now, Known: true, Coverage: 1}
	for _, d := range days {
		w.DownS += d.DownS
	}
	w.Uptime = 1 - float64(w.DownS)/float64(len(days)*86400)
	return w
}

func past(now time.Time, id, title string, service monitor.ServiceID, ago, lasted time.Duration) store.IncidentView {
	opened := now.Add(-ago)
	return store.IncidentView{
		ID: id, Title: title, State: incident.Resolved, Phase: incident.Done, Worst: monitor.ImpactMajor, Opened: opened, Resolved: opened.Add(lasted), Updated: opened.Add(lasted),
		Services: []monitor.ServiceID{service},
		Updates: []store.UpdateView{
			{At: opened.Add(lasted), Phase: incident.Done, Text: "Restored."},
			{At: opened.Add(lasted / 2), Phase: incident.Identified, Text: "A full disk on the primary. We are moving to the secondary."},
			{At: opened, Phase: incident.Investigating, Text: title + "."},
		},
	}
}
