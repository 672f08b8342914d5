package sim_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/sim"
)

// mistaken reads and plays a scenario in which something cannot be.
func mistaken(text string) error {
	s, err := sim.ReadScenario("mine.yaml", []byte(text), sim.Options{Open: func(string) ([]byte, error) { return nil, os.ErrNotExist }})
	if err == nil {
		_, err = s.Replay(context.Background())
	}
	return err
}

const smallFleet = `
config:
  site: {name: Test, time_zone: Europe/Berlin}
  locations: [us-east-1, eu-west-1, eu-central-1]
  monitors:
    - {id: shop, http: "https://shop.example.com/", expect: ['body.status == "ok"']}
    - {id: mail, tcp: "mail.example.com:587"}
    - {id: backup, heartbeat: {every: 20m, grace: 5m}}
  tiers:
    - {id: oncall}
    - {id: customers, after: 10m, public: true, hold: 15m}
`

// TestMistakes: what a scenario asks for that cannot be is said with the place of the
// value that asks for it.
func TestMistakes(t *testing.T) {
	text, _ := sim.ShippedText("flapping")
	flap := `  - {at: "09:10", flap: shop, every: 2m, times: 12, with: 503}`
	for name, test := range map[string]struct{ old, new, want string }{
		"nothing to acknowledge": {flap, `  - {at: "09:10", ack: maria}`, "mine.yaml:10:24: events[0].ack: nobody can ack at 09:10:00 PST: no incident is open"},
		"nothing to publish": {flap, `  - {at: "09:10", down: shop, with: 503}
  - {at: "09:40", publish: customers}`, "mine.yaml:11:28: events[1].publish: nobody can publish at 09:40:00 PST: the tier "},
		"out of order": {flap, `  - {at: "09:30", down: shop, with: 503}
  - {at: "09:10", up: shop}`, "mine.yaml:11:10: events[1].at: 09:10 is after the end of the scenario at 11:00 on 2 Mar; the event before is at 09:30"},
		"a time that is not": {"start: 2026-03-02 09:00", "start: 2026-03-08 02:30", "mine.yaml:6:8: start: there is no 2026-03-08 02:30 in America/Los_Angeles"},
		"a later past":       {"start: 2026-03-02 09:00", "start: 2026-03-02 09:00\nsince: 2026-04-01", "mine.yaml:7:8: since: 2026-04-01 is after the start"},
		"nobody's address":   {flap, `  - {at: "09:10", down: 203.0.113.9}`, `mine.yaml:10:25: events[0].down: the configuration knows no monitor, service, host or address "203.0.113.9"`},
		"nobody's name": {flap, `  - {at: "09:10", down: 203.0.113.9}

dns: [{name: www.example.org, addresses: [203.0.113.9]}]`, `mine.yaml:10:25: events[0].down: the configuration knows no monitor, service, host or address "203.0.113.9"`},
		"far too long":      {"length: 2h", "length: 200h", "mine.yaml:7:9: length: 200h0m0s is longer than 168h0m0s"},
		"a second document": {flap, flap + "\n---\nname: two\n", "mine.yaml:11:1: a second document begins here: a file holds one scenario"},
		"the hour that comes twice": {"start: 2026-03-02 09:00\nlength: 2h\n\nevents:\n" + flap, `start: 2026-11-01 00:30
length: 2h

events:
  - {at: "01:40", down: shop}
  - {at: "01:15", up: shop}`, "mine.yaml:11:10: events[1].at: 01:15 is after the end of the scenario at 01:30 on 1 Nov; the event before is at 01:40 " +
			"(the clocks are put back that night, and a time of day is the first of the two: the second 01:15 is +1h45m0s)"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(string(text), test.old, test.new, 1)
			if changed == string(text) {
				t.Fatal("the scenario does not say what is to be changed")
			}
			if err := mistaken(changed); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// TestMistakenEvents: each event is held against the keys that go with what happens,
// and against what is watched; all mistakes come at once.
func TestMistakenEvents(t *testing.T) {
	const head = "zone: Europe/Berlin\nstart: 2026-03-02 09:00\nlength: 1h\nevents:\n"
	events := []struct{ event, want string }{
		{`{down: shop}`, ":5: events[0]: an event needs to say when it happens (such as at: +5m, or at: \"18:05\")"},
		{`{at: null, down: shop}`, `:10: events[1].at: expected a time of day such as 18:05, or +25m from the start, found "null"`},
		{`{at: "+-5m", down: shop}`, `:10: events[2].at: expected a time of day such as 18:05, or +25m from the start, found "+-5m"`},
		{`{at: +1m, down: []}`, ":21: events[3].down: the list is empty"},
		{`{at: +1m, down: ""}`, ":21: events[4].down: expected text, and it is empty"},
		{`{at: +1m, down: [shop, shop]}`, ":28: events[5].down: shop stands here twice"},
		{`{at: +1m, down: shop, ms: 30}`, ":27: events[6]: the key \"ms\" does not go with down (one of at, down, from, with)"},
		{`{at: +1m, dwon: shop}`, ":15: events[7]: the key \"dwon\" is nothing that happens (did you mean down?)"},
		{`{at: +1m, down: shop, up: mail}`, ":27: events[8]: an event says one thing that happens, and this one says down and up (put them into two events, at the same time)"},
		{`{at: +1m}`, ":5: events[9]: an event says one thing that happens, and this one says none"},
		{`{at: +1m, slow: shop}`, ":21: events[10]: slow needs ms:, how much slower"},
		{`{at: +1m, down: shop, from: mars}`, `:33: events[11].from: the configuration knows no location "mars" (one of `},
		{`{at: +1m, down: mail, with: 503}`, ":33: events[12].with: mail is a monitor of tcp, which cannot fail with 503 (one of refused, timeout, reset, unreachable, dns)"},
		{`{at: +1m, down: shop, with: {expect: 'body.status == "no"'}}`, `:33: events[13].with: shop does not expect body.status == "no" (one of body.status == "ok")`},
		{`{at: +1m, down: backup, with: refused}`, ":35: events[14].with: backup is a heartbeat: down means that no ping comes (leave with: out)"},
		{`{at: +1m, publish: nobody}`, `:24: events[15].publish: the configuration knows no tier "nobody" (one of oncall, customers)`},
		{`{at: +1m, update: x, phase: done}`, ":33: events[16].phase: the phase must be"},
		{`{at: +1m, ack: maria, service: web}`, `:36: events[17].service: the configuration knows no service "web"`},
		{`{at: +1m, open: "slow", services: [shop], impact: huge, text: x}`, ":55: events[18].impact: the impact must be"},
		{`{at: +1m, open: "slow"}`, ":21: events[19]: open needs impact:, how bad it is"},
		{`{at: +1m, end: move}`, `:20: events[20].end: the configuration knows no maintenance "move" (no maintenance is planned by then)`},
		{`{at: +1m, apply: {}}`, ":22: events[21].apply: expected a file, a configuration with monitors, or monitors"},
		{`{at: +1m, apply: {shop: 1.2.3.4}}`, `:23: events[22].apply: "shop" is no HTTP monitor with an address of its own`},
		{`{at: +1m, apply: other.yaml}`, ":22: events[23].apply: file does not exist"},
		{`{at: +1m, renew: shop.example.com}`, ":22: events[24].renew: no certificate of shop.example.com is about to end by this name"},
		{`{at: +1m, slow: backup, ms: 5}`, ":21: events[25].slow: a heartbeat cannot be slow"},
	}
	var text strings.Builder
	text.WriteString(head)
	for _, e := range events {
		text.WriteString("  - " + e.event + "\n")
	}
	text.WriteString(smallFleet)
	var problems config.Errors
	if err := mistaken(text.String()); !errors.As(err, &problems) {
		t.Fatal(err)
	}
	for i, e := range events {
		found := false
		for _, p := range problems {
			found = found || p.Line == i+5 && strings.Contains(p.Error(), e.want)
		}
		if !found {
			t.Errorf("%s:\nwant %s", e.event, e.want)
		}
	}
	if t.Failed() {
		t.Logf("got\n%v", problems)
	}
}

// TestNothingToMend: what is up was down or slow before, by its own name or with
// others.
func TestNothingToMend(t *testing.T) {
	const head = "zone: Europe/Berlin\nstart: 2026-03-02 09:00\nlength: 1h\nevents:\n"
	for events, want := range map[string]string{
		"  - {at: +1m, down: shop.example.com}\n  - {at: +9m, up: shop}\n": "",
		"  - {at: +1m, down: \"*\"}\n  - {at: +9m, up: shop}\n":            "",
		"  - {at: +1m, down: shop}\n  - {at: +9m, up: mail}\n":             "mine.yaml:6:19: events[1].up: mail is not down or slow by this name (what is down or slow then is shop)",
		"  - {at: +1m, up: shop}\n":                                        "mine.yaml:5:19: events[0].up: shop is not down or slow by this name (nothing is down or slow then)",
	} {
		got := ""
		if _, err := sim.ReadScenario("mine.yaml", []byte(head+events+smallFleet), sim.Options{}); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", events, got, want)
		}
	}
}
