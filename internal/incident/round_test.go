package incident_test

import (
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// TestSlowMonitors: what is checked every few hours, as registrations are, keeps nobody
// waiting for hours to hear of what is checked every minute.
func TestSlowMonitors(t *testing.T) {
	slow := func(t *testing.T) *world {
		w := newWorld(t)
		w.cfg.Tiers = []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}}
		w.service("base", false)
		w.service("shop", false, "base")
		for i := range w.cfg.Monitors {
			w.cfg.Monitors[i].Every = 6 * time.Hour
		}
		return w
	}
	change := func(id monitor.ServiceID, status monitor.Status, after time.Duration) incident.Change {
		return incident.Change{Service: id, Status: status, At: t0.Add(after), Alive: 1, Total: 2}
	}
	toldWithin := func(t *testing.T, w *world, incidents int, from, by time.Duration) {
		t.Helper()
		for after := from; after <= by; after += time.Minute {
			w.tick(t0.Add(after))
			if w.again(t0.Add(after)); len(w.open()) == incidents {
				return
			}
		}
		t.Errorf("nobody was told by %s: %d incidents are open", by, len(w.open()))
	}
	t.Run("the cause is mended, the effect is not", func(t *testing.T) {
		w := slow(t)
		w.bring(change("base", monitor.MajorOutage, 0), t0)
		w.bring(change("shop", monitor.MajorOutage, time.Second), t0.Add(time.Second))
		w.bring(change("base", monitor.Operational, 10*time.Minute), t0.Add(10*time.Minute))
		toldWithin(t, w, 1, 10*time.Minute, 21*time.Minute)
	})
	t.Run("what it depends on is merely at risk", func(t *testing.T) {
		w := slow(t)
		w.bring(change("base", monitor.AtRisk, 0), t0)
		w.bring(change("shop", monitor.MajorOutage, time.Minute), t0.Add(time.Minute))
		toldWithin(t, w, 2, time.Minute, 4*time.Minute)
	})
	t.Run("a vote on what it depends on does not end", func(t *testing.T) {
		w := slow(t)
		view := w.services["base"]
		view.Suspect = true
		w.services["base"] = view
		w.bring(change("shop", monitor.MajorOutage, 0), t0)
		toldWithin(t, w, 1, 0, 11*time.Minute)
	})
}

// TestQuickMonitors: what is checked every few seconds is given a minute to follow what it
// depends on: the results that say that it works may be late, as all is that night.
func TestQuickMonitors(t *testing.T) {
	w := newWorld(t)
	w.cfg.Tiers = []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}}
	w.service("base", false)
	w.service("shop", false, "base")
	for i := range w.cfg.Monitors {
		w.cfg.Monitors[i].Every, w.cfg.Monitors[i].Timeout = 5*time.Second, 2*time.Second
	}
	at := func(id monitor.ServiceID, status monitor.Status, after, known time.Duration) {
		w.bring(incident.Change{Service: id, Status: status, At: t0.Add(after), Alive: 1, Total: 2}, t0.Add(known))
	}
	at("base", monitor.MajorOutage, 0, 20*time.Second)
	at("shop", monitor.MajorOutage, 0, 25*time.Second)
	at("base", monitor.Operational, 30*time.Second, time.Minute)
	w.again(t0.Add(80 * time.Second))
	if open := w.open(); len(open) != 0 {
		t.Errorf("20 s after the cause was seen to work, %d incidents are open: the shop's results may be on their way", len(open))
	}
	w.again(t0.Add(121 * time.Second))
	if open := w.open(); len(open) != 1 || open[0].Root != "shop" {
		t.Errorf("a minute after the cause was seen to work, open is %v, want the shop, which is still broken", open)
	}
}
