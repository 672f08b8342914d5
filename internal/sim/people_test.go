package sim_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/sim"
)

const acting = "name: acting\nzone: Europe/Berlin\nstart: 2026-03-02 09:00\nlength: 1h\nevents:\n"

// has reports whether the log has a line of somebody with these words.
func (p played) has(who, words string) bool {
	for _, h := range p.Log {
		if h.Who == who && strings.Contains(h.Text, words) {
			return true
		}
	}
	return false
}

// TestWhichIncident: with more than one incident open it must be said which one is
// meant, as at the command line.
func TestWhichIncident(t *testing.T) {
	const two = acting + `  - {at: +5m, down: shop, with: refused}
  - {at: +6m, down: mail}
`
	err := mistaken(two + "  - {at: +8m, update: \"The mail server is being moved.\"}\n" + smallFleet)
	if err == nil || !strings.HasPrefix(err.Error(), "mine.yaml:8:23: events[2].update: nobody can update at 09:08:00 CET: 2 incidents are open (") ||
		!strings.Contains(err.Error(), "service: or monitor:") {
		t.Errorf("got %v", err)
	}
	err = mistaken(two + "  - {at: +8m, ack: maria, service: backup}\n" + smallFleet)
	if err == nil || !strings.Contains(err.Error(), "mine.yaml:8:20: events[2].ack: nobody can ack at 09:08:00 CET: no incident is open of backup") {
		t.Errorf("got %v", err)
	}
	p := scene(t, two+`  - {at: +8m, update: "The mail server is being moved.", service: mail, by: maria}
  - {at: +9m, ack: maria, monitor: shop}
`+smallFleet)
	for _, inc := range p.Incidents {
		said := false
		for _, u := range inc.Updates {
			said = said || strings.Contains(u.Text, "is being moved")
		}
		if said != (inc.Root == "mail") || inc.Acked.IsZero() != (inc.Root == "mail") {
			t.Errorf("%s: told of the move %t, acknowledged at %s", inc.Root, said, inc.Acked)
		}
	}
}

// TestPeople: what people do at the command line, they can do in a scenario.
func TestPeople(t *testing.T) {
	t.Run("open and resolve", func(t *testing.T) {
		p := scene(t, acting+`  - {at: +5m, open: payments are delayed, services: [shop], impact: major, text: "Our bank is looking into it.", next: 20m, by: maria}
  - {at: +40m, resolve: jo, text: "All payments have gone through."}
`+smallFleet)
		inc := p.Incidents[0]
		if len(p.Incidents) != 1 || !inc.Manual || inc.State != incident.Resolved || inc.Next != (time.Time{}) {
			t.Fatalf("%d incidents: %+v", len(p.Incidents), inc)
		}
		p.between("opened", p.told("oncall")[0], "09:05:00", "09:05:30")
		if !p.has("maria", "bank") || !p.has("jo", "gone through") {
			t.Error("who said what is not in the log")
		}
		if got := p.at("09:06:00"); len(got.Incidents) != 1 || got.Incidents[0].Next.Format("15:04") != "09:25" {
			t.Errorf("the page: %+v", got.Incidents)
		}
		if n := p.Report.Services[0].DownS; n != 0 {
			t.Errorf("%d s of downtime, and nothing was measured", n)
		}
	})
	t.Run("maintenance", func(t *testing.T) {
		p := scene(t, acting+`  - {at: +5m, maintenance: Patches, services: [shop], in: 5m, for: 40m, by: maria}
  - {at: +12m, down: shop, with: refused}
  - {at: +18m, up: shop}
  - {at: +20m, end: patches, by: jo}
  - {at: +30m, down: shop, with: refused}
  - {at: +40m, up: shop}
`+smallFleet)
		p.between("the alarm", p.first("oncall", "ALARM"), "09:30:00", "09:31:00")
		if s := p.Report.Services[0]; s.DownS < 590 || s.DownS > 610 || s.MaintS < 590 || s.MaintS > 670 {
			t.Errorf("down for %d s, in maintenance for %d s; want 600 each", s.DownS, s.MaintS)
		}
		if !p.has("maria", "Patches") || !p.has("jo", "ends the maintenance") {
			t.Error("who planned and ended it is not in the log")
		}
	})
	t.Run("maintenance taken back", func(t *testing.T) {
		p := scene(t, acting+`  - {at: +5m, maintenance: Patches, id: p, services: ["*"], in: 15m, for: 30m}
  - {at: +10m, end: p}
`+smallFleet)
		if s := p.Report.Services[0]; s.MaintS != 0 {
			t.Errorf("%d s of maintenance that was taken back", s.MaintS)
		}
	})
	t.Run("correct", func(t *testing.T) {
		p := scene(t, acting+`  - {at: +10m, down: shop, with: refused}
  - {at: +30m, up: shop}
  - {at: +50m, correct: shop, from: "09:10", to: +20m, as: up, reason: our own firewall, by: maria}
`+smallFleet)
		s := p.Report.Services[0]
		if s.DownS < 590 || s.DownS > 610 || len(s.Corrections) != 1 || s.Corrections[0].Reason != "our own firewall" {
			t.Errorf("down for %d s, want 600 of the 1200 that were measured; corrections %+v", s.DownS, s.Corrections)
		}
		err := mistaken(acting + "  - {at: +10m, correct: shop, from: \"09:05\", to: +20m, as: up, reason: x}\n" + smallFleet)
		if err == nil || !strings.Contains(err.Error(), "mine.yaml:6:25: events[0].correct: nobody can correct at 09:10:00 CET: to: is in the future") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("drain", func(t *testing.T) {
		p := scene(t, acting+`  - {at: +5m, down: shop, with: refused}
  - {at: +8m, update: "We point DNS at another server.", drain: 20m}
  - {at: +10m, up: shop}
`+smallFleet)
		if over := p.Incidents[0].Over.Format("15:04"); over < "09:28" || over > "09:31" {
			t.Errorf("over at %s, and old answers may last until 09:28", over)
		}
		if got := p.at("09:12:00"); len(got.Incidents) == 0 || got.Incidents[0].DNSUntil.Format("15:04") != "09:28" {
			t.Errorf("the page: %+v", got.Incidents)
		}
	})
}

// TestApply: a whole configuration is put in force, written out in its place or in a
// file beside the scenario, with monitors and tiers that were not there before.
func TestApply(t *testing.T) {
	const second = `site: {name: Test, time_zone: Europe/Berlin}
locations: [us-east-1, eu-west-1, eu-central-1, ap-south-1]
monitors:
  - {id: shop, http: "https://shop.example.com/", expect: ['body.status == "ok"']}
  - {id: search, http: "https://search.example.com/"}
tiers:
  - {id: oncall}
  - {id: managers, after: 1m}
`
	const events = `  - {at: +20m, down: search, with: refused}
  - {at: +40m, up: search}
`
	inline := acting + "  - at: +10m\n    apply:\n      " + strings.ReplaceAll(strings.TrimSpace(second), "\n", "\n      ") + "\n" + events + smallFleet
	beside := acting + "  - {at: +10m, apply: second.yaml}\n" + events + smallFleet
	for name, text := range map[string]string{"in its place": inline, "in a file": beside} {
		s, err := sim.ReadScenario("mine.yaml", []byte(text), sim.Options{Open: func(path string) ([]byte, error) {
			if path != "second.yaml" {
				return nil, os.ErrNotExist
			}
			return []byte(second), nil
		}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out, err := s.Replay(context.Background())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p := played{out, t}
		if !p.has("scenario", "+ monitor search") || !p.has("scenario", "+ tier managers") || !p.has("scenario", "- monitor mail") {
			t.Errorf("%s: what changes is not said", name)
		}
		p.between(name+": the new monitor is watched", p.first("oncall", "search"), "09:20:00", "09:21:30")
		p.between(name+": the new tier is told", p.first("managers", "search"), "09:21:00", "09:23:00")
	}
	err := mistaken(strings.Replace(inline, "https://search.example.com/", "ftp://search.example.com/", 1))
	if err == nil || !strings.HasPrefix(err.Error(), "mine.yaml:12:30: monitors[1].http") {
		t.Errorf("a mistake in it: %v", err)
	}
}

// TestHeartbeat: a job that is down does not report, and is late by the rule of the
// shipped probe; when it is up again, it reports.
func TestHeartbeat(t *testing.T) {
	p := scene(t, strings.Replace(acting, "length: 1h", "length: 2h", 1)+`  - {at: +41m, down: backup}
  - {at: +80m, up: backup}
`+smallFleet)
	late := p.first("oncall", "backup", "outage")
	// The last ping was at 09:40, every 20 minutes with 5 of grace.
	p.between("the job is late", late, "10:05:00", "10:07:00")
	if !strings.Contains(late.Email, "last pinged") || !strings.Contains(late.Email, "every 20m") {
		t.Errorf("not the text of the probe:\n%s", late.Email)
	}
	p.between("it reports again", p.first("oncall", "OK: "), "10:20:00", "10:22:00")
	if len(p.Incidents) != 1 {
		t.Errorf("%d incidents, want one", len(p.Incidents))
	}
}

// TestUpAgain: what is up again of much that is down works, and nothing else does; a
// certificate is not renewed by that.
func TestUpAgain(t *testing.T) {
	p := scene(t, acting+`  - {at: +2m, expires: shop.example.com, in: 8m}
  - {at: +5m, down: "*"}
  - {at: +15m, up: shop}
  - {at: +20m, renew: shop.example.com}
  - {at: +30m, up: "*"}
`+smallFleet)
	down := map[string]int64{}
	for _, s := range p.Report.Services {
		down[string(s.ID)] = s.DownS / 60
	}
	if down["shop"] != 15 || down["mail"] != 25 {
		t.Errorf("minutes down: %v, want 15 of the shop, whose certificate had ended meanwhile, and 25 of the mail", down)
	}
}

// TestExpectation: what a scenario does not decide by itself, it can say.
func TestExpectation(t *testing.T) {
	p := scene(t, acting+`  - {at: +5m, down: shop, with: {expect: 'body.status == "ok"'}}
  - {at: +15m, up: shop}
`+smallFleet)
	if h := p.first("oncall", "shop", "outage"); !strings.Contains(h.Email, `body.status == "ok"`) {
		t.Errorf("the message does not say what failed:\n%s", h.Email)
	}
}

// TestForms: a chat and a program are given what they get, and nothing else.
func TestForms(t *testing.T) {
	p := scene(t, acting+"  - {at: +5m, down: shop}\n"+smallFleet+"    - {id: chat, chat: true}\n    - {id: pager, machine: true}\n")
	for _, tier := range []string{"oncall", "chat", "pager"} {
		h := p.first(tier, "shop")
		if (h.Chat != "") != (tier == "chat") || (h.Machine != "") != (tier == "pager") || h.Program != (tier == "pager") || (h.Email != "") != (tier == "oncall") {
			t.Errorf("%s: chat %q, machine %q, e-mail %q", tier, h.Chat, h.Machine, h.Email)
		}
	}
}

// TestZone: times are on the clocks of the site, unless the scenario says otherwise.
func TestZone(t *testing.T) {
	text := strings.Replace(acting, "zone: Europe/Berlin\n", "", 1) + "  - {at: \"09:05\", silent: us-east-1, for: 1m}\n" + smallFleet
	s, err := sim.ReadScenario("mine.yaml", []byte(text), sim.Options{})
	if err != nil || s.Zone.String() != "Europe/Berlin" {
		t.Errorf("zone %s, %v", s.Zone, err)
	}
}

// TestInterrupted: a replay ends when it is told to.
func TestInterrupted(t *testing.T) {
	text, _ := sim.ShippedText("storm")
	s, err := sim.ReadScenario("storm", text, sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if out, err := s.Replay(ctx); !errors.Is(err, context.Canceled) || out != nil {
		t.Errorf("%v, %v", out, err)
	}
}

// TestTwice: of a time that comes twice, since the clocks are put back, the first is
// meant, wherever the zone is.
func TestTwice(t *testing.T) {
	for zone, day := range map[string]string{"Europe/Berlin": "2026-10-25", "America/Los_Angeles": "2026-11-01"} {
		head := "name: twice\nzone: " + zone + "\nstart: " + day + " %s\nlength: 2h\nevents:\n"
		hour := map[string]string{"Europe/Berlin": "02", "America/Los_Angeles": "01"}[zone]
		read := func(start, events string) (*sim.Scenario, error) {
			return sim.ReadScenario("mine.yaml", []byte(fmt.Sprintf(head, start)+events+smallFleet), sim.Options{})
		}
		s, err := read(hour+":40", "  - {at: +1m, silent: us-east-1, for: 1m}\n")
		if err != nil {
			t.Fatal(err)
		}
		if before := s.Start.Add(time.Hour); s.Start.Format("15:04") != hour+":40" || before.Format("15:04") != hour+":40" {
			t.Errorf("%s: it begins at %s, not at the first of the two", zone, s.Start.Format("15:04 MST"))
		}
		// Ten minutes after the start, not seventy.
		if _, err := read(hour+":10", "  - {at: \""+hour+":20\", silent: us-east-1, for: 1m}\n  - {at: +11m, silent: us-east-1, for: 1m}\n"); err != nil {
			t.Errorf("%s: %v", zone, err)
		}
		s, err = read(hour+":10", "  - {at: +90m, by: maria, correct: shop, from: \""+hour+":20\", to: +30m, as: up, reason: x}\n")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Replay(t.Context()); err != nil {
			t.Errorf("%s: what was is before +30m: %v", zone, err)
		}
		_, err = read(hour+":30", "  - {at: \""+hour+":40\", silent: us-east-1, for: 1m}\n  - {at: \""+hour+":35\", silent: us-east-1, for: 1m}\n")
		if err == nil || !strings.Contains(err.Error(), "the second "+hour+":35 is +1h5m0s") {
			t.Errorf("%s: %v", zone, err)
		}
	}
}
