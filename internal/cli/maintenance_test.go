package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/local"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/bolt"
	"github.com/sondehq/sonde/internal/uptime"
)

// site is a store with one service, and a way to run the command on it.
type site struct {
	t   *testing.T
	dir string
}

func (s site) with(do func(*store.Store)) {
	s.t.Helper()
	now := func() time.Time { return time.Now().UTC() }
	db, err := bolt.Open(local.TableFile(s.dir), now)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	do(store.New(db, now))
}

func newSite(t *testing.T, plans ...monitor.Plan) site {
	t.Helper()
	s := site{t, t.TempDir()}
	cfg := &monitor.Config{
		Site: monitor.Site{Name: "Test", TimeZone: "America/Los_Angeles"}, Locations: []monitor.Location{monitor.Local},
		Monitors: []monitor.Monitor{{ID: "web", Service: "web", Every: time.Minute, TCP: &monitor.TCP{Address: "web.example.com:443"}}},
		Services: []monitor.Service{{ID: "web", Name: "Web", Monitors: []monitor.ID{"web"}, Needs: 1}},
		Tiers:    []monitor.Tier{{ID: "oncall", Impact: monitor.ImpactMinor}, {ID: "customers", Impact: monitor.ImpactMajor, Public: true}},

		Maintenance: plans,
	}
	s.with(func(st *store.Store) {
		if _, err := st.PutConfig(context.Background(), cfg, 0, "test"); err != nil {
			t.Fatal(err)
		}
		stages := pipeline.New(pipeline.Deps{Store: st, Now: func() time.Time { return time.Now().UTC() }, Fresh: time.Minute})
		if err := stages.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
	return s
}

func (s site) run(want int, says string, args ...string) string {
	s.t.Helper()
	var out bytes.Buffer
	code := cli.Run(context.Background(), append(args, "--data", s.dir), &out, &out)
	if code != want || !strings.Contains(out.String(), says) {
		s.t.Errorf("%v: exit %d, want %d with %q\n%s", args, code, want, says, out.String())
	}
	return out.String()
}

func (s site) snapshot() (snapshot store.Snapshot) {
	s.with(func(st *store.Store) {
		var err error
		if snapshot, _, err = st.Snapshot(context.Background()); err != nil {
			s.t.Fatal(err)
		}
	})
	return snapshot
}

// TestMaintenanceCommands: what people plan and end takes effect at once, on the
// page and in the outbox.
func TestMaintenanceCommands(t *testing.T) {
	s := newSite(t, monitor.Plan{ID: "weekly", Title: "Weekly", Cron: "0 3 * * SUN", TimeZone: "UTC", Duration: time.Hour})
	run := func(want int, says string, args ...string) string {
		t.Helper()
		return s.run(want, says, append([]string{"maintenance"}, args...)...)
	}
	run(cli.ExitUsage, "which services it is of must be said", "add", "Move")
	run(cli.ExitUsage, "there is no service shop", "add", "Move", "--service", "shop", "--for", "1h")
	run(cli.ExitUsage, "--end or --for: an end is needed", "add", "Move", "--service", "web")
	run(cli.ExitUsage, "--for: -5m0s is negative", "add", "Move", "--service", "web", "--for=-5m")
	run(cli.ExitUsage, "--for: a window of 2d is not over before the next begins, 1d after it", "add", "Move", "--service", "web", "--cron", "0 3 * * *", "--for", "48h")
	run(cli.ExitUsage, "--start: expected a time", "add", "Move", "--all", "--start", "soon", "--for", "1h")
	run(cli.ExitUsage, "has passed", "add", "Move", "--all", "--start", "2019-05-28 18:00", "--for", "1h")
	run(cli.ExitUsage, "--cron: the hour is \"25\"", "add", "Move", "--all", "--cron", "0 25 * * *", "--for", "1h")
	run(cli.ExitUsage, "there is a maintenance weekly already", "add", "Move", "--all", "--id", "weekly", "--for", "1h")
	run(cli.ExitFine, "would be planned (--dry-run)\n  next  ", "add", "Patches", "--all", "--rrule", "FREQ=MONTHLY;BYDAY=2TU", "--start", "2026-01-13 23:00", "--for", "2h", "--dry-run")
	if out := run(cli.ExitFine, "weekly  from Sat ", "list"); strings.Count(out, "\n") != 1 {
		t.Errorf("a dry run planned something:\n%s", out)
	}

	run(cli.ExitFine, "move: planned", "add", "Move to <new> balancers", "--service", "web", "--for", "1h", "--id", "move", "--text", "Hold on.")
	snapshot := s.snapshot()
	if got := snapshot.Services[0].Status; got != monitor.InMaintenance {
		t.Errorf("the page shows %s, want maintenance", got)
	}
	if m := snapshot.Maintenance; len(m) == 0 || m[0].State != store.MaintenanceInProgress || m[0].Text != "Hold on." || len(m[0].Services) != 1 {
		t.Errorf("maintenance on the page: %+v", m)
	}
	s.run(cli.ExitFine, " more; measured: not known", "status")
	run(cli.ExitFine, "move  going on until", "list")
	run(cli.ExitFine, `"going": {`, "list", "--json")
	s.with(func(st *store.Store) {
		pending, err := st.Outbox(context.Background(), 10)
		if err != nil || len(pending) != 1 || pending[0].Notification.Tier != "customers" {
			t.Errorf("outbox: %+v, %v; want one message to customers", pending, err)
		}
	})

	run(cli.ExitFine, "move: ended", "end", "move")
	run(cli.ExitUsage, "it was ended", "end", "move")
	run(cli.ExitUsage, "weekly stands in monitors.yaml", "end", "weekly")
	run(cli.ExitUsage, "there is no maintenance none", "end", "none")
	run(cli.ExitFine, "ended by ", "show", "move")
	run(cli.ExitFine, `"ended_by": "`, "show", "move", "--json")
	if got := s.snapshot(); got.Services[0].Status == monitor.InMaintenance || len(got.Maintenance) < 2 {
		t.Errorf("after the end: %s, %+v", got.Services[0].Status, got.Maintenance)
	}
	s.with(func(st *store.Store) {
		pending, _ := st.Outbox(context.Background(), 10)
		if len(pending) != 2 {
			t.Errorf("%d messages in the outbox, want the beginning and the end", len(pending))
		}
	})

	run(cli.ExitFine, "later: planned", "add", "Later", "--all", "--start", "2036-12-01 22:00", "--end", "2036-12-01 23:00", "--id", "later")
	run(cli.ExitFine, "later: taken back", "end", "later")
	run(cli.ExitFine, "nightly: planned", "add", "Nightly", "--all", "--cron", "0 3 * * *", "--for", "1h", "--id", "nightly")
	run(cli.ExitFine, "nightly: ", "end", "nightly", "--for-good")
	run(cli.ExitFine, "nightly  cancelled", "list", "--over")
	run(cli.ExitUsage, "did you mean 72h? days are written as hours", "add", "Long", "--all", "--for", "3d")
}

// TestMaintenanceChanged: one time of what comes round is left out; what takes
// longer goes on, also when it has just ended; and what was ended by a person does
// not.
func TestMaintenanceChanged(t *testing.T) {
	now := time.Now().UTC()
	s := newSite(t,
		monitor.Plan{ID: "weekly", Title: "Weekly", Cron: "0 3 * * SUN", TimeZone: "UTC", Duration: time.Hour},
		monitor.Plan{ID: "moving", Title: "Moving", Starts: now.Add(-time.Hour), Ends: now.Add(time.Hour), TimeZone: "UTC"})
	run := func(want int, says string, args ...string) string {
		t.Helper()
		return s.run(want, says, append([]string{"maintenance"}, args...)...)
	}
	run(cli.ExitFine, "planned", "add", "Daily", "--all", "--cron", "0 3 * * *", "--for", "1h", "--time-zone", "UTC", "--id", "daily")
	days := []string{now.AddDate(0, 0, 2).Format(time.DateOnly), now.AddDate(0, 0, 4).Format(time.DateOnly)}
	run(cli.ExitFine, "daily: leaves out ", "skip", "daily", "--on", days[1])
	run(cli.ExitFine, "daily: leaves out ", "skip", "daily", "--on", days[0])
	run(cli.ExitFine, "not on "+days[0]+", "+days[1], "show", "daily")
	run(cli.ExitUsage, "leaves out "+days[0]+" already", "skip", "daily", "--on", days[0])
	run(cli.ExitUsage, "it is past", "skip", "daily", "--on", now.AddDate(0, 0, -3).Format(time.DateOnly))
	run(cli.ExitUsage, "--on: expected a day", "skip", "daily", "--on", "tomorrow")
	run(cli.ExitUsage, "write `except: ["+days[0]+"]` there", "skip", "weekly", "--on", days[0])
	run(cli.ExitUsage, "there is no maintenance none", "skip", "none", "--on", days[0])

	run(cli.ExitFine, "planned", "add", "Move", "--all", "--for", "1h", "--id", "move")
	run(cli.ExitUsage, "is planned for once", "skip", "move", "--on", days[0])
	run(cli.ExitUsage, "give --until TIME, or --for D", "extend", "move")
	run(cli.ExitUsage, "has passed", "extend", "move", "--until", "2026-01-01 00:00")
	run(cli.ExitUsage, "not before", "extend", "move", "--for", "10m")
	run(cli.ExitUsage, "at most 31 days", "extend", "move", "--for", "800h")
	run(cli.ExitUsage, "each of its times would be longer", "extend", "daily", "--for", "1h")
	run(cli.ExitUsage, "weekly stands in monitors.yaml", "extend", "weekly", "--for", "1h")
	run(cli.ExitFine, "move: lasts until ", "extend", "move", "--for", "2h")
	s.with(func(st *store.Store) {
		pending, err := st.Outbox(context.Background(), 10)
		texts := ""
		for _, p := range pending {
			if p.Notification.Title == "Move" {
				texts += p.Notification.Text + ";"
			}
		}
		if err != nil || strings.Count(texts, ";") != 2 || !strings.Contains(texts, "It takes longer than planned: until ") {
			t.Errorf("customers are told %q, %v", texts, err)
		}
	})
	run(cli.ExitFine, "move: ended", "end", "move")
	run(cli.ExitUsage, "does not begin again", "extend", "move", "--for", "3h")

	run(cli.ExitFine, "moving: ended", "end", "moving")
	run(cli.ExitFine, "moving  ended ", "list")
	run(cli.ExitFine, "and does not begin again", "show", "moving")
	run(cli.ExitFine, `"ended": {`, "list", "--json")
}

// TestMaintenanceGoesOn: what has ended by itself goes on when it is made longer.
func TestMaintenanceGoesOn(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	s := newSite(t)
	s.with(func(st *store.Store) {
		m, err := st.Maintenance(context.Background(), now)
		if err != nil {
			t.Fatal(err)
		}
		made := now.Add(-3 * time.Hour)
		op, err := m.PlanOp(monitor.Plan{ID: "move", Title: "Move", Starts: now.Add(-2 * time.Hour), Ends: now.Add(-time.Hour), TimeZone: "UTC", Since: made, Created: made})
		if err == nil {
			err = st.Commit(context.Background(), op)
		}
		if err != nil {
			t.Fatal(err)
		}
		stages := pipeline.New(pipeline.Deps{Store: st, Now: func() time.Time { return time.Now().UTC() }, Fresh: time.Minute})
		if err := stages.Maintain(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
	s.run(cli.ExitFine, "move: lasts until ", "maintenance", "extend", "move", "--for", "1h")
	s.run(cli.ExitFine, "move  going on until", "maintenance", "list")
	if got := s.snapshot().Services[0].Status; got != monitor.InMaintenance {
		t.Errorf("the page shows %s, want maintenance", got)
	}
	if out := s.run(cli.ExitFine, "", "maintenance", "show", "move"); strings.Count(out, "  was   ") != 2 {
		t.Errorf("want two runs:\n%s", out)
	}
}

// TestEndInFirstMinute: what comes round and has begun can be ended before a sweep
// has seen that it did; nobody is told, and it does not begin.
func TestEndInFirstMinute(t *testing.T) {
	s := newSite(t)
	now := time.Now().UTC()
	made := now.Add(-48 * time.Hour)
	s.with(func(st *store.Store) {
		m, err := st.Maintenance(context.Background(), now)
		if err != nil {
			t.Fatal(err)
		}
		op, err := m.PlanOp(monitor.Plan{ID: "daily", Title: "Daily", RRule: "FREQ=DAILY", TimeZone: "UTC", Starts: now.Truncate(time.Minute).Add(-24 * time.Hour), Duration: time.Hour, Since: made, Created: made})
		if err == nil {
			err = st.Commit(context.Background(), op)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	s.run(cli.ExitFine, "daily: ended", "maintenance", "end", "daily")
	if got := s.snapshot().Services[0].Status; got == monitor.InMaintenance {
		t.Errorf("the page shows %s", got)
	}
	s.with(func(st *store.Store) {
		if pending, err := st.Outbox(context.Background(), 10); err != nil || len(pending) != 0 {
			t.Errorf("outbox: %+v, %v; want nothing", pending, err)
		}
	})
}

// TestMaintenanceNotes: validate says of plans what is likely not meant.
func TestMaintenanceNotes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	text := `monitors: [{id: db, tcp: "db.example.com:5432"}, {id: mid, tcp: "mid.example.com:443"}, {id: shop, tcp: "shop.example.com:443"}]
services: [{id: db, monitors: [db]}, {id: mid, monitors: [mid], depends_on: [db]}, {id: shop, monitors: [shop], depends_on: [mid]}]
tiers: [{id: oncall}]
maintenance:
  - {id: some, title: T, services: db, cron: 0 3 * * *, duration: 1h}
  - {id: most, title: T, services: [db, mid], cron: 0 4 * * *, duration: 1h}
  - {id: with, title: T, services: db, dependents: true, cron: 0 5 * * *, duration: 1h}
  - {id: once, title: T, services: all, starts: 2026-01-01 00:00, duration: 1h}
  - {id: rule, title: T, services: all, rrule: FREQ=DAILY;COUNT=3, starts: 2026-01-01 00:00, duration: 1h}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := cli.Run(context.Background(), []string{"validate", file}, &bytes.Buffer{}, &out); code != cli.ExitFine {
		t.Errorf("exit %d", code)
	}
	want := `sonde: note: maintenance some: mid and shop depend on db and are not in it: their downtime counts (dependents: true takes them in)
sonde: note: maintenance most: shop depends on db and mid and is not in it: its downtime counts (dependents: true takes them in)
sonde: note: maintenance once was over Thu 2026-01-01 01:00 UTC: what was planned in hindsight is none
sonde: note: maintenance rule does not come round any more
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// TestCorrect: a correction changes the figures of report and page alike, one of a
// frozen month only when that is asked for, and is listed.
func TestCorrect(t *testing.T) {
	s := newSite(t)
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	const form = "2006-01-02 15:04"
	now := time.Now().UTC()
	local := now.Add(-uptime.FreezeAfter).In(zone)
	first := time.Date(local.Year(), local.Month(), 1, 0, 0, 0, 0, zone)
	month := first.AddDate(0, -1, 0)
	down, up := month.AddDate(0, 0, 4), month.AddDate(0, 0, 4).Add(10*time.Hour)
	recent, over := now.Add(-5*time.Hour).Truncate(time.Minute), now.Add(-3*time.Hour).Truncate(time.Minute)
	rollup := func(st *store.Store) {
		stages := pipeline.New(pipeline.Deps{Store: st, Now: func() time.Time { return time.Now().UTC() }, Fresh: time.Minute})
		if err := stages.Rollup(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	s.with(func(st *store.Store) {
		for _, f := range []monitor.Flip{
			{At: month.Add(-time.Hour), To: "operational"}, {At: down, To: "major_outage"}, {At: up, To: "operational"},
			{At: recent, To: "major_outage"}, {At: over, To: "operational"},
		} {
			f.Service, f.Decided = "web", f.At
			op, err := store.FlipOp(f)
			if err == nil {
				err = st.Commit(context.Background(), op)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		rollup(st)
	})
	name := month.Format("2006-01")
	before := s.report("--month", name)
	if before.Services[0].Frozen.IsZero() || before.Services[0].DownS != 36000 {
		t.Fatalf("the month before: %+v", before.Services[0])
	}
	// A flip that comes to be known later changes nothing of a frozen month.
	s.with(func(st *store.Store) {
		op, _ := store.FlipOp(monitor.Flip{Service: "web", At: month.AddDate(0, 0, 10), Decided: now, To: "major_outage"})
		back, _ := store.FlipOp(monitor.Flip{Service: "web", At: month.AddDate(0, 0, 11), Decided: now, To: "operational"})
		if err := st.Commit(context.Background(), op, back); err != nil {
			t.Fatal(err)
		}
		rollup(st)
	})
	if again := s.report("--month", name); again.Services[0].DownS != 36000 {
		t.Errorf("a frozen month changed: %+v", again.Services[0])
	}

	span := func(from, to time.Time) []string {
		return []string{"correct", "web", "--from", from.In(zone).Format(form), "--to", to.In(zone).Format(form), "--reason", "our own firewall"}
	}
	s.run(cli.ExitUsage, "--as is", span(recent, over)...)
	s.run(cli.ExitUsage, "--to is not after --from", append(span(over, recent), "--as", "up")...)
	s.run(cli.ExitUsage, "--to is in the future", append(span(recent, now.Add(time.Hour)), "--as", "up")...)
	s.run(cli.ExitUsage, "a correction needs a reason", append(span(recent, over), "--as", "up", "--reason", " ")...)
	s.run(cli.ExitUsage, "are frozen since", append(span(down, down.Add(time.Hour)), "--as", "up")...)
	s.run(cli.ExitFine, "a frozen month was amended", append(span(down, down.Add(time.Hour)), "--as", "up", "--amend")...)
	s.run(cli.ExitFine, "was ", "report", "--month", name)
	after := s.report("--month", name).Services[0]
	if len(after.Amended) != 1 || after.Amended[0].Reason != "our own firewall" || len(after.Corrections) != 1 {
		t.Errorf("amended: %+v", after)
	}

	s.run(cli.ExitFine, "web: up from", append(span(recent, recent.Add(time.Hour)), "--as", "up")...)
	// The page, the API and the report say the same.
	snapshot := s.snapshot()
	day := snapshot.Services[0].Uptime[0]
	if day.Window != "24h" || day.DownS != 3600 || day.Raw >= day.Uptime {
		t.Errorf("24h on the page: %+v, want one hour of downtime, and two as measured", day)
	}
	report := s.report("--window", "24h").Services[0]
	if report.DownS != day.DownS {
		t.Errorf("the report says %d s of downtime, the page %d", report.DownS, day.DownS)
	}
	s.with(func(st *store.Store) {
		answer := httptest.NewRecorder()
		api.New(api.Deps{Reader: st, Now: func() time.Time { return time.Now().UTC() }}).ServeHTTP(answer, httptest.NewRequest("GET", "/api/v1/status", nil))
		if want := fmt.Sprintf(`"down_s":%d`, day.DownS); !strings.Contains(strings.ReplaceAll(answer.Body.String(), " ", ""), want) {
			t.Errorf("the API does not say %s: %d %s", want, answer.Code, answer.Body)
		}
	})
}

type reported struct {
	Services []struct {
		DownS       int64     `json:"down_s"`
		Uptime      float64   `json:"uptime"`
		Frozen      time.Time `json:"frozen"`
		Corrections []struct{ Reason string }
		Amended     []struct{ Reason string }
	}
}

func (s site) report(args ...string) (r reported) {
	s.t.Helper()
	out := s.run(cli.ExitFine, "{", append([]string{"report", "--format", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Services) != 1 {
		s.t.Fatalf("report: %v\n%s", err, out)
	}
	return r
}
