package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// TestCurrent: the snapshot says of each monitor what its last check was and how
// long it was up, and of each service what it was in the last 24 hours; Sweep
// alone as Rollup does.
func TestCurrent(t *testing.T) {
	w := newWorld(t, balancers())
	ends := start.AddDate(0, 3, 0)
	w.ends = map[monitor.ID]time.Time{"lb-primary": ends}
	w.run(2 * time.Minute)
	w.down["app"] = true
	w.run(2 * time.Minute)
	swept, _, err := w.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	rolled := w.rolledUp()

	statuses := func(s store.Snapshot) (list []monitor.Status) {
		for _, turn := range s.Service("web").Turns {
			list = append(list, turn.Status)
		}
		return list
	}
	want := []monitor.Status{monitor.NotKnown, monitor.Operational, monitor.MajorOutage}
	if diff := cmp.Diff(want, statuses(rolled)); diff != "" {
		t.Errorf("after a rollup (-want +got):\n%s", diff)
	}
	if got := statuses(swept); len(got) < 2 || got[len(got)-1] != monitor.MajorOutage || got[len(got)-2] != monitor.Operational {
		t.Errorf("swept only: %v", got)
	}
	outage := rolled.Service("web").Turns[2].At
	if began := start.Add(2 * time.Minute); outage.Before(began) || outage.After(began.Add(10*time.Second)) {
		t.Errorf("the outage began at %v, want its first failing check after %v", outage, began)
	}

	for id, want := range map[monitor.ServiceID]monitor.Outcome{"web": monitor.OutcomeDown, "balancers": monitor.OutcomeUp} {
		for _, s := range []store.Snapshot{swept, rolled} {
			m := s.Service(id).Monitors[0]
			if m.Last == nil || m.Last.Outcome != want || w.now.Sub(m.Last.At) > 90*time.Second || want == monitor.OutcomeUp && m.Last.MS != 20 {
				t.Errorf("%s: last check %+v, want one that is %s", m.ID, m.Last, want)
			}
		}
	}
	if got := rolled.Service("balancers").Monitors[0].CertificateEnds(); !got.Equal(ends) {
		t.Errorf("the certificate of a check that was fine ends at %v, want %v", got, ends)
	}
	if got := rolled.Service("balancers").Monitors[0].Uptime; got["24h"] != 1 || got["90d"] != 1 {
		t.Errorf("uptime of a monitor that was always up: %v", got)
	}
	if got := rolled.Service("web").Monitors[0].Uptime["24h"]; got < 0.4 || got > 0.6 {
		t.Errorf("uptime of a monitor that was down half the time: %v", got)
	}
	for _, v := range rolled.Services {
		if v.ID == "backoffice" {
			t.Error("an internal service is in the snapshot")
		}
	}
}
