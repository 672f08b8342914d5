package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
)

// at is the fleet of the outage with its primary balancer at an address.
func at(address string) *monitor.Config {
	cfg := balancers()
	cfg.Monitors[1].TCP = &monitor.TCP{Address: address + ":443"}
	return cfg
}

// apply puts a configuration in force after the one that is.
func (w *world) apply(cfg *monitor.Config) {
	w.t.Helper()
	version, err := w.store.ConfigVersion(context.Background())
	if err == nil {
		_, err = w.store.PutConfig(context.Background(), cfg, version, "test")
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

const (
	old     monitor.ID = "lb-primary-203-0-113-10"
	oldSays            = "The old address 203.0.113.10 does not answer: whoever is still sent there sees errors."
)

// members is what is checked of the balancers, and how it stands.
func (w *world) members() (ids []string) {
	w.t.Helper()
	state, err := w.store.State(context.Background(), "balancers")
	if err != nil {
		w.t.Fatal(err)
	}
	for id, d := range state.Details {
		ids = append(ids, fmt.Sprintf("%s %s", id, d.Settled))
	}
	slices.Sort(ids)
	return ids
}

// TestRetired: after the balancer has moved its old address is checked for a day, and
// counts for nothing: no incident, no message, no part in the status or on the page.
func TestRetired(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, at("203.0.113.10"))
	w.run(30 * time.Second)
	w.apply(at("203.0.113.20"))
	w.down[old] = true
	w.ends = map[monitor.ID]time.Time{old: w.now.Add(time.Hour)} // its certificate
	w.run(2 * time.Minute)
	if diff := cmp.Diff([]string{"lb-primary up", string(old) + " down", "lb-secondary up"}, w.members()); diff != "" {
		t.Fatalf("checked (-want +got):\n%s", diff)
	}
	state, err := w.store.State(ctx, "balancers")
	if err != nil || state.Status != monitor.Operational || state.Alive != 2 || state.Total != 2 {
		t.Errorf("the balancers are %s, %d of %d, %v", state.Status, state.Alive, state.Total, err)
	}
	if open := w.board().Open; len(open) > 0 || len(w.sent) > 0 {
		t.Errorf("open: %v, told: %v", open, w.sent)
	}
	if err := w.stages.Rollup(ctx); err != nil {
		t.Fatal(err)
	}
	page, _, err := w.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	view := page.Service("balancers")
	if len(view.Monitors) != 2 || view.Uptime[0].DownS != 0 {
		t.Errorf("the page shows %v, down for %d s", view.Monitors, view.Uptime[0].DownS)
	}

	w.apply(at("203.0.113.20")) // nothing has changed
	w.now = start.Add(30*time.Second + monitor.RetiredFor - 5*time.Second)
	w.run(20 * time.Second)
	if diff := cmp.Diff([]string{"lb-primary up", "lb-secondary up"}, w.members()); diff != "" {
		t.Errorf("after a day (-want +got):\n%s", diff)
	}
	if slices.ContainsFunc(w.queue, func(b schedule.Batch) bool { return slices.Contains(b.Monitors, old) }) {
		t.Error("it is still to be checked")
	}
	if len(w.sent) > 0 {
		t.Errorf("told: %v", w.sent)
	}
}

// TestRetiredRollback: what is current again is checked as such.
func TestRetiredRollback(t *testing.T) {
	w := newWorld(t, at("203.0.113.10"))
	w.apply(at("203.0.113.20"))
	w.down["lb-primary"] = true
	w.run(time.Minute)
	w.apply(at("203.0.113.10"))
	w.run(time.Minute)
	if diff := cmp.Diff([]string{"lb-primary down", "lb-primary-203-0-113-20 up", "lb-secondary up"}, w.members()); diff != "" {
		t.Errorf("checked (-want +got):\n%s", diff)
	}
}

// TestRetiredTold: people hear with the end what is found at the old address, where it
// is known by then.
func TestRetiredTold(t *testing.T) {
	w, result := moved(t)
	cfg := balancers()
	cfg.Monitors, cfg.Services = []monitor.Monitor{cfg.Monitors[0], cfg.Monitors[0]}, cfg.Services[1:2]
	cfg.Monitors[1].ID = "app-dns"
	cfg.Services[0].Monitors = []monitor.ID{"app", "app-dns"}
	for i := range cfg.Monitors {
		cfg.Monitors[i].Confirm, cfg.Monitors[i].Recover = 1, 1
	}
	for _, address := range []string{"203.0.113.10:443", "203.0.113.20:443"} {
		cfg.Monitors[0].TCP = &monitor.TCP{Address: address}
		w.apply(cfg)
	}
	for _, id := range []monitor.ID{"app", "app-dns"} {
		result(id, time.Second, up, 0)
	}
	result("app", 10*time.Second, down, 0)
	result("app-203-0-113-10", 20*time.Second, down, 0)
	result("app-dns", 22*time.Second, degraded, 10*time.Minute)
	result("app", 30*time.Second, up, 0)
	w.now = w.now.Add(time.Minute)
	if err := w.stages.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	if inc := w.incident("web"); inc.Old != oldSays || strings.Contains(inc.Detail, "203-0-113") {
		t.Errorf("the incident knows %q, and its evidence is %s", inc.Old, inc.Detail)
	}
	if last := w.sent[len(w.sent)-1].Email; !strings.Contains(strings.Join(strings.Fields(last), " "), oldSays) {
		t.Errorf("people read\n%s", last)
	}
	result("app-203-0-113-10", 2*time.Minute, up, 0)
	if inc := w.incident("web"); inc.Old != "The old address 203.0.113.10 still answers." {
		t.Errorf("later the incident knows %q", inc.Old)
	}
}
