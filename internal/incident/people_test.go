package incident_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

var began = time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)

// heldConfig has one service, on-call told at once, and customers after ten
// minutes, held for fifteen more.
func heldConfig() *monitor.Config {
	return &monitor.Config{
		Site:     monitor.Site{Name: "Intervals", TimeZone: "America/Los_Angeles"},
		Monitors: []monitor.Monitor{{ID: "web", Service: "web", Every: time.Minute, Timeout: 10 * time.Second}},
		Services: []monitor.Service{{ID: "web", Name: "Web", Monitors: []monitor.ID{"web"}, Needs: 1}},
		Tiers: []monitor.Tier{
			{ID: "oncall", Impact: monitor.ImpactMinor, Remind: time.Hour},
			{ID: "customers", Impact: monitor.ImpactMajor, After: 10 * time.Minute, Hold: 15 * time.Minute, Public: true},
			{ID: "board", Impact: monitor.ImpactMajor, After: 10 * time.Minute, Public: true},
		},
	}
}

func opened(t *testing.T, cfg *monitor.Config) incident.Incident {
	t.Helper()
	fx := incident.Step(cfg, incident.World{}, incident.Change{Service: "web", Status: monitor.MajorOutage, At: began, Total: 1}, began)
	if len(fx.Incidents) != 1 {
		t.Fatalf("%d incidents", len(fx.Incidents))
	}
	return fx.Incidents[0]
}

// heardAt is which tiers hear of the beginning as time passes, minute by minute.
func heardAt(cfg *monitor.Config, inc incident.Incident, until time.Duration) map[monitor.TierID]time.Duration {
	out := map[monitor.TierID]time.Duration{}
	for d := time.Duration(0); d <= until; d += time.Minute {
		fx, acts := incident.Tick(cfg, inc, began.Add(d))
		if acts {
			inc = fx.Incidents[0]
		}
		for _, n := range fx.Notifications {
			if n.Event == incident.EventOpened {
				out[n.Tier] = d
			}
		}
	}
	return out
}

func TestAcknowledge(t *testing.T) {
	cfg := heldConfig()
	fx, err := incident.Acknowledge(cfg, opened(t, cfg), "anna", began.Add(time.Minute))
	if err != nil || len(fx.Incidents) != 1 || len(fx.Notifications) != 0 {
		t.Fatalf("%+v, %v", fx, err)
	}
	inc := fx.Incidents[0]
	if inc.By != "anna" || fx.Updates[0].By != "anna" || fx.Updates[0].Text != "" {
		t.Errorf("%+v", fx.Updates[0])
	}
	for d := time.Minute; d < 5*time.Hour; d += time.Minute {
		fx, acts := incident.Tick(cfg, inc, began.Add(d))
		if acts {
			inc = fx.Incidents[0]
		}
		for _, n := range fx.Notifications {
			if n.Event == incident.EventReminder {
				t.Errorf("reminded after %s", d)
			}
		}
	}
	if _, err := incident.Acknowledge(cfg, inc, "otto", began.Add(2*time.Minute)); !errors.Is(err, incident.ErrAcked) || !strings.Contains(err.Error(), "anna") {
		t.Errorf("again: %v", err)
	}
}

// TestPost: who has heard of it hears the update; the promise of the next one is
// kept, or on-call is reminded of it, once.
func TestPost(t *testing.T) {
	cfg := heldConfig()
	note := incident.Note{By: "anna", Text: " New balancers are coming. ", Phase: incident.Identified, Next: began.Add(40 * time.Minute)}
	fx, err := incident.Post(cfg, opened(t, cfg), note, began.Add(5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if len(fx.Notifications) != 1 || fx.Notifications[0].Tier != "oncall" || fx.Notifications[0].Event != incident.EventUpdated || fx.Notifications[0].Text != "New balancers are coming." {
		t.Errorf("notifications: %+v, want one update for on-call, who alone has heard of it", fx.Notifications)
	}
	inc := fx.Incidents[0]
	if inc.Phase != incident.Identified || !inc.Next.Equal(note.Next) {
		t.Errorf("phase %s, next %s", inc.Phase, inc.Next)
	}
	var late []string
	for d := 5 * time.Minute; d < 62*time.Minute; d += time.Minute {
		fx, acts := incident.Tick(cfg, inc, began.Add(d))
		if acts {
			inc = fx.Incidents[0]
		}
		for _, n := range fx.Notifications {
			if strings.HasPrefix(n.Receipt, "late-") {
				late = append(late, d.String()+" "+string(n.Tier))
				if !strings.Contains(n.Text, "promised for 18:40 PDT") {
					t.Errorf("text: %s", n.Text)
				}
			}
		}
	}
	if !slices.Equal(late, []string{"41m0s oncall"}) {
		t.Errorf("reminded of the promise: %v, want on-call, once, when it is over", late)
	}
	fx, err = incident.Post(cfg, inc, incident.Note{Text: "Still at it."}, began.Add(70*time.Minute))
	if err != nil || !fx.Incidents[0].Next.IsZero() || fx.Incidents[0].Phase != incident.Identified {
		t.Errorf("%+v, %v: want no promise, and the phase as it was", fx.Incidents, err)
	}
	if len(fx.Notifications) != 3 {
		t.Errorf("%d notifications, want one for each tier, which have all heard by now", len(fx.Notifications))
	}
}

func TestPublishAndDecline(t *testing.T) {
	cfg := heldConfig()
	if got := heardAt(cfg, opened(t, cfg), time.Hour); got["customers"] != 25*time.Minute || got["board"] != 10*time.Minute {
		t.Errorf("by themselves: %v, want the board after 10 minutes and customers after 25", got)
	}
	fx, err := incident.Publish(cfg, opened(t, cfg), "customers", "anna", began.Add(12*time.Minute))
	if err != nil || len(fx.Notifications) == 0 || !slices.ContainsFunc(fx.Notifications, func(n incident.Notification) bool {
		return n.Tier == "customers" && n.Event == incident.EventOpened
	}) {
		t.Errorf("published: %+v, %v", fx.Notifications, err)
	}
	fx, err = incident.Decline(cfg, opened(t, cfg), "customers", "anna", "only our office", began.Add(12*time.Minute))
	if err != nil || !strings.Contains(fx.Updates[0].Detail, "only our office") || fx.Updates[0].Text != "" {
		t.Fatalf("declined: %+v, %v", fx.Updates, err)
	}
	declined := fx.Incidents[0]
	if got := heardAt(cfg, declined, 3*time.Hour); got["customers"] != 0 {
		t.Errorf("declined, and heard after %s", got["customers"])
	}
	if due := incident.Due(cfg, declined); due.After(began.Add(time.Hour)) {
		t.Errorf("due %s: the board and reminders are", due)
	}
	fx, err = incident.Publish(cfg, declined, "customers", "anna", began.Add(30*time.Minute))
	if err != nil || len(fx.Incidents[0].Declined) != 0 || !slices.ContainsFunc(fx.Notifications, func(n incident.Notification) bool { return n.Tier == "customers" }) {
		t.Errorf("published after all: %+v, %v", fx.Notifications, err)
	}
}

func TestWhatPeopleCannotDo(t *testing.T) {
	cfg, at := heldConfig(), began.Add(time.Minute)
	open := opened(t, cfg)
	over := open
	over.State = incident.Resolved
	minor := open
	minor.Impact, minor.Worst = monitor.ImpactMinor, monitor.ImpactMinor
	told := open
	told.Told = map[monitor.TierID]incident.Told{"customers": {}}
	for name, test := range map[string]struct {
		want error
		do   func() (incident.Effects, error)
	}{
		"ack what is over":    {incident.ErrOver, func() (incident.Effects, error) { return incident.Acknowledge(cfg, over, "a", at) }},
		"update what is over": {incident.ErrOver, func() (incident.Effects, error) { return incident.Post(cfg, over, incident.Note{Text: "x"}, at) }},
		"update without text": {incident.ErrNoText, func() (incident.Effects, error) { return incident.Post(cfg, open, incident.Note{Text: " "}, at) }},
		"promise the past": {incident.ErrPast, func() (incident.Effects, error) {
			return incident.Post(cfg, open, incident.Note{Text: "x", Next: at}, at)
		}},
		"resolve by an update": {incident.ErrPhase, func() (incident.Effects, error) {
			return incident.Post(cfg, open, incident.Note{Text: "x", Phase: incident.Done}, at)
		}},
		"publish what is over":  {incident.ErrOver, func() (incident.Effects, error) { return incident.Publish(cfg, over, "customers", "a", at) }},
		"publish to nobody":     {incident.ErrNoTier, func() (incident.Effects, error) { return incident.Publish(cfg, open, "nobody", "a", at) }},
		"publish to on-call":    {incident.ErrNotHeld, func() (incident.Effects, error) { return incident.Publish(cfg, open, "oncall", "a", at) }},
		"publish again":         {incident.ErrTold, func() (incident.Effects, error) { return incident.Publish(cfg, told, "customers", "a", at) }},
		"publish what is small": {incident.ErrForNobody, func() (incident.Effects, error) { return incident.Publish(cfg, minor, "customers", "a", at) }},
		"decline what was told": {incident.ErrTold, func() (incident.Effects, error) { return incident.Decline(cfg, told, "customers", "a", "r", at) }},
		"decline for no reason": {incident.ErrNoReason, func() (incident.Effects, error) { return incident.Decline(cfg, open, "customers", "a", " ", at) }},
	} {
		if fx, err := test.do(); !errors.Is(err, test.want) || len(fx.Incidents)+len(fx.Updates)+len(fx.Notifications) != 0 {
			t.Errorf("%s: %v with %+v, want %v and nothing else", name, err, fx, test.want)
		}
	}
}
