package sim_test

import (
	"errors"
	"os"
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
		s, err := sim.ReadScenario(name, text, sim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Name != name || s.About == "" || s.Config == nil {
			t.Errorf("%s: name %q, about %q", name, s.Name, s.About)
		}
	}
}

// TestReadme: the scenario that the README begins with can be played.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```yaml\n")
	example, _, _ := strings.Cut(after, "```")
	fleet, err := config.Load("fleet.yaml", []byte(`locations: [us-east-1, eu-west-1]
monitors:
  - {id: shop, http: "https://shop.example.com/"}
  - {id: api, http: "https://api.example.com/"}
`), config.Options{Home: sim.Home})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := sim.ReadScenario("README.md", []byte(example), sim.Options{Config: fleet}); err != nil || s.Name != "friday" {
		t.Error(err)
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
	f.Add([]byte("start: 2026-03-02 09:00\nlength: 1h\nevents: [{at: +1m, down: x}]\n---\nname: two\n"))
	fleet := &monitor.Config{Locations: []monitor.Location{sim.Home}}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, opts := range []sim.Options{{}, {Config: fleet}} {
			s, err := sim.ReadScenario("fuzz.yaml", text, opts)
			var problems config.Errors
			if err != nil && (!errors.As(err, &problems) || len(problems) == 0) {
				t.Fatalf("%T: %v", err, err)
			}
			for _, p := range problems {
				if p.Line < 1 || p.Column < 1 {
					t.Fatalf("without a place: %v", p)
				}
			}
			if err == nil && (s.Length <= 0 || s.Start.IsZero()) {
				t.Fatalf("read: %+v", s)
			}
		}
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
