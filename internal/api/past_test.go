package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// TestPastIncident: a link to an incident that the page shows no more leads to it
// still, as page and as JSON; recent ones are not asked for twice.
func TestPastIncident(t *testing.T) {
	f := night()
	f.past = map[string]store.IncidentView{"abcdefghijkl": {
		ID: "abcdefghijkl", Title: "Web application: outage of January", State: incident.Resolved, Phase: incident.Done, Worst: monitor.ImpactMajor,
		Opened: t0.AddDate(0, -5, 0), Resolved: t0.AddDate(0, -5, 0).Add(time.Hour), Services: []monitor.ServiceID{"web"},
	}}
	for _, test := range []struct {
		path, want string
		status     int
		reads      int
	}{
		{"/incidents/abcdefghijkl", "outage of January", http.StatusOK, 2},
		{"/api/v1/incidents/abcdefghijkl", `"title":"Web application: outage of January"`, http.StatusOK, 2},
		{"/incidents/old", "Web application: outage", http.StatusOK, 1},
		{"/incidents/nonesuchhere", "", http.StatusNotFound, 2},
		{"/api/v1/incidents/nonesuchhere", "there is no incident", http.StatusNotFound, 2},
	} {
		f.reads = 0
		w := httptest.NewRecorder()
		handler(f).ServeHTTP(w, httptest.NewRequest(http.MethodGet, test.path, nil))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) || f.reads != test.reads {
			t.Errorf("%s: %d after %d reads, want %d after %d, with %q\n%s", test.path, w.Code, f.reads, test.status, test.reads, test.want, w.Body)
		}
	}
}
