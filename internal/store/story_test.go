package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/table/memory"
)

// TestStory: the follow-up is made of updates, receipts and what is under way, the
// evidence of the time, and the timelines from the first sign to the end.
func TestStory(t *testing.T) {
	ctx, from := context.Background(), time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC)
	now := from.Add(3 * time.Hour)
	s := store.New(memory.New(func() time.Time { return now }), func() time.Time { return now })
	inc := incident.Incident{ID: "one", State: incident.Resolved, Opened: from, Since: from.Add(10 * time.Minute), Resolved: from.Add(time.Hour),
		Services: []incident.Affected{{ID: "web", Cause: true, Since: from, Restored: from.Add(time.Hour)}, {ID: "app", Since: from.Add(11 * time.Minute), Restored: from.Add(65 * time.Minute)}}}
	u := incident.Update{Incident: "one", At: from, Text: "down"}
	var ops []table.Op
	add := func(op table.Op, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, op)
	}
	first, err := store.IncidentOps(store.Board{}, incident.Effects{Incidents: []incident.Incident{inc}, Updates: []incident.Update{u}})
	if err != nil {
		t.Fatal(err)
	}
	ops = first
	flip := func(id monitor.ServiceID, after time.Duration, was, is monitor.Status) {
		add(store.FlipOp(monitor.Flip{Service: id, From: string(was), To: string(is), At: from.Add(after), Decided: from.Add(after)}))
	}
	flip("web", 0, monitor.Operational, monitor.AtRisk)
	flip("web", 10*time.Minute, monitor.AtRisk, monitor.MajorOutage)
	flip("web", time.Hour, monitor.MajorOutage, monitor.Operational)
	flip("app", 11*time.Minute, monitor.Operational, monitor.PartialOutage)
	flip("app", 65*time.Minute, monitor.PartialOutage, monitor.Operational)
	for _, at := range []time.Duration{-time.Minute, 0, 10 * time.Minute, 2 * time.Hour} {
		add(store.EvidenceOp("web", monitor.Result{Monitor: "web", Location: "local", Scheduled: from.Add(at)}))
	}
	for _, tier := range []monitor.TierID{"customers", "oncall"} {
		add(store.NotificationOp(incident.Notification{ID: string(tier), Incident: "one", Tier: tier, Receipt: "opened", At: from}))
	}
	add(store.NotificationOp(incident.Notification{ID: "other", Incident: "two", Tier: "oncall", Receipt: "opened", At: from}))
	if err := s.Commit(ctx, ops...); err != nil {
		t.Fatal(err)
	}
	pending, err := s.Outbox(ctx, 10)
	if err == nil {
		pending, err = s.Claim(ctx, pending, from.Add(time.Minute))
	}
	if err == nil {
		err = s.Release(ctx, pending[:1], func(store.Pending) time.Time { return from.Add(time.Hour) }, "throttled")
	}
	if err == nil {
		err = s.Deliver(ctx, pending[1:2], nil, store.Receipt{Sent: from.Add(5 * time.Second), Subject: "ALARM: Web"})
	}
	if err != nil {
		t.Fatal(err)
	}
	story, err := s.Story(ctx, inc, now)
	if err != nil {
		t.Fatal(err)
	}
	receipts := map[bool]int{}
	for _, sent := range story.Sent {
		receipts[sent.Pending]++
		if sent.Pending && sent.Failed != "throttled" || !sent.Pending && (sent.Subject != "ALARM: Web" || !sent.At.Equal(from.Add(5*time.Second))) {
			t.Errorf("%+v", sent)
		}
	}
	if receipts[true] != 1 || receipts[false] != 1 || len(story.Updates) != 1 {
		t.Errorf("%+v", story)
	}
	var seen []time.Duration
	for _, e := range story.Evidence {
		seen = append(seen, e.Scheduled.Sub(from))
	}
	if diff := cmp.Diff([]time.Duration{0, 10 * time.Minute}, seen); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	want := map[monitor.ServiceID]incident.Course{
		"web": {AtRisk: 10 * time.Minute, Down: 50 * time.Minute, MeasuredDown: 50 * time.Minute},
		"app": {Down: 54 * time.Minute, MeasuredDown: 54 * time.Minute},
	}
	if diff := cmp.Diff(want, story.Courses); diff != "" {
		t.Errorf("courses (-want +got):\n%s", diff)
	}
	if story, err = s.Story(ctx, inc, now.Add(store.HistoryKept)); err != nil || len(story.Courses) != 0 {
		t.Errorf("what is not known any more: %+v, %v", story.Courses, err)
	}
}
