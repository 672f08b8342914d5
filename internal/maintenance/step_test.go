package maintenance_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
)

var t0 = time.Date(2026, 6, 1, 3, 0, 0, 0, time.UTC)

func after(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

// once is a plan from one minute to another, made at a third.
func once(from, to, made int) monitor.Plan {
	return monitor.Plan{ID: "p", Title: "P", Services: []monitor.ServiceID{"web"}, Starts: after(from), Ends: after(to), TimeZone: "UTC", Since: after(made), Created: after(made)}
}

var site = &monitor.Config{
	Site:     monitor.Site{Name: "Test", TimeZone: "UTC"},
	Services: []monitor.Service{{ID: "web", Name: "Web"}, {ID: "db", Name: "Database"}, {ID: "office", Name: "Back office", Internal: true}},
	Tiers: []monitor.Tier{
		{ID: "oncall"},
		{ID: "administrators", Events: []monitor.Hears{monitor.HearsMaintenance}},
		{ID: "customers", Public: true},
	},
}

// book keeps what Step returns, as the table does.
type book struct {
	runs []maintenance.Run
	told []string // tier: event
}

func (b *book) step(plans []monitor.Plan, now time.Time) maintenance.Effects {
	fx := maintenance.Step(site, plans, b.runs, now)
	for _, r := range fx.Runs {
		at := slices.IndexFunc(b.runs, func(was maintenance.Run) bool { return was.ID == r.ID })
		if at < 0 {
			b.runs = append(b.runs, r)
		} else {
			b.runs[at] = r
		}
		for _, n := range fx.Notifications[r.ID] {
			what := string(n.Event)
			if n.Event == incident.EventMaintenance && n.Receipt != string(n.Event) {
				what = "until"
			}
			b.told = append(b.told, fmt.Sprintf("%s: %s", n.Tier, what))
		}
	}
	return fx
}

func (b *book) spans() (out []string) {
	for _, r := range b.runs {
		text := fmt.Sprintf("%g to %g", r.From.Sub(t0).Minutes(), r.End().Sub(t0).Minutes())
		if !r.IsOver() {
			text += ", going on"
		}
		out = append(out, text)
	}
	return out
}

// TestStep: what runs come of plans that are looked at late, changed, moved, taken
// back and cancelled while they last.
func TestStep(t *testing.T) {
	type look struct {
		at   int // minutes
		plan *monitor.Plan
	}
	p := func(from, to, made int) *monitor.Plan { plan := once(from, to, made); return &plan }
	cancelled := func(from, to, made, at int) *monitor.Plan {
		plan := once(from, to, made)
		plan.Cancelled, plan.CancelledBy = after(at), "anna"
		return &plan
	}
	all := []string{"administrators: maintenance", "customers: maintenance"}
	over := append(slices.Clone(all), "administrators: maintenance-over", "customers: maintenance-over")
	changed := slices.Insert(slices.Clone(over), 2, "administrators: until", "customers: until")
	for _, tt := range []struct {
		name  string
		looks []look
		want  []string
		told  []string
	}{
		{"as planned", []look{{0, p(10, 60, 0)}, {10, p(10, 60, 0)}, {59, p(10, 60, 0)}, {60, p(10, 60, 0)}}, []string{"10 to 60"}, over},
		{"not yet", []look{{9, p(10, 60, 0)}}, nil, nil},
		{"late both times", []look{{25, p(10, 60, 0)}, {300, p(10, 60, 0)}}, []string{"10 to 60"}, over},
		{"slept through", []look{{100, p(10, 60, 0)}}, []string{"10 to 60"}, nil},
		{"slept through for days", []look{{100 + 48*60, p(10, 60, 0)}}, nil, nil},
		{"planned while it lasts", []look{{40, p(10, 60, 30)}}, []string{"30 to 60, going on"}, all},
		{"planned in hindsight", []look{{100, p(10, 60, 90)}}, nil, nil},
		{"made longer", []look{{10, p(10, 60, 0)}, {50, p(10, 90, 50)}, {60, p(10, 90, 50)}, {95, p(10, 90, 50)}}, []string{"10 to 90"}, changed},
		{"made longer when it was over", []look{{10, p(10, 60, 0)}, {60, p(10, 60, 0)}, {70, p(10, 90, 65)}}, []string{"10 to 60", "65 to 90, going on"}, append(slices.Clone(over), all...)},
		{"made longer when it was over, and nobody looked", []look{{10, p(10, 60, 0)}, {70, p(10, 90, 65)}, {95, p(10, 90, 65)}}, []string{"10 to 60", "65 to 90"}, append(slices.Clone(over), over...)},
		{"made longer twice", []look{{10, p(10, 60, 0)}, {60, p(10, 60, 0)}, {70, p(10, 90, 65)}, {92, p(10, 120, 91)}, {93, p(10, 130, 93)}}, []string{"10 to 60", "65 to 90", "91 to 130, going on"}, append(append(slices.Clone(over), over...), changed[:4]...)},
		{"made longer when it was over, in hindsight", []look{{10, p(10, 60, 0)}, {60, p(10, 60, 0)}, {96, p(10, 90, 95)}}, []string{"10 to 60"}, over},
		{"taken out, and put back", []look{{10, p(10, 60, 0)}, {20, nil}, {30, p(10, 60, 30)}}, []string{"10 to 20", "30 to 60, going on"}, append(slices.Clone(over), all...)},
		{"made shorter", []look{{10, p(10, 60, 0)}, {20, p(10, 30, 20)}, {30, p(10, 30, 20)}}, []string{"10 to 30"}, changed},
		{"made shorter in hindsight", []look{{10, p(10, 60, 0)}, {45, p(10, 30, 40)}}, []string{"10 to 40"}, over},
		{"moved while it lasts", []look{{10, p(10, 60, 0)}, {20, p(15, 90, 20)}, {60, p(15, 90, 20)}}, []string{"10 to 90, going on"}, changed[:4]},
		{"moved away while it lasts", []look{{10, p(10, 60, 0)}, {20, p(40, 90, 20)}, {45, p(40, 90, 20)}}, []string{"10 to 20", "40 to 90, going on"}, append(slices.Clone(over), all...)},
		{"taken out", []look{{10, p(10, 60, 0)}, {20, nil}}, []string{"10 to 20"}, over},
		{"taken out when it was over", []look{{10, p(10, 60, 0)}, {80, nil}}, []string{"10 to 60"}, over},
		{"cancelled while it lasts", []look{{10, p(10, 60, 0)}, {25, cancelled(10, 60, 0, 22)}}, []string{"10 to 22"}, over},
		{"cancelled before", []look{{5, cancelled(10, 60, 0, 4)}, {20, cancelled(10, 60, 0, 4)}}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b book
			for _, l := range tt.looks {
				var plans []monitor.Plan
				if l.plan != nil {
					plans = append(plans, *l.plan)
				}
				b.step(plans, after(l.at))
				if again := b.step(plans, after(l.at)); len(again.Runs) > 0 {
					t.Errorf("again at %d: %+v", l.at, again.Runs)
				}
			}
			if diff := cmp.Diff(tt.want, b.spans()); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.told, b.told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEndedByPerson: what a person ended does not begin again, however its plan is
// changed.
func TestEndedByPerson(t *testing.T) {
	var b book
	b.step([]monitor.Plan{once(10, 60, 0)}, after(10))
	b.runs[0].Ended, b.runs[0].EndedBy = after(30), "anna"
	for _, p := range []monitor.Plan{once(10, 60, 0), once(10, 60, 35), once(10, 120, 40)} {
		if fx := b.step([]monitor.Plan{p}, after(50)); len(fx.Coverage) > 0 || len(b.runs) > 1 {
			t.Errorf("it goes on: %+v", b.runs)
		}
	}
}

// TestLongest: one that is moved while it lasts may go on for more than 31 days, as
// several runs, of which Step sees each as long as it matters. Each is told once.
func TestLongest(t *testing.T) {
	const day = 24 * 60
	var b book
	p := once(0, 31*day, 0)
	for hour := 0; hour <= 70*24; hour += 6 {
		if at := hour * 60; at == 20*day {
			p = once(20*day, 51*day, 20*day)
		}
		all := b.runs
		b.runs = slices.DeleteFunc(slices.Clone(all), func(r maintenance.Run) bool { // as the store reads them
			return r.From.Before(after(hour * 60).Add(-maintenance.MaxDuration - maintenance.LookBack))
		})
		seen := len(b.runs)
		fx := b.step([]monitor.Plan{p}, after(hour*60))
		if again := b.step([]monitor.Plan{p}, after(hour*60)); len(again.Runs) > 0 {
			t.Errorf("again at day %d: %+v", hour/24, again.Runs)
		}
		b.runs = append(slices.Clone(all[:len(all)-seen]), b.runs...)
		if w, has := fx.Coverage.Of("web"); has != (hour < 51*24) || has && !w.Contains(after(hour*60)) {
			t.Errorf("day %d: %v, %t", hour/24, w, has)
		}
	}
	if diff := cmp.Diff([]string{fmt.Sprintf("0 to %d", 31*day), fmt.Sprintf("%d to %d", 31*day, 51*day)}, b.spans()); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if len(b.told) != 8 {
		t.Errorf("told: %v", b.told)
	}
}

// TestChangedEnd: who heard that it began hears until when it lasts now.
func TestChangedEnd(t *testing.T) {
	var b book
	b.step([]monitor.Plan{once(10, 60, 0)}, after(10))
	ids := map[string]bool{}
	for i, tt := range []struct {
		to   int
		want string
	}{
		{90, "It takes longer than planned: until 04:30 UTC, not 04:00 UTC."},
		{30, "It is to end earlier than planned: until 03:30 UTC, not 04:30 UTC."},
		{90, "It takes longer than planned: until 04:30 UTC, not 03:30 UTC."},
		{22 * 60, "It takes longer than planned: until 2026-06-02 01:00 UTC, not 2026-06-01 04:30 UTC."},
	} {
		p := once(10, tt.to, 11+i)
		p.Text = "Hold on."
		fx := b.step([]monitor.Plan{p}, after(11+i))
		for _, n := range fx.Notifications[b.runs[0].ID] {
			if n.Text != tt.want+" Hold on." || n.Event != incident.EventMaintenance || !n.Until.Equal(after(tt.to)) {
				t.Errorf("to %d: %+v", tt.to, n)
			}
			ids[n.ID] = true
		}
	}
	if len(ids) != 2*4 {
		t.Errorf("%d different notifications, want 8", len(ids))
	}
}

// TestOverlap: at the end of one window a service may be in another one, and whoever
// hears of the end hears that.
func TestOverlap(t *testing.T) {
	first, second := once(10, 60, 0), once(50, 90, 0)
	second.ID = "q"
	var b book
	for at := 0; at < 60; at += 10 {
		b.step([]monitor.Plan{first, second}, after(at))
	}
	muted := map[monitor.PlanID]time.Time{}
	for _, at := range []int{60, 90} {
		fx := b.step([]monitor.Plan{first, second}, after(at))
		for _, r := range fx.Runs {
			for _, n := range fx.Notifications[r.ID] {
				if n.Event != incident.EventMaintained || len(n.Services) != 1 {
					t.Errorf("at %d: %+v", at, n)
				}
				muted[r.Plan] = n.Services[0].Muted
			}
		}
	}
	if want := map[monitor.PlanID]time.Time{"p": after(90), "q": {}}; !maps.Equal(muted, want) {
		t.Errorf("got %v, want %v", muted, want)
	}
}

// TestServices: what joins a plan while it lasts counts from then on, what leaves
// it until then; what is internal is not told outside.
func TestServices(t *testing.T) {
	var b book
	p := once(10, 60, 0)
	b.step([]monitor.Plan{p}, after(10))
	p.Services, p.Since = []monitor.ServiceID{"db"}, after(30)
	b.step([]monitor.Plan{p}, after(31))
	b.step([]monitor.Plan{p}, after(60))
	r := b.runs[0]
	for id, want := range map[monitor.ServiceID]maintenance.Window{"web": {From: after(10), To: after(30)}, "db": {From: after(30), To: after(60)}} {
		if got, in := r.Of(id); !in || got != want {
			t.Errorf("%s: %v %t, want %v", id, got, in, want)
		}
	}
	if _, in := r.Of("office"); in {
		t.Error("office is in it")
	}

	p = once(10, 60, 0)
	p.Services = []monitor.ServiceID{"office"}
	b = book{}
	b.step([]monitor.Plan{p}, after(10))
	if diff := cmp.Diff([]string{"administrators: maintenance"}, b.told); diff != "" {
		t.Errorf("of what is internal (-want +got):\n%s", diff)
	}
	p.Services = nil
	b = book{}
	fx := b.step([]monitor.Plan{p}, after(10))
	for _, n := range fx.Notifications[b.runs[0].ID] {
		if want := map[monitor.TierID]int{"administrators": 3, "customers": 2}[n.Tier]; len(n.Services) != want {
			t.Errorf("%s is told of %d services, want %d", n.Tier, len(n.Services), want)
		}
	}
}

// TestCoverage: windows that overlap or touch are one, and one that is to come is
// known an hour before.
func TestCoverage(t *testing.T) {
	a, c, d := once(10, 60, 0), once(60, 90, 0), once(200, 210, 0)
	a.ID, c.ID, d.ID = "a", "c", "d"
	plans := []monitor.Plan{a, c, d}
	var b book
	for _, tt := range []struct {
		at, from, to int // to 0: none
	}{{-61, 0, 0}, {-40, 10, 60}, {5, 10, 90}, {20, 10, 90}, {70, 60, 90}, {100, 0, 0}, {150, 200, 210}} {
		fx := b.step(plans, after(tt.at))
		got, has := fx.Coverage.Of("web")
		want := maintenance.Window{From: after(tt.from), To: after(tt.to)}
		if has != (tt.to != 0) || has && got != want {
			t.Errorf("at %d: %v %t, want %v", tt.at, got, has, want)
		}
	}
}

// TestRuns: whatever is planned, changed and ended, and whenever it is looked at:
// a repeat finds nothing; a plan has one run at a time; what has begun stays so and
// never began before it was planned; who heard the beginning hears the end, once;
// what mutes is what is kept.
func TestRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b book
		var plans []monitor.Plan
		began := map[string]time.Time{}
		now := 0
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now += rapid.SampledFrom([]int{0, 1, 5, 20, 60, 300}).Draw(t, "pass")
			id := rapid.SampledFrom([]monitor.PlanID{"a", "b"}).Draw(t, "plan")
			plans = slices.Clone(plans)
			at := slices.IndexFunc(plans, func(p monitor.Plan) bool { return p.ID == id })
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				from := now + rapid.IntRange(-60, 60).Draw(t, "from")
				p := once(from, from+rapid.IntRange(1, 120).Draw(t, "for"), now)
				p.ID, p.Services = id, []monitor.ServiceID{rapid.SampledFrom([]monitor.ServiceID{"web", "db"}).Draw(t, "service")}
				if rapid.Bool().Draw(t, "recurs") {
					p.Cron, p.Duration, p.Starts, p.Ends = "*/30 * * * *", 10*time.Minute, time.Time{}, time.Time{}
				}
				if at < 0 {
					plans = append(plans, p)
				} else {
					plans[at] = p
				}
			case 1:
				if at >= 0 {
					plans = slices.Delete(plans, at, at+1)
				}
			case 2:
				if at >= 0 && plans[at].Cancelled.IsZero() {
					plans[at].Cancelled = after(now)
				}
			case 3: // somebody ends what is going on
				for i, r := range b.runs {
					if r.Plan == id && !r.IsOver() && after(now).Before(r.To) {
						b.runs[i].Ended, b.runs[i].EndedBy = after(now), "anna"
					}
				}
			}
			if rapid.IntRange(0, 4).Draw(t, "looks") == 0 {
				continue
			}
			fx := b.step(plans, after(now))
			if again := b.step(plans, after(now)); len(again.Runs) > 0 {
				t.Fatalf("again at %d: %+v", now, again.Runs)
			}
			open := map[monitor.PlanID]int{}
			for _, r := range b.runs {
				if was, has := began[r.ID]; has && !was.Equal(r.From) {
					t.Fatalf("run %s began at %s, and now at %s", r.ID, was, r.From)
				}
				began[r.ID] = r.From
				if !r.IsOver() {
					open[r.Plan]++
				}
				if open[r.Plan] > 1 || r.End().Before(r.From) || r.IsOver() && r.Ended.After(after(now)) {
					t.Fatalf("at %d: %+v", now, b.runs)
				}
			}
			for _, id := range []monitor.ServiceID{"web", "db"} {
				w, has := fx.Coverage.Of(id)
				kept := slices.ContainsFunc(b.runs, func(r maintenance.Run) bool {
					of, in := r.Of(id)
					return in && of.Contains(after(now))
				})
				if muted := has && w.Contains(after(now)); muted != kept {
					t.Fatalf("at %d: %s is muted: %t, kept as maintenance: %t", now, id, muted, kept)
				}
			}
		}
		b.step(nil, after(now+10))
		b.paired(t)
	})
}

// paired: each run that a tier heard the beginning of it heard the end of.
func (b *book) paired(t *rapid.T) {
	open := map[string]int{}
	for _, line := range b.told {
		var tier, event string
		if _, err := fmt.Sscanf(line, "%s %s", &tier, &event); err != nil {
			t.Fatal(err)
		}
		switch event {
		case string(incident.EventMaintenance):
			open[tier]++
		case "until":
			if open[tier] == 0 {
				t.Fatalf("%s heard of another end without a beginning: %v", tier, b.told)
			}
		default:
			open[tier]--
		}
		if open[tier] < 0 {
			t.Fatalf("%s heard an end without a beginning: %v", tier, b.told)
		}
	}
	for tier, n := range open {
		if n != 0 {
			t.Fatalf("%s heard %d beginnings without an end: %v", tier, n, b.told)
		}
	}
}

// TestQuiet: of what has begun and ended in a tier's quiet hours it hears nothing, of
// what goes on after them when they end; the end of what it has heard of waits for that.
func TestQuiet(t *testing.T) {
	was := site.Tiers
	t.Cleanup(func() { site.Tiers = was })
	for _, c := range []struct {
		name     string
		from, to int // quiet hours; it is three o'clock at minute 0
		want     []string
	}{
		{"begins and ends in them", 22, 8, nil},
		{"begins in them", 22, 4, []string{"75 maintenance 75", "130 maintenance-over 130"}},
		{"ends in them", 4, 6, []string{"10 maintenance 10", "130 maintenance-over 180"}},
	} {
		site.Tiers = []monitor.Tier{{ID: "customers", Public: true, Quiet: &monitor.Quiet{From: c.from * 60, To: c.to * 60, TimeZone: "UTC", Below: monitor.ImpactMajor}}}
		var b book
		var got []string
		for _, minute := range []int{10, 30, 75, 130, 400} {
			for _, ns := range b.step([]monitor.Plan{once(10, 130, 0)}, after(minute)).Notifications {
				for _, n := range ns {
					got = append(got, fmt.Sprintf("%d %s %.0f", minute, n.Event, n.At.Sub(t0).Minutes()))
				}
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
