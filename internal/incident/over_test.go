package incident_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestPublicEnd: the page does not say of what is still down that it is restored, nor for
// how long something was down that nobody sees; and of what is over it says what it was.
func TestPublicEnd(t *testing.T) {
	for _, c := range []struct {
		name                 string
		api, shop, db, known time.Duration // when they work again; the last is when that is known of the db
		title, text          string
	}{
		{"still to be checked", 0, 20 * time.Minute, 25 * time.Minute, 25 * time.Minute, "The api: outage", "The api: should work again. Its cause was mended after 24m."},
		{"checked since", 0, 20 * time.Minute, 25 * time.Minute, 27 * time.Minute, "The api: outage", "The api: still down. Its cause was mended after 24m."},
		{"seen working", 15 * time.Minute, 20 * time.Minute, 25 * time.Minute, 25 * time.Minute, "The api: outage", "Restored after 19m."},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.service("db", true)
			w.service("api", false, "db")
			w.service("shop", false, "api")
			change := func(id monitor.ServiceID, status monitor.Status, at, known time.Duration) incident.Effects {
				return w.bring(incident.Change{Service: id, Status: status, At: t0.Add(at), Total: 1}, t0.Add(known))
			}
			change("db", monitor.MajorOutage, 0, 0)
			change("api", monitor.MajorOutage, time.Minute, time.Minute)
			change("shop", monitor.MajorOutage, time.Minute, time.Minute)
			if c.api > 0 {
				change("api", monitor.Operational, c.api, c.api)
			}
			change("shop", monitor.Operational, c.shop, c.shop)
			fx := change("db", monitor.Operational, c.db, c.known)
			got := []string{fx.Incidents[0].PublicTitle(), fx.Updates[0].ForPublic()}
			if diff := cmp.Diff([]string{c.title, c.text}, got); diff != "" {
				t.Errorf("title and text (-want +got):\n%s", diff)
			}
		})
	}
}
