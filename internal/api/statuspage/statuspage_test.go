package statuspage_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/api/statuspage"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

var t0 = time.Date(2026, 11, 22, 13, 0, 0, 123456789, time.UTC)

const url = "https://status.example.com"

func site(statuses ...monitor.Status) store.Snapshot {
	s := store.Snapshot{Generated: t0, Fresh: time.Minute, Site: monitor.Site{Name: "Intervals", TimeZone: "UTC", URL: url}}
	for i, status := range statuses {
		s.Services = append(s.Services, store.ServiceView{
			ID: monitor.ServiceID(fmt.Sprintf("s%d", i)), Name: fmt.Sprintf("Service %d", i), Status: status, Since: t0.Add(-time.Hour), Added: t0.AddDate(0, -1, 0),
		})
	}
	return s
}

func show(s store.Snapshot) *statuspage.Site { return statuspage.New(s, url, t0) }

// TestRollUp: the table in Status's comment, row by row; and nothing but known
// health is called that.
func TestRollUp(t *testing.T) {
	const ok, risk, slow, part, down, work, none = monitor.Operational, monitor.AtRisk, monitor.DegradedPerf, monitor.PartialOutage, monitor.MajorOutage, monitor.InMaintenance, monitor.NotKnown
	for _, test := range []struct {
		services []monitor.Status
		want     string
	}{
		{[]monitor.Status{ok, ok}, "none: All Systems Operational"},
		{nil, "major: Current State Not Known"},
		{[]monitor.Status{none, none}, "major: Current State Not Known"},
		{[]monitor.Status{"", "splendid"}, "major: Current State Not Known"},
		{[]monitor.Status{down, down}, "critical: Major System Outage"},
		{[]monitor.Status{down, ok}, "major: Partial System Outage"},
		{[]monitor.Status{down, none}, "major: Partial System Outage"},
		{[]monitor.Status{part, part}, "major: Partial System Outage"},
		{[]monitor.Status{part, ok}, "minor: Minor Service Outage"},
		{[]monitor.Status{none, ok}, "minor: State of Some Services Not Known"},
		{[]monitor.Status{"splendid", ok}, "minor: State of Some Services Not Known"},
		{[]monitor.Status{none, slow, work}, "minor: State of Some Services Not Known"},
		{[]monitor.Status{slow, slow}, "minor: Degraded System Service"},
		{[]monitor.Status{slow, work}, "minor: Partially Degraded Service"},
		{[]monitor.Status{risk, ok}, "minor: Partially Degraded Service"},
		{[]monitor.Status{work, ok}, "maintenance: Service Under Maintenance"},
	} {
		got := show(site(test.services...)).Status()
		if line := string(got.Indicator) + ": " + got.Description; line != test.want {
			t.Errorf("%v: got %s, want %s", test.services, line, test.want)
		}
	}
}

// TestUnresolved: while an incident is open nobody says that all is fine.
func TestUnresolved(t *testing.T) {
	for _, test := range []struct {
		state  incident.State
		impact monitor.Impact
		status monitor.Status
		want   string
	}{
		{incident.Resolved, monitor.ImpactNone, monitor.Operational, "none: All Systems Operational"},
		{incident.Draining, monitor.ImpactNone, monitor.Operational, "minor: Partially Degraded Service"},
		{incident.Open, monitor.ImpactMinor, monitor.Operational, "minor: Partially Degraded Service"},
		{incident.Open, monitor.ImpactMajor, monitor.Operational, "major: Partial System Outage"},
		{incident.Open, monitor.ImpactCritical, monitor.InMaintenance, "critical: Major System Outage"},
		{incident.Open, "enormous", monitor.Operational, "critical: Major System Outage"},
		{incident.Open, monitor.ImpactMinor, monitor.MajorOutage, "critical: Major System Outage"},
		{"odd", monitor.ImpactNone, monitor.Operational, "minor: Partially Degraded Service"},
	} {
		s := site(test.status)
		s.Incidents = []store.IncidentView{{ID: "abcdefghijkl", State: test.state, Impact: test.impact, Opened: t0}}
		got := show(s).Status()
		if line := string(got.Indicator) + ": " + got.Description; line != test.want {
			t.Errorf("%s %s on %s: got %s, want %s", test.state, test.impact, test.status, line, test.want)
		}
	}
}

// TestComponents: groups before their own, positions, ids that outlive a name.
func TestComponents(t *testing.T) {
	s := site(monitor.Operational, monitor.DegradedPerf, monitor.NotKnown, monitor.MajorOutage)
	s.Services[1].Group, s.Services[3].Group = "Platform", "Platform"
	components := show(s).Components()
	var got []string
	for _, c := range components {
		line := fmt.Sprintf("%d %s %s", c.Position, c.Name, c.Status)
		if c.Group {
			line += fmt.Sprintf(" group of %d", len(c.Components))
		}
		if c.GroupID != nil {
			line += " in " + map[bool]string{true: "it", false: "another"}[*c.GroupID == components[1].ID]
		}
		got = append(got, line)
	}
	want := []string{
		"1 Service 0 operational",
		"2 Platform major_outage group of 2",
		"1 Service 1 degraded_performance in it",
		"2 Service 3 major_outage in it",
		"3 Service 2 partial_outage", // not known
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	before := components[0].ID
	s.Services[0].Name = "Another name"
	if after := show(s).Components()[0].ID; after != before {
		t.Errorf("the id went from %s to %s with the name", before, after)
	}
	if before != "ricu4aycluq7" {
		t.Errorf("the id of s0 is %s: ids must never change", before)
	}
}

// TestLists: what is in which list, newest first, at most 50.
func TestLists(t *testing.T) {
	s := site(monitor.Operational)
	for i := range 60 {
		state := incident.Resolved
		if i == 7 {
			state = incident.Open
		}
		s.Incidents = append(s.Incidents, store.IncidentView{ID: fmt.Sprintf("incident%04d", i), State: state, Opened: t0.Add(time.Duration(i) * time.Hour), Services: []monitor.ServiceID{"s0", "gone"}})
	}
	for i, state := range []store.MaintenanceState{store.MaintenanceScheduled, store.MaintenanceInProgress, store.MaintenanceCompleted, "odd"} {
		s.Maintenance = append(s.Maintenance, store.MaintenanceView{ID: fmt.Sprintf("maintained%02d", i), State: state, Starts: t0.Add(time.Duration(i) * time.Hour), Ends: t0.Add(time.Duration(i+1) * time.Hour)})
	}
	show := show(s)
	all, open := show.AllIncidents().Incidents, show.Unresolved().Incidents
	if len(all) != statuspage.MaxList || all[0].ID != "incident0059" || len(all[0].Components) != 1 {
		t.Errorf("%d incidents, the first %+v", len(all), all[0])
	}
	if len(open) != 1 || open[0].ID != "incident0007" || open[0].Shortlink != url+"/incidents/incident0007" {
		t.Errorf("unresolved: %+v", open)
	}
	count := func(m statuspage.Maintenances) int { return len(m.Maintenances) }
	if n := []int{count(show.AllMaintenances()), count(show.Upcoming()), count(show.Active()), len(show.Summary().Maintenances)}; !cmp.Equal(n, []int{4, 1, 2, 3}) {
		t.Errorf("planned work, all, upcoming, active, in the summary: %v, want 4, 1, 2, 3", n)
	}
}

// TestMaintenance: planned work has its announcement as the first entry, then
// what followed, newest first.
func TestMaintenance(t *testing.T) {
	s := site(monitor.Operational)
	starts := t0.Add(-2 * time.Hour)
	s.Maintenance = []store.MaintenanceView{{
		ID: "maintained00", Title: "New disks", Text: "Short breaks.", State: store.MaintenanceCompleted, Starts: starts, Ends: t0.Add(-time.Hour),
		Created: starts.AddDate(0, 0, -1), Updated: t0.Add(-time.Hour),
		Updates: []store.UpdateView{{At: t0.Add(-time.Hour), Text: "Over."}, {At: starts, Text: "Begun."}},
	}}
	m := show(s).AllMaintenances().Maintenances[0]
	var got []string
	for _, u := range m.Updates {
		got = append(got, u.Status+": "+u.Body)
	}
	if diff := cmp.Diff([]string{"completed: Over.", "in_progress: Begun.", "scheduled: Short breaks."}, got); diff != "" {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
	if m.ResolvedAt == nil || m.Impact != "maintenance" || m.Status != "completed" {
		t.Errorf("got %+v", m)
	}
	first := m.Updates[2].ID
	s.Maintenance[0].Updates = nil
	if now := show(s).AllMaintenances().Maintenances[0].Updates; len(now) != 1 || now[0].ID != first {
		t.Errorf("the announcement's id depends on what followed: %+v", now)
	}
}

// TestNull: arrays are never null, only the fields that may be are, and times
// have milliseconds and Z, of a site that has nothing and of one that was never
// measured.
func TestNull(t *testing.T) {
	mayBeNull := map[string]bool{
		"description": true, "start_date": true, "group_id": true, "monitoring_at": true, "resolved_at": true,
		"reminder_intervals": true, "affected_components": true, "custom_tweet": true, "tweet_id": true,
	}
	bare := site("")
	bare.Services[0].Since, bare.Services[0].Added = time.Time{}, time.Time{}
	bare.Incidents = []store.IncidentView{{ID: "x"}}
	bare.Incidents[0].Updates = []store.UpdateView{{}}
	bare.Maintenance = []store.MaintenanceView{{ID: "y"}}
	for name, s := range map[string]store.Snapshot{"nothing": {}, "bare": bare, "plain": site(monitor.Operational)} {
		for _, e := range statuspage.Endpoints() {
			text, err := json.Marshal(e.Answer(show(s)))
			if err != nil {
				t.Fatal(err)
			}
			var value any
			if err := json.Unmarshal(text, &value); err != nil {
				t.Fatal(err)
			}
			walk(value, "", func(key string, v any) {
				if v == nil && !mayBeNull[key] {
					t.Errorf("%s, %s: %s is null", name, e.Path, key)
				}
				if at, is := v.(string); is && (strings.HasSuffix(key, "_at") || strings.HasPrefix(key, "scheduled_")) {
					if _, err := time.Parse("2006-01-02T15:04:05.000Z", at); err != nil || strings.HasPrefix(at, "0001") {
						t.Errorf("%s, %s: %s is %q", name, e.Path, key, at)
					}
				}
			})
		}
	}
}

func walk(value any, key string, visit func(string, any)) {
	visit(key, value)
	switch v := value.(type) {
	case map[string]any:
		for k, child := range v {
			walk(child, k, visit)
		}
	case []any:
		for _, child := range v {
			walk(child, "", visit)
		}
	}
}

// TestPure: a view changes nothing of the snapshot.
func TestPure(t *testing.T) {
	make := func() store.Snapshot {
		s := site(monitor.Operational, monitor.MajorOutage)
		s.Incidents = []store.IncidentView{{ID: "a", Opened: t0}, {ID: "b", Opened: t0.Add(time.Hour)}}
		s.Maintenance = []store.MaintenanceView{{ID: "a", Starts: t0}, {ID: "b", Starts: t0.Add(time.Hour)}}
		return s
	}
	s := make()
	for _, e := range statuspage.Endpoints() {
		e.Answer(show(s))
	}
	if !reflect.DeepEqual(make(), s) {
		t.Error("the snapshot was changed")
	}
}
