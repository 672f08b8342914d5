package pipeline_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// moved is a world of a web application whose name moves to another address: app and
// app-dns count, app-old watches the old address in the shadow, and a back office is at
// that address too.
func moved(t *testing.T) (w *world, result func(id monitor.ID, after time.Duration, outcome monitor.Outcome, old time.Duration)) {
	m := func(id monitor.ID, service monitor.ServiceID) monitor.Monitor {
		return monitor.Monitor{
			ID: id, Name: string(id), Service: service, Every: 10 * time.Second, Timeout: 2 * time.Second,
			Confirm: 1, Recover: 1, Recheck: 2 * time.Second, Locations: []monitor.Location{monitor.Local},
			TCP: &monitor.TCP{Address: "203.0.113.10:443"},
		}
	}
	cfg := balancers()
	cfg.Monitors = []monitor.Monitor{m("app", "web"), m("app-dns", "web"), m("app-old", "web"), m("secret", "backoffice")}
	cfg.Monitors[1].Confirm = 3
	cfg.Monitors[2].Shadow = true
	cfg.Monitors[2].Flapping = monitor.Flap{Changes: 2, Within: time.Hour}
	cfg.Services = []monitor.Service{
		{ID: "web", Name: "Web application", Monitors: []monitor.ID{"app", "app-dns", "app-old"}, Needs: 2},
		{ID: "backoffice", Name: "Back office", Monitors: []monitor.ID{"secret"}, Needs: 1, Internal: true},
	}
	w = newWorld(t, cfg)
	return w, func(id monitor.ID, after time.Duration, outcome monitor.Outcome, old time.Duration) {
		t.Helper()
		at := start.Add(after)
		w.now = at
		r := monitor.Result{Monitor: id, Location: monitor.Local, Scheduled: at, Started: at, Outcome: outcome, Address: "203.0.113.10:443"}
		if outcome != monitor.OutcomeUp {
			r.Failure = &monitor.Failure{Kind: monitor.FailTimeout, Detail: "no answer in time (connect)"}
		}
		if old > 0 {
			r.Cutover = &monitor.Cutover{Share: 0.5, Ends: start.Add(old)}
			r.Failure = &monitor.Failure{Kind: monitor.FailExpect, Detail: "share == 1 (share was 0.5)"}
		}
		if err := w.stages.Detect(context.Background(), []store.Batch{{Location: monitor.Local, Scheduled: at, Results: []monitor.Result{r}}}); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	up       = monitor.OutcomeUp
	degraded = monitor.OutcomeDegraded
	down     = monitor.OutcomeDown
)

func (w *world) incident(id monitor.ServiceID) incident.Incident {
	w.t.Helper()
	open := w.board().Open
	at := slices.IndexFunc(open, func(inc incident.Incident) bool { return inc.Root == id })
	if at < 0 {
		w.t.Fatalf("%s has no open incident", id)
	}
	return open[at]
}

// TestShadow: a monitor in the shadow is down, at an address that it shares with
// another service, and keeps changing; the incident of its service knows nothing of
// that.
func TestShadow(t *testing.T) {
	w, result := moved(t)
	for _, id := range []monitor.ID{"app", "app-dns", "app-old", "secret"} {
		result(id, time.Second, up, 0)
	}
	result("app-old", 10*time.Second, down, 0)
	result("app-old", 12*time.Second, up, 0)
	result("app-old", 14*time.Second, down, 0)
	if open := w.board().Open; len(open) > 0 {
		t.Fatalf("what is in the shadow opens %s", open[0].Title)
	}
	result("app", 20*time.Second, down, 0)
	web := w.incident("web")
	if web.Services[0].Flapping {
		t.Error("it keeps changing")
	}
	if strings.Contains(web.Detail, "app-old") || !strings.Contains(web.Detail, "app: timeout") {
		t.Errorf("its evidence is %s", web.Detail)
	}
	result("app", 30*time.Second, up, 0)
	if open := w.board().Open; len(open) > 0 {
		t.Errorf("%s is still open", open[0].Title)
	}
	result("secret", 40*time.Second, down, 0)
	if back := w.incident("backoffice"); len(back.Services) != 1 {
		t.Errorf("the back office is told with %v", back.Services)
	}
}

// TestDrains: all works again but a resolver that has the old answer, and what
// watches the old address in the shadow: the incident waits for the longest answer
// that was seen, also of those seen while it was being decided; no longer.
func TestDrains(t *testing.T) {
	w, result := moved(t)
	for _, id := range []monitor.ID{"app", "app-dns", "app-old"} {
		result(id, time.Second, up, 0)
	}
	result("app", 10*time.Second, down, 0)
	if _, err := w.stages.Notify(context.Background()); err != nil {
		t.Fatal(err)
	}
	result("app-old", 12*time.Second, down, 0)
	result("app-dns", 20*time.Second, degraded, 2*time.Minute)
	result("app-dns", 22*time.Second, degraded, 10*time.Minute)
	result("app-dns", 24*time.Second, degraded, 2*time.Minute)
	result("app", 30*time.Second, up, 0)
	inc := w.incident("web")
	if want := start.Add(10 * time.Minute); inc.State != incident.Draining || !inc.Drain.Equal(want) {
		t.Fatalf("the incident is %s until %s, want draining until %s", inc.State, inc.Drain, want)
	}
	if got := inc.Services[0].Restored; !got.Equal(start.Add(30 * time.Second)) {
		t.Errorf("it was restored at %s", got)
	}
	for _, at := range []struct {
		after time.Duration
		open  int
	}{{10*time.Minute - time.Second, 1}, {10*time.Minute + time.Second, 0}} {
		result("app", at.after-2*time.Second, up, 0)
		result("app-dns", at.after-time.Second, up, 0)
		w.now = start.Add(at.after)
		if err := w.stages.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := len(w.board().Open); got != at.open {
			t.Errorf("after %s %d incidents are open, want %d", at.after, got, at.open)
		}
	}
	resolved := w.sent[len(w.sent)-1].Email
	if !strings.Contains(resolved, "Restored after 20s") {
		t.Errorf("the end is told as\n%s", resolved)
	}
	if diff := cmp.Diff([]string{"opened", "updated", "resolved"}, w.told("oncall")); diff != "" {
		t.Errorf("on-call heard (-want +got):\n%s", diff)
	}
}

// TestSlowIsNotDNS: a service that is slow, too, is not restored while old DNS answers
// last.
func TestSlowIsNotDNS(t *testing.T) {
	w, result := moved(t)
	result("app", time.Second, up, 0)
	result("app-dns", time.Second, up, 0)
	result("app", 10*time.Second, degraded, 0)
	result("app-dns", 20*time.Second, up, 10*time.Minute)
	result("app", 30*time.Second, degraded, 0)
	if inc := w.incident("web"); inc.State != incident.Open {
		t.Errorf("the incident is %s", inc.State)
	}
}

// TestAgainAsBefore: a resolver keeps the old answer for longer than it may, so the
// service stays degraded as it was when its incident began. That goes on; or, where a
// person has ended it meanwhile, people hear of it anew, and sweeps go through.
func TestAgainAsBefore(t *testing.T) {
	for name, ended := range map[string]bool{"goes on": false, "was ended by a person": true} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			w, result := moved(t)
			result("app", time.Second, up, 0)
			result("app-dns", time.Second, up, 0)
			result("app", 10*time.Second, degraded, 0)
			for i := range 3 {
				result("app-dns", time.Duration(20+2*i)*time.Second, degraded, 2*time.Minute)
			}
			result("app", 40*time.Second, up, 0)
			first := w.incident("web")
			if got := first.Services[0].Restored; first.State != incident.Draining || !got.Equal(start.Add(40*time.Second)) {
				t.Errorf("the incident is %s, restored at %s", first.State, got)
			}
			if _, err := w.stages.Notify(ctx); err != nil {
				t.Fatal(err)
			}
			if ended {
				cfg, err := w.store.Config(ctx)
				if err != nil {
					t.Fatal(err)
				}
				fx, err := incident.Resolve(cfg, first, nil, incident.Note{By: "maria"}, w.now)
				if err != nil {
					t.Fatal(err)
				}
				ops, err := store.IncidentOps(w.board(), fx)
				if err == nil {
					err = w.store.Commit(ctx, ops...)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			result("app", 2*time.Minute, up, 0)
			result("app-dns", 2*time.Minute, degraded, 0)
			w.now = start.Add(2*time.Minute + time.Second)
			for range 2 {
				if err := w.stages.Sweep(ctx); err != nil {
					t.Fatal(err)
				}
			}
			now, heard := w.incident("web"), []string{"opened", "escalated"}
			if ended {
				heard = []string{"opened", "resolved", "opened"}
			}
			if now.State != incident.Open || (now.ID == first.ID) == ended || ended && now.Opened.Before(start.Add(40*time.Second)) {
				t.Errorf("%s is %s since %s, after %s", now.ID, now.State, now.Opened, first.ID)
			}
			if diff := cmp.Diff(heard, w.told("oncall")); diff != "" {
				t.Errorf("on-call heard (-want +got):\n%s", diff)
			}
		})
	}
}
