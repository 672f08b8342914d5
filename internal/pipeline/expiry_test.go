package pipeline_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// subjects lists what a tier was told, without ids.
func (w *world) subjects(tier monitor.TierID) []string {
	var all []string
	for _, m := range w.sent {
		if m.Tier == tier {
			subject, _, _ := strings.Cut(m.Subject, " - ")
			all = append(all, subject)
		}
	}
	return all
}

// slow is the fleet with a check a minute.
func slow(cfg *monitor.Config) *monitor.Config {
	for i := range cfg.Monitors {
		cfg.Monitors[i].Every = time.Minute
	}
	return cfg
}

// rounds lets so many minutes pass, and something be done before each.
func (w *world) rounds(n int, each func(i int)) {
	for i := range n {
		each(i)
		w.run(time.Minute)
	}
}

// TestCertificatesAlternate: one of two backends was renewed. People hear of the other's
// end, and when it is renewed, too: whatever comes twice.
func TestCertificatesAlternate(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long where races are looked for")
	}
	w := newWorld(t, slow(balancers()))
	w.twice = true
	w.ends = map[monitor.ID]time.Time{}
	early, late := start.Add(10*24*time.Hour), start.Add(80*24*time.Hour)
	w.rounds(12, func(i int) { w.ends["app"] = []time.Time{early, late}[i%2] })
	want := []string{"NOTICE: Web application: certificate expires in 10 days"}
	if diff := cmp.Diff(want, w.subjects("oncall")); diff != "" {
		t.Errorf("alternating (-want +got):\n%s", diff)
	}
	w.rounds(75, func(int) { w.ends["app"] = late })
	want = append(want, "OK: Web application: certificate renewed")
	if diff := cmp.Diff(want, w.subjects("oncall")); diff != "" {
		t.Errorf("renewed (-want +got):\n%s", diff)
	}
}

// TestCertificateMoves: a monitor that moves to another service does not repeat what was
// told of its certificate; what comes next is told there. One that is removed ends its
// alarm.
func TestCertificateMoves(t *testing.T) {
	cfg := slow(balancers())
	w := newWorld(t, cfg)
	end := start.Add(3*24*time.Hour + 6*time.Minute)
	w.ends = map[monitor.ID]time.Time{"lb-primary": end}
	w.rounds(2, func(int) {})
	next := slow(balancers())
	next.Monitors[1].Service = "web"
	next.Services[0].Monitors = []monitor.ID{"lb-secondary"}
	next.Services[1].Monitors = []monitor.ID{"app", "lb-primary"}
	if _, err := w.store.PutConfig(context.Background(), next, 1, "test"); err != nil {
		t.Fatal(err)
	}
	w.rounds(3, func(int) {})
	want := []string{"NOTICE: Load balancers: certificate expires in 3 days"}
	if diff := cmp.Diff(want, w.subjects("oncall")); diff != "" {
		t.Errorf("moved (-want +got):\n%s", diff)
	}
	w.rounds(4, func(int) {})
	want = append(want, "ALARM: Web application: certificate expires in 3 days")
	if diff := cmp.Diff(want, w.subjects("oncall")); diff != "" {
		t.Errorf("nearer (-want +got):\n%s", diff)
	}
	gone := slow(balancers())
	gone.Monitors = slices.Delete(gone.Monitors, 1, 2)
	gone.Services[0].Monitors = []monitor.ID{"lb-secondary"}
	if _, err := w.store.PutConfig(context.Background(), gone, 2, "test"); err != nil {
		t.Fatal(err)
	}
	w.rounds(2, func(int) {})
	want = append(want, "OK: Web application: monitor removed")
	if diff := cmp.Diff(want, w.subjects("oncall")); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
}

// TestCertificateOfOld: a service whose state was lost tells nothing twice.
func TestCertificateOfOld(t *testing.T) {
	w := newWorld(t, slow(balancers()))
	w.ends = map[monitor.ID]time.Time{"app": start.Add(10 * 24 * time.Hour)}
	w.rounds(2, func(int) {})
	state, err := w.store.State(context.Background(), "web")
	if err != nil {
		t.Fatal(err)
	}
	lose(t, w, state)
	w.rounds(2, func(int) {})
	if got := w.subjects("oncall"); len(got) != 1 {
		t.Errorf("told %q, want one message", got)
	}
}

// lose writes a state that knows of nothing.
func lose(t *testing.T, w *world, was store.State) {
	t.Helper()
	op, err := store.StateOp(detect.Service{Service: was.Service.Service, Status: monitor.NotKnown}, was.Version)
	if err == nil {
		err = w.store.Commit(context.Background(), op)
	}
	if err != nil {
		t.Fatal(err)
	}
}
