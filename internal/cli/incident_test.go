package cli_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/bolt"
)

// TestIncidentCommands: what people do to an incident stands in the store, in the
// outbox and on the page.
func TestIncidentCommands(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	now := func() time.Time { return time.Now().UTC() }
	with := func(do func(*store.Store)) {
		t.Helper()
		db, err := bolt.Open(local.TableFile(dir), now)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		do(store.New(db, now))
	}
	cfg := &monitor.Config{
		Site: monitor.Site{Name: "Test", TimeZone: "UTC"}, Locations: []monitor.Location{monitor.Local},
		Monitors: []monitor.Monitor{{ID: "web", Service: "web", TCP: &monitor.TCP{Address: "web.example.com:443"}}},
		Services: []monitor.Service{{ID: "web", Name: "Web", Monitors: []monitor.ID{"web"}, Needs: 1}},
		Tiers: []monitor.Tier{
			{ID: "oncall", Impact: monitor.ImpactMinor},
			{ID: "customers", Impact: monitor.ImpactMajor, Hold: time.Hour, Public: true},
		},
	}
	run := func(want int, says string, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		code := cli.Run(ctx, append(append([]string{"incident"}, args...), "--data", dir), &out, &out)
		if code != want || !strings.Contains(out.String(), says) {
			t.Errorf("%v: exit %d, want %d with %q\n%s", args, code, want, says, out.String())
		}
		return out.String()
	}
	with(func(s *store.Store) {
		if _, err := s.PutConfig(ctx, cfg, 0, "test"); err != nil {
			t.Fatal(err)
		}
	})
	run(cli.ExitFine, "no incident in the last 90 days", "list")
	run(cli.ExitUsage, "no incident is open", "ack")
	var id string
	with(func(s *store.Store) {
		fx := incident.Step(cfg, incident.World{}, incident.Change{Service: "web", Status: monitor.MajorOutage, At: now().Add(-time.Minute), Total: 1}, now())
		ops, err := store.IncidentOps(store.Board{}, fx)
		if err == nil {
			err = s.Commit(ctx, ops...)
		}
		if err == nil {
			err = pipeline.New(pipeline.Deps{Store: s, Now: now, Fresh: time.Minute}).Snapshot(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		id = fx.Incidents[0].ID
	})
	run(cli.ExitFine, id+"  ", "list")
	run(cli.ExitFine, `"state": "open"`, "list", "--json")
	run(cli.ExitFine, "acknowledged; reminders stop", "ack", id)
	run(cli.ExitUsage, "acknowledged already, by ", "ack")
	run(cli.ExitUsage, "declining needs a reason", "decline")
	run(cli.ExitFine, id+": declined", "decline", "--reason", "only our office")
	run(cli.ExitFine, id+": published", "publish", "--tier", "customers")
	run(cli.ExitUsage, "has been told already", "publish")
	run(cli.ExitUsage, "is not public", "publish", "--tier", "oncall")
	run(cli.ExitFine, id+": updated", "update", "New <b>balancers</b> are coming.", "--phase", "identified", "--next", "30m")
	run(cli.ExitUsage, "the phase must be", "update", "x", "--phase", "resolved")
	run(cli.ExitUsage, "for a time that has passed", "update", "x", "--next", "-5m")
	run(cli.ExitUsage, "until a time that has passed", "update", "x", "--drain", "-5m")
	run(cli.ExitUsage, "there is no incident nothere", "show", "nothere")
	run(cli.ExitUsage, "there is no incident nothere", "ack", "nothere")
	text := run(cli.ExitFine, "identified  New <b>balancers</b> are coming. (", "show")
	for _, line := range []string{"acknowledged ", "next update promised for ", "Not told to customers: only our office", "cause: Web: outage, 0 of 1 up"} {
		if !strings.Contains(text, line) {
			t.Errorf("show does not say %q:\n%s", line, text)
		}
	}
	run(cli.ExitFine, `"updates": [`, "show", id, "--json")
	run(cli.ExitFine, "**This incident is not over.**", "postmortem")
	run(cli.ExitUsage, "there is no incident nothere", "postmortem", "nothere")
	report := func(want int, says string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		code := cli.Run(ctx, append(append([]string{"report"}, args...), "--data", dir), &out, &out)
		if code != want || !strings.Contains(out.String(), says) {
			t.Errorf("report %v: exit %d, want %d with %q\n%s", args, code, want, says, out.String())
		}
	}
	report(cli.ExitFine, "Web: outage  critical, not over")
	report(cli.ExitFine, "Uptime of Test, 30d", "--window", "30d")
	report(cli.ExitFine, "Web / ", "--monitors")
	report(cli.ExitFine, "| service | uptime |", "--format", "md")
	report(cli.ExitFine, `"incidents": [`, "--format", "json")
	report(cli.ExitUsage, `there is no format "pdf"`, "--format", "pdf")
	report(cli.ExitUsage, "that month has not begun", "--month", "2999-01")
	report(cli.ExitUsage, "want 24h, 7d, 30d, 90d, or a month", "--month", "May")
	with(func(s *store.Store) {
		pending, err := s.Outbox(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, p := range pending {
			told = append(told, string(p.Notification.Tier)+" "+string(p.Notification.Event))
		}
		if got := strings.Join(told, ", "); got != "oncall opened, customers opened, customers updated, oncall updated" && got != "oncall opened, customers opened, oncall updated, customers updated" {
			t.Errorf("outbox: %s", got)
		}
		page, _, err := s.Snapshot(ctx)
		if err != nil || len(page.Incidents) != 1 || page.Incidents[0].Next.IsZero() || page.Incidents[0].Updates[0].Text != "New <b>balancers</b> are coming." {
			t.Errorf("page: %+v, %v", page.Incidents, err)
		}
		for _, u := range page.Incidents[0].Updates {
			if strings.Contains(u.Text, "office") || strings.Contains(u.Text, "Acknowledged") {
				t.Errorf("the page shows what is for operators: %s", u.Text)
			}
		}
	})
}

// TestIncidentsByHand: people open and resolve what no monitor sees.
func TestIncidentsByHand(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	now := func() time.Time { return time.Now().UTC() }
	db, err := bolt.Open(local.TableFile(dir), now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.New(db, now).PutConfig(ctx, &monitor.Config{
		Site: monitor.Site{Name: "Test", TimeZone: "UTC"}, Locations: []monitor.Location{monitor.Local},
		Monitors: []monitor.Monitor{{ID: "web", Service: "web", TCP: &monitor.TCP{Address: "web.example.com:443"}}},
		Services: []monitor.Service{{ID: "web", Name: "Web", Monitors: []monitor.ID{"web"}, Needs: 1}},
		Tiers:    []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}},
	}, 0, "test")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	run := func(want int, says string, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		code := cli.Run(ctx, append(append([]string{"incident"}, args...), "--data", dir), &out, &out)
		if code != want || !strings.Contains(out.String(), says) {
			t.Errorf("%v: exit %d, want %d with %q\n%s", args, code, want, says, out.String())
		}
		return out.String()
	}
	run(cli.ExitUsage, "the impact must be", "open", "payments are delayed", "--service", "web", "--text", "We look into it.")
	run(cli.ExitUsage, "no such service", "open", "payments are delayed", "--service", "shop", "--impact", "major", "--text", "We look into it.")
	declared, _, _ := strings.Cut(run(cli.ExitFine, "opened", "open", "payments are delayed", "--service", "web", "--impact", "major", "--text", "We look into it.", "--next", "30m"), ":")
	run(cli.ExitUsage, "has an open incident already", "open", "again", "--service", "web", "--impact", "minor", "--text", "x")
	run(cli.ExitFine, "Web: payments are delayed", "show")
	run(cli.ExitFine, "updated", "update", "DNS points elsewhere.", "--drain", "1h")
	run(cli.ExitFine, "resolved", "resolve", declared, "--text", "All is well.")
	run(cli.ExitUsage, "the incident is over", "resolve", declared)
}
