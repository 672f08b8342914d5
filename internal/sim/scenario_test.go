package sim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/sim"
)

// TestShipped: every scenario that comes with Sonde can be read, and fits its own
// fleet.
func TestShipped(t *testing.T) {
	names := sim.Shipped()
	if len(names) < 5 {
		t.Fatalf("shipped are %v", names)
	}
	for _, name := range names {
		text, known := sim.ShippedText(name)
		if !known {
			t.Fatalf("%s is listed, and has no text", name)
		}
		s, err := sim.ReadScenario(name, text)
		if err != nil {
			t.Fatal(err)
		}
		if s.Name != name || s.About == "" || s.Config == nil {
			t.Errorf("%s: name %q, about %q", name, s.Name, s.About)
		}
		if err := s.Against(s.Config); err != nil {
			t.Error(err)
		}
	}
}

// FuzzReadScenario: whatever a file holds, what is wrong has a place, and what is
// read can be held against a fleet.
func FuzzReadScenario(f *testing.F) {
	for _, name := range sim.Shipped() {
		if text, _ := sim.ShippedText(name); name != "storm" {
			f.Add(text)
		}
	}
	f.Add([]byte("start: 2026-03-02 09:00\nlength: 1h\nevents: [{at: +1m, down: x}]\nconfig:\n"))
	f.Add([]byte("a: &a [*a]\nevents: *a\nconfig: {monitors: []}\n"))
	fleet := &monitor.Config{Locations: []monitor.Location{sim.Home}}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := sim.ReadScenario("fuzz.yaml", text)
		var problems config.Errors
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0) {
			t.Fatalf("%T: %v", err, err)
		}
		if err != nil {
			return
		}
		if s.Length <= 0 || s.Start.IsZero() {
			t.Fatalf("read: %+v", s)
		}
		_ = s.Against(fleet)
	})
}

// TestShrink: of a script that ends too early to see the end of an outage, the
// outage is left, and nothing else.
func TestShrink(t *testing.T) {
	s := sim.Generate(7)
	last := sim.Outage{Monitor: s.Config.Monitors[0].ID, Begins: s.Length - time.Millisecond, Ends: 1000 * time.Hour,
		Outcome: monitor.OutcomeDown, Failure: monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}}
	s.Outages, s.Settle = append(s.Outages, last), time.Millisecond
	out, err := sim.Play(s)
	if err != nil || len(out.Violations) == 0 {
		t.Fatalf("nothing to shrink: %v", err)
	}
	const rule = "a state ends as its target is"
	shrunk := sim.Shrink(s, rule, 300)
	if len(shrunk.Outages) != 1 || len(shrunk.Faults)+len(shrunk.Acts)+len(shrunk.Changes) > 0 {
		t.Errorf("left:\n%s", shrunk)
	}
	again, err := sim.Play(shrunk)
	if err != nil || len(again.Violations) == 0 || again.Violations[0].Rule != rule {
		t.Errorf("%v, %v", again.Violations, err)
	}
}

// TestMistakes: what a scenario asks for that cannot be is said with its place.
func TestMistakes(t *testing.T) {
	text, _ := sim.ShippedText("flapping")
	flap := `  - {at: "09:10", flap: shop, every: 2m, times: 12, with: 503}`
	for name, test := range map[string]struct{ old, new, want string }{
		"nothing to acknowledge": {flap, `  - {at: "09:10", ack: maria}`, "mine.yaml:10:5: events[0]: nobody can ack at 09:10:00 PST: no incident is open"},
		"nothing held": {flap, `  - {at: "09:10", down: shop, with: 503}
  - {at: "09:40", publish: customers}`, "mine.yaml:11:5: events[1]: nobody can publish at 09:40:00 PST: the tier holds nothing back"},
		"out of order": {flap, `  - {at: "09:30", down: shop, with: 503}
  - {at: "09:10", up: shop}`, "mine.yaml:11:10: events[1].at: 09:10 is after the end of the scenario at 11:00 on 2 Mar; the event before is at 09:30"},
		"a time that is not": {"start: 2026-03-02 09:00", "start: 2026-03-08 02:30", "mine.yaml:6:8: start: there is no 2026-03-08 02:30 in America/Los_Angeles"},
		"a later past":       {"start: 2026-03-02 09:00", "start: 2026-03-02 09:00\nsince: 2026-04-01", "mine.yaml:7:8: since: 2026-04-01 is after the start"},
		"nobody's address":   {flap, `  - {at: "09:10", down: 203.0.113.9}`, `mine.yaml:10:5: events[0]: the configuration knows no monitor, service, host or address "203.0.113.9"`},
		"nobody's name": {flap, `  - {at: "09:10", down: 203.0.113.9}

dns: [{name: www.example.org, addresses: [203.0.113.9]}]`, `mine.yaml:10:5: events[0]: the configuration knows no monitor, service, host or address "203.0.113.9"`},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(string(text), test.old, test.new, 1)
			if changed == string(text) {
				t.Fatal("the scenario does not say what is to be changed")
			}
			s, err := sim.ReadScenario("mine.yaml", []byte(changed))
			if err == nil {
				err = s.Against(s.Config)
			}
			if err == nil {
				_, err = s.Replay(s.Config)
			}
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}
