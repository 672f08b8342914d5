package cli_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/api"
	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

const clock = "2006-01-02 15:04"

// pacific is the zone of newSite, lastMonth the last of its months that is to be
// frozen by now, and its name.
func pacific(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func lastMonth(t *testing.T) (uptime.Window, string) {
	t.Helper()
	return uptime.Finished(time.Now().UTC(), pacific(t))
}

// was records that the service, and its monitor, were something from a time on.
func (s site) was(changes map[time.Time]monitor.Status) {
	s.t.Helper()
	states := map[monitor.Status]monitor.State{monitor.Operational: monitor.Up, monitor.MajorOutage: monitor.Down, monitor.NotKnown: monitor.Unknown}
	s.with(func(st *store.Store) {
		last := monitor.NotKnown
		for _, at := range slices.SortedFunc(maps.Keys(changes), time.Time.Compare) {
			status := changes[at]
			own, err := store.FlipOp(monitor.Flip{Service: "web", At: at, Decided: at, From: string(last), To: string(status)})
			if err != nil {
				s.t.Fatal(err)
			}
			its, err := store.FlipOp(monitor.Flip{Service: "web", Monitor: "web", At: at, Decided: at, From: string(states[last]), To: string(states[status])})
			last = status
			if err == nil {
				err = st.Commit(context.Background(), own, its)
			}
			if err != nil {
				s.t.Fatal(err)
			}
		}
	})
}

func (s site) rollup() {
	s.t.Helper()
	s.with(func(st *store.Store) {
		stages := pipeline.New(pipeline.Deps{Store: st, Now: func() time.Time { return time.Now().UTC() }, Fresh: time.Hour})
		if err := stages.Rollup(context.Background()); err != nil {
			s.t.Fatal(err)
		}
	})
}

func (s site) planned(id string, from time.Time, d time.Duration) {
	s.t.Helper()
	s.with(func(st *store.Store) {
		m, err := st.Maintenance(context.Background(), time.Now().UTC())
		if err != nil {
			s.t.Fatal(err)
		}
		ops, err := m.RunOps(maintenance.Run{ID: id, Plan: monitor.PlanID(id), Title: "Patches", All: true, From: from, To: from.Add(d), Ended: from.Add(d)}, nil)
		if err == nil {
			err = st.Commit(context.Background(), ops...)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	})
}

func (s site) correct(want int, says string, from, to time.Time, more ...string) string {
	s.t.Helper()
	zone := pacific(s.t)
	return s.run(want, says, append([]string{"correct", "web", "--from", from.In(zone).Format(clock), "--to", to.In(zone).Format(clock), "--as", "up", "--reason", "our own firewall"}, more...)...)
}

func (s site) get(path string) (body string) {
	s.t.Helper()
	s.with(func(st *store.Store) {
		w := httptest.NewRecorder()
		api.New(api.Deps{Reader: st, History: st, Now: func() time.Time { return time.Now().UTC() }}).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		body = strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(w.Body.String())
	})
	return body
}

func (s site) apply(change func(*monitor.Config)) {
	s.t.Helper()
	s.with(func(st *store.Store) {
		cfg, err := st.Config(context.Background())
		if err != nil {
			s.t.Fatal(err)
		}
		changed := *cfg
		change(&changed)
		if _, err := st.PutConfig(context.Background(), &changed, cfg.Version, "test"); err != nil {
			s.t.Fatal(err)
		}
	})
}

// TestOneFigure: page, API, badge and report, in each of its forms, say one figure
// of a service and one of its monitor, in every window and in a calendar month, with
// maintenance, corrections and a gap in it, going on and frozen.
func TestOneFigure(t *testing.T) {
	s := newSite(t)
	now := time.Now().UTC().Truncate(time.Minute)
	month, name := lastMonth(t)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const day = 24 * time.Hour
	up, down, gap := monitor.Operational, monitor.MajorOutage, monitor.NotKnown
	s.was(map[time.Time]monitor.Status{
		ago(200 * day): up, ago(70 * day): gap, ago(69 * day): up, month.From.Add(5*day + time.Hour): down, month.From.Add(5*day + 11*time.Hour): up,
		month.From.Add(8 * day): gap, month.From.Add(8*day + 7*time.Hour): up, ago(20 * time.Hour): gap, ago(19 * time.Hour): up, ago(5 * time.Hour): down, ago(3 * time.Hour): up,
	})
	s.planned("old", month.From.Add(5*day), 3*time.Hour)
	s.planned("new", ago(10*time.Hour), 90*time.Minute)
	s.rollup()
	s.correct(cli.ExitFine, "amended", month.From.Add(5*day+9*time.Hour), month.From.Add(5*day+10*time.Hour), "--amend")
	s.correct(cli.ExitFine, "web: up", ago(5*time.Hour), ago(4*time.Hour))

	page := regexp.MustCompile(`(?s)<tr>.*?</tr>`).FindAllString(s.get("/services/web"), -1)
	running := now.In(pacific(t)).Format("2006-01")
	for i, window := range []string{"24h", "7d", "30d", "90d", name, running} {
		var own struct{ Uptime, Raw, Coverage float64 }
		if err := json.Unmarshal([]byte(s.get("/api/v1/services/web/uptime?window="+window)), &own); err != nil {
			t.Fatal(err)
		}
		if own.Uptime <= own.Raw || own.Coverage >= 1 && window != running {
			t.Errorf("%s: %+v: the test sees no difference", window, own)
		}
		var its struct{ Uptime, Coverage float64 }
		if err := json.Unmarshal([]byte(s.get("/api/v1/monitors/web/uptime?window="+window)), &its); err != nil {
			t.Fatal(err)
		}
		flag := "--window"
		if i >= 4 {
			flag = "--month"
		}
		var r struct {
			Services []struct {
				Uptime, Coverage float64
				Monitors         []struct{ Uptime, Coverage float64 }
			}
		}
		if err := json.Unmarshal([]byte(s.run(cli.ExitFine, "{", "report", flag, window, "--format", "json", "--monitors")), &r); err != nil {
			t.Fatal(err)
		}
		text := s.run(cli.ExitFine, "", "report", flag, window, "--monitors")
		rows, err := csv.NewReader(strings.NewReader(s.run(cli.ExitFine, "", "report", flag, window, "--format", "csv", "--monitors"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		row := map[string]string{"24h": ">Last 24 hours<|>24 hours<", "7d": "7 days<", "30d": "30 days<", "90d": "90 days<"}[window]
		if row == "" {
			first, _ := time.Parse("2006-01", window)
			row = ">" + first.Format("January 2006")
		}
		figures := map[string]string{
			"page":           find(t, strings.Join(page, "\n"), `(?s)(?:`+row+`)[^%]*?>([0-9.]+)%`),
			"badge":          find(t, s.get("/badge/web/uptime/"+window+".json"), `"message":"([0-9.]+)%"`),
			"text":           find(t, text, `(?m)^Web +([0-9.]+) %`),
			"csv":            percents(t, rows[1][5]),
			"json":           fmt.Sprint(r.Services[0].Uptime * 100),
			"monitor, badge": find(t, s.get("/badge/web.web/uptime/"+window+".json"), `"message":"([0-9.]+)%"`),
			"monitor, API":   fmt.Sprint(its.Uptime * 100),
			"monitor, text":  find(t, text, `(?m)^Web / web +([0-9.]+) %`),
			"monitor, csv":   percents(t, rows[2][5]),
			"monitor, json":  fmt.Sprint(r.Services[0].Monitors[0].Uptime * 100),
		}
		for of, got := range figures {
			share, err := strconv.ParseFloat(got, 64)
			digits := len(got[strings.Index(got+".", "."):]) - 1
			unit := math.Pow10(-min(digits, 6))
			slack := 1e-9
			if window == running {
				slack = 2e-3 // it has gone on since
			}
			if behind := own.Uptime*100 - share; err != nil || behind < -slack || behind >= unit+slack {
				t.Errorf("%s, %s: %s, want %v rounded down", window, of, got, own.Uptime*100)
			}
		}
		if math.Abs(r.Services[0].Coverage-own.Coverage) > 1e-6 || math.Abs(its.Coverage-own.Coverage) > 2e-6 {
			t.Errorf("%s: observed %v in the report, %v of the monitor, want %v", window, r.Services[0].Coverage, its.Coverage, own.Coverage)
		}
	}
}

func find(t *testing.T, text, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in\n%s", pattern, text)
	}
	return m[1]
}

func percents(t *testing.T, share string) string {
	t.Helper()
	f, err := strconv.ParseFloat(share, 64)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatFloat(f*100, 'f', 4, 64)
}

// TestStableMonitor: a monitor that never changed within what is read has figures,
// in the report as on the page.
func TestStableMonitor(t *testing.T) {
	s := newSite(t)
	old := time.Now().UTC().Add(-500 * 24 * time.Hour)
	s.with(func(st *store.Store) {
		ctx := context.Background()
		state, err := st.State(ctx, "web")
		if err != nil {
			t.Fatal(err)
		}
		d := state.Service
		d.Status, d.Since, d.Flipped, d.Alive, d.Total = monitor.Operational, old, true, 1, 1
		m := d.Details["web"]
		m.Settled, m.Since, m.Flipped = monitor.Up, old, true
		d.Details["web"] = m
		op, err := store.StateOp(d, state.Version)
		if err == nil {
			err = st.Commit(ctx, op)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	s.rollup()
	find(t, s.run(cli.ExitFine, "", "report", "--window", "90d", "--monitors"), `(?m)^Web / web +(100) %.* 100 %$`)
	if got := s.snapshot().Services[0].Monitors[0].Uptime["90d"]; got != 1 {
		t.Errorf("on the page's side it is %v", got)
	}
}

// TestAmendKeepsTheRest: a correction of a frozen month changes what it says, and
// takes in nothing that was found since; withdrawn, all is as it was frozen.
func TestAmendKeepsTheRest(t *testing.T) {
	s := newSite(t)
	month, name := lastMonth(t)
	d := month.From.Add(100 * time.Hour)
	s.was(map[time.Time]monitor.Status{month.From.Add(-time.Hour): monitor.Operational, d: monitor.MajorOutage, d.Add(10 * time.Hour): monitor.Operational})
	s.rollup()
	s.was(map[time.Time]monitor.Status{d.Add(100 * time.Hour): monitor.MajorOutage, d.Add(124 * time.Hour): monitor.Operational})
	s.rollup()
	s.correct(cli.ExitUsage, "are frozen since", d, d.Add(time.Hour))
	id := find(t, s.correct(cli.ExitFine, "amended", d, d.Add(time.Hour), "--amend"), `\(([a-z2-7]{12})\)`)
	if got := s.report("--month", name).Services[0].DownS; got != 9*3600 {
		t.Errorf("%d s of downtime, want nine hours", got)
	}
	s.run(cli.ExitFine, id+"  web  up from", "correct", "--list")
	s.run(cli.ExitUsage, "there is no service other", "correct", "--list", "other")
	s.run(cli.ExitUsage, "a correction needs a reason", "correct", "--withdraw", id)
	s.run(cli.ExitUsage, "there is no correction nothing", "correct", "--withdraw", "nothing", "--reason", "x")
	s.run(cli.ExitUsage, "are frozen since", "correct", "--withdraw", id, "--reason", "it was down")
	s.run(cli.ExitFine, "is withdrawn", "correct", "--withdraw", id, "--reason", "it was down", "--amend")
	s.run(cli.ExitUsage, "was withdrawn at", "correct", "--withdraw", id, "--reason", "it was down", "--amend")
	s.run(cli.ExitFine, "    withdrawn: it was down (", "correct", "--list", "web")
	s.run(cli.ExitFine, `"withdrawn": {`, "correct", "--list", "--json")
	r := s.report("--month", name).Services[0]
	if r.DownS != 10*3600 || len(r.Corrections) != 0 || len(r.Amended) != 2 {
		t.Errorf("withdrawn: %+v, want ten hours again", r)
	}
	s.run(cli.ExitFine, "until the withdrawal of", "report", "--month", name)
	if got := s.snapshot().Services[0].Months; got[len(got)-2].DownS != 10*3600 && got[len(got)-1].DownS != 10*3600 {
		t.Errorf("months on the page: %+v", got)
	}
}

// TestOldMonth: a frozen month is told however old it is, one that was not is not
// known, and cannot be corrected.
func TestOldMonth(t *testing.T) {
	s := newSite(t)
	may := uptime.Month(2019, time.May, pacific(t))
	s.with(func(st *store.Store) {
		f := uptime.Figures{Service: "web", Month: "2019-05", Window: may, Frozen: may.To.Add(24 * time.Hour), Adjusted: uptime.Seconds{Up: may.Duration() - 410*time.Minute, Down: 410 * time.Minute}}
		f.Raw = f.Adjusted
		op, err := store.FiguresOp(f, 0)
		if err == nil {
			err = st.Commit(context.Background(), op)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	s.rollup()
	s.run(cli.ExitFine, "99.08 %", "report", "--month", "2019-05")
	find(t, s.get("/api/v1/services/web/uptime?window=2019-05"), `"uptime":(0.9908)`)
	find(t, s.get("/badge/web/uptime/2019-05.json"), `"message":"(99.08%)"`)
	find(t, s.get("/api/v1/services/web/uptime?window=2018-05"), `figures go (back) 400 days`)
	out := s.run(cli.ExitFine, "not known", "report", "--month", "2018-05")
	if strings.Contains(out, "kept for good") {
		t.Errorf("it promises what will not be:\n%s", out)
	}
	s.run(cli.ExitUsage, "nothing is known of web before Wed 2019-05-01", "correct", "web", "--from", "2018-05-01 00:00", "--to", "2018-05-01 01:00", "--as", "up", "--reason", "typo")
	s.run(cli.ExitUsage, "nothing is known of Sat 2019-06-01", "correct", "web", "--from", "2019-05-31 23:00", "--to", "2019-06-01 01:00", "--as", "up", "--reason", "x", "--amend")
	s.run(cli.ExitUsage, "of 2019-05 only the figures", "correct", "web", "--from", "2019-05-31 22:00", "--to", "2019-05-31 23:00", "--as", "up", "--reason", "x", "--amend")
}

// TestTakenOut: a service that is taken out of monitors.yaml is told where it was
// observed, is frozen, and can be corrected; after that nothing is known of it.
func TestTakenOut(t *testing.T) {
	s := newSite(t)
	month, name := lastMonth(t)
	d := month.From.Add(100 * time.Hour)
	s.was(map[time.Time]monitor.Status{month.From.Add(-time.Hour): monitor.Operational, d: monitor.MajorOutage, d.Add(10 * time.Hour): monitor.Operational})
	s.apply(func(c *monitor.Config) {
		c.Monitors = []monitor.Monitor{{ID: "new", Service: "new", Every: time.Minute, TCP: &monitor.TCP{Address: "web.example.com:443"}}}
		c.Services = []monitor.Service{{ID: "new", Name: "New", Monitors: []monitor.ID{"new"}, Needs: 1}}
	})
	for range 2 {
		find(t, s.run(cli.ExitFine, "", "report", "--month", name, "--monitors"), `(?m)^Web +(9[0-9.]+) %`)
		s.rollup()
	}
	s.run(cli.ExitFine, "Web  ", "report", "--window", "7d")
	s.correct(cli.ExitFine, "amended", d, d.Add(time.Hour), "--amend")
	s.run(cli.ExitFine, "corrected to up", "report", "--month", name)
	s.with(func(st *store.Store) {
		gone := time.Now().UTC().Truncate(time.Minute).Add(2 * time.Minute)
		cfg, _ := st.Config(context.Background())
		k, err := st.ServicesIn(context.Background(), cfg, uptime.Window{From: month.From, To: gone})
		if err != nil || len(k) != 2 || k[1].Gone.IsZero() {
			t.Fatalf("%+v, %v", k, err)
		}
		a, _ := st.Adjustments(context.Background(), month.From, gone)
		f, err := st.WindowFigures(context.Background(), k[1], uptime.Window{From: k[1].Gone, To: gone}, a, true)
		if err != nil || f.Adjusted.Observed() != 0 || f.Monitors[0].Adjusted.Observed() != 0 {
			t.Errorf("known after it was taken out: %+v, %v", f, err)
		}
	})
}

// TestMovedZone: a frozen month stays that of the zone in which it was frozen, and
// is amended by what shares time with it.
func TestMovedZone(t *testing.T) {
	s := newSite(t)
	month, name := lastMonth(t)
	s.was(map[time.Time]monitor.Status{month.From.Add(-100 * time.Hour): monitor.Operational, month.To.Add(-2 * time.Hour): monitor.MajorOutage, month.To: monitor.Operational})
	s.rollup()
	s.apply(func(c *monitor.Config) { c.Site.TimeZone = "Asia/Tokyo" })
	s.rollup()
	want := month.From.In(pacific(t)).Format("2006-01-02 15:04 MST")
	s.run(cli.ExitFine, want, "report", "--month", name)
	find(t, s.get("/api/v1/services/web/uptime?window="+name), `"from":"(`+month.From.UTC().Format(time.RFC3339)+`)"`)
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	span := []string{"correct", "web", "--from", month.To.Add(-2 * time.Hour).In(tokyo).Format(clock), "--to", month.To.In(tokyo).Format(clock), "--as", "up", "--reason", "x"}
	s.run(cli.ExitUsage, "the figures of "+name+" are frozen", span...)
	s.run(cli.ExitFine, "amended", append(span, "--amend")...)
	if got := s.report("--month", name).Services[0].DownS; got != 0 {
		t.Errorf("%d s of downtime after the correction, want none", got)
	}
}

// TestRaceWithFreezing: whoever corrects while the month is being frozen, and the
// other way round, does not miss what the other did.
func TestRaceWithFreezing(t *testing.T) {
	s := newSite(t)
	month, name := lastMonth(t)
	d := month.From.Add(100 * time.Hour)
	ctx := context.Background()
	s.was(map[time.Time]monitor.Status{month.From.Add(-time.Hour): monitor.Operational, d: monitor.MajorOutage, d.Add(time.Hour): monitor.Operational})
	s.with(func(st *store.Store) { // as the freezer does, until somebody corrects
		turns, err := st.Adjusting(ctx, "web")
		if err != nil {
			t.Fatal(err)
		}
		a, _ := st.Adjustments(ctx, month.From, month.To)
		f, err := st.Freeze(ctx, store.Known{Service: monitor.Service{ID: "web"}}, name, month, "UTC", a)
		if err != nil {
			t.Fatal(err)
		}
		c, _ := store.CorrectionOp(uptime.Correction{ID: "x", Service: "web", From: d, To: d.Add(time.Hour), As: monitor.Operational, Reason: "race", At: time.Now().UTC()}, 0)
		turn, _ := turns["web"].Op()
		if err := st.Commit(ctx, c, turn); err != nil {
			t.Fatal(err)
		}
		op, _ := store.FiguresOp(f, 0)
		if err := st.Commit(ctx, op, turn); err == nil {
			t.Error("the month was frozen without the correction")
		}
	})
	s.rollup()
	if got := s.report("--month", name).Services[0]; got.DownS != 0 || got.Frozen.IsZero() || len(got.Corrections) != 1 {
		t.Errorf("%+v, want it frozen with the correction", got)
	}
}

// TestReportedIncidents: a report lists what lasted in its time, also what began
// before it, and what is not over.
func TestReportedIncidents(t *testing.T) {
	s := newSite(t)
	month, name := lastMonth(t)
	since := map[string]time.Time{}
	put := func(id string, from, to time.Time) {
		since[id] = from
		s.with(func(st *store.Store) {
			inc := incident.Incident{ID: id, Title: id + ": outage", State: incident.Resolved, Opened: from, Since: from, Resolved: to, Updated: from, Worst: monitor.ImpactMajor,
				Services: []incident.Affected{{ID: "web", Name: "Web", Status: monitor.MajorOutage, Since: from, Restored: to}}}
			if to.IsZero() {
				inc.State = incident.Open
			}
			board, err := st.Board(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			ops, err := store.IncidentOps(board, incident.Effects{Incidents: []incident.Incident{inc}})
			if err == nil {
				err = st.Commit(context.Background(), ops...)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	put("over-before", month.From.Add(-9*time.Hour), month.From.Add(-time.Hour))
	put("begun-before", month.From.Add(-time.Hour), month.From.Add(time.Hour))
	put("open-since", month.From.Add(-50*24*time.Hour), time.Time{})
	put("in-it", month.From.Add(50*time.Hour), month.From.Add(51*time.Hour))
	put("into-the-next", month.To.Add(-time.Hour), month.To.Add(time.Hour))
	put("after", month.To, month.To.Add(time.Hour))
	out := s.run(cli.ExitFine, "", "report", "--month", name)
	for id, want := range map[string]bool{"over-before": false, "begun-before": true, "open-since": true, "in-it": true, "into-the-next": true, "after": false} {
		if strings.Contains(out, "\n  "+since[id].In(pacific(t)).Format("2006-01-02 15:04 MST")) != want {
			t.Errorf("%s listed: %t, want %t\n%s", id, !want, want, out)
		}
	}
}

// TestReportArguments: what is given to the wrong flag is said.
func TestReportArguments(t *testing.T) {
	s := newSite(t)
	s.run(cli.ExitUsage, "a month is such as 2019-05; --window 24h is the time up to now", "report", "--month", "24h")
	s.run(cli.ExitUsage, "for a calendar month give --month", "report", "--window", "2026-11")
	s.run(cli.ExitUsage, "--list changes nothing", "correct", "--list", "--amend")
	s.run(cli.ExitUsage, "--json is for --list", "correct", "web", "--json")
	s.run(cli.ExitUsage, "which service", "correct", "--reason", "x")
	s.run(cli.ExitUsage, "there is no service shop", "correct", "shop", "--from", "2026-01-01 00:00", "--to", "2026-01-01 01:00", "--as", "up", "--reason", "x")
	s.run(cli.ExitUsage, "nothing was observed of web yet", "correct", "web", "--from", "2026-01-01 00:00", "--to", "2026-01-01 01:00", "--as", "up", "--reason", "x")
}
