package clienttest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

var t0 = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

// site is a status page with two services, and who has asked for what.
type site struct {
	*httptest.Server
	snapshot store.Snapshot

	mu    sync.Mutex
	asked []string // "path from origin"
}

// Snapshot implements api.Reader.
func (s *site) Snapshot(context.Context) (store.Snapshot, int64, error) { return s.snapshot, 1, nil }

func newSite(t *testing.T) *site {
	s := &site{snapshot: store.Snapshot{
		Generated: t0.Add(-time.Second), Fresh: time.Minute, Site: monitor.Site{Name: "Intervals", TimeZone: "Europe/Berlin"},
		Services: []store.ServiceView{
			{ID: "web", Name: "Web application", Status: monitor.Operational, Since: t0.AddDate(0, -1, 0), Added: t0.AddDate(0, -1, 0)},
			{ID: "balancers", Name: "Load balancers", Group: "Platform", Status: monitor.Operational, Since: t0.AddDate(0, -1, 0), Added: t0.AddDate(0, -1, 0)},
		},
	}}
	h := api.New(api.Deps{Reader: s, Now: func() time.Time { return t0 }})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path+" from "+r.Header.Get("Origin"))
		s.mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// outage is an open incident of the load balancers, and one that is over.
func (s *site) outage() {
	s.snapshot.Services[1].Status = monitor.MajorOutage
	s.snapshot.Incidents = []store.IncidentView{
		{ID: "openopenopen", Title: "Load balancers: outage", State: incident.Open, Phase: incident.Identified, Impact: monitor.ImpactMajor, Worst: monitor.ImpactMajor,
			Opened: t0.Add(-time.Hour), Updated: t0, Services: []monitor.ServiceID{"balancers"},
			Updates: []store.UpdateView{{At: t0, Phase: incident.Identified, Text: "A cable."}, {At: t0.Add(-time.Hour), Phase: incident.Investigating, Text: "Down."}}},
		{ID: "overoverover", Title: "Web application: outage", State: incident.Resolved, Phase: incident.Done, Worst: monitor.ImpactMinor,
			Opened: t0.Add(-50 * time.Hour), Resolved: t0.Add(-49 * time.Hour), Updated: t0.Add(-49 * time.Hour), Services: []monitor.ServiceID{"web"}},
	}
}

// work is planned work that goes on, and some that is to come.
func (s *site) work() {
	s.snapshot.Services[0].Status = monitor.InMaintenance
	for i, state := range []store.MaintenanceState{store.MaintenanceInProgress, store.MaintenanceScheduled} {
		at := t0.AddDate(0, 0, i).Add(-10 * time.Minute)
		s.snapshot.Maintenance = append(s.snapshot.Maintenance, store.MaintenanceView{
			ID: "maintenance" + string('0'+rune(i)), Title: "New disks", Text: "Short breaks.", State: state, Starts: at, Ends: at.Add(time.Hour),
			Created: at.AddDate(0, 0, -1), Updated: at.AddDate(0, 0, -1), Services: []monitor.ServiceID{"web"},
		})
	}
}
