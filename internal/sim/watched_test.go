package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// watchedFleet has a service of one monitor and one of two.
const watchedFleet = `site: {name: Test, time_zone: UTC}
locations: [us-east-1, eu-west-1, eu-central-1]
monitors:
  - {id: old, http: "https://old.example.com/"}
  - {id: a, http: "https://a.example.com/"}
  - {id: b, http: "https://b.example.com/"}
services:
  - {id: shop, name: Shop, monitors: [a, b], needs: 1}
tiers:
  - {id: oncall, remind: 1h}
`

// applied puts a fleet in force, with one line of it replaced by another.
func applied(at, line, by string) string {
	return "  - at: " + at + "\n    apply:\n      " + strings.ReplaceAll(strings.TrimSpace(strings.Replace(watchedFleet, line, by, 1)), "\n", "\n      ") + "\n"
}

func watched(t *testing.T, events string) played {
	t.Helper()
	return scene(t, "name: watched\nzone: UTC\nstart: 2026-03-02 09:00\nlength: 3h\nevents:\n"+events+"config:\n  "+
		strings.ReplaceAll(strings.TrimSpace(watchedFleet), "\n", "\n  ")+"\n")
}

// TestNoLongerWatched: the incident of what is paused, in the shadow or taken out ends,
// and nobody says that it works; what is watched again and fails is a new one.
func TestNoLongerWatched(t *testing.T) {
	const line = `  - {id: old, http: "https://old.example.com/"}` + "\n"
	for name, by := range map[string]string{
		"paused":    `  - {id: old, http: "https://old.example.com/", paused: true}` + "\n",
		"shadow":    `  - {id: old, http: "https://old.example.com/", shadow: true}` + "\n",
		"taken out": "",
	} {
		t.Run(name, func(t *testing.T) {
			p := watched(t, "  - {at: +10m, down: old, with: refused}\n"+applied("+30m", line, by)+applied("+2h", "", ""))
			if len(p.Incidents) != 2 {
				t.Fatalf("%d incidents, want two:\n%s", len(p.Incidents), p.subjects("oncall"))
			}
			told := p.told("oncall")
			if end := told[1]; !strings.HasPrefix(end.Subject, "OK: old - no longer watched since 09:3") || !strings.Contains(end.Email, "old: no longer watched, after ") {
				t.Errorf("told of the end:\n%s\n%s", end.Subject, end.Email)
			}
			p.between("the end is told", told[1], "09:30:00", "09:31:30")
			p.between("it is watched again, and fails", told[2], "11:00:00", "11:03:00")
			for _, h := range p.Log {
				if text := h.Text + h.Subject + h.Email; strings.Contains(text, "working again") || strings.Contains(strings.ToLower(text), "restored after") {
					t.Errorf("%s %s: %s", clock(h), h.Who, text)
				}
			}
			if page := p.at("10:00:00"); len(page.Incidents) != 1 || page.Incidents[0].State != incident.Resolved {
				t.Errorf("the page shows %+v", page.Incidents)
			}
		})
	}
}

// TestSilenceEndsNothing: what is watched and not heard of is no better than it was.
func TestSilenceEndsNothing(t *testing.T) {
	silent := ""
	for _, l := range []monitor.Location{"us-east-1", "eu-west-1", "eu-central-1"} {
		silent += "  - {at: +30m, silent: " + string(l) + ", for: 1h}\n"
	}
	p := watched(t, "  - {at: +10m, down: old, with: refused}\n"+silent)
	for i, inc := range p.Incidents {
		if checks := strings.HasPrefix(inc.Title, "Checks"); checks != (i > 0) || !checks && !inc.Over.IsZero() {
			t.Errorf("%s, over at %s:\n%s", inc.Title, inc.Over, p.subjects("oncall"))
		}
	}
}

// TestSilenceIsNoEnd: nor does a service work again of which the part is not heard of any
// more that was down, though the other one is enough.
func TestSilenceIsNoEnd(t *testing.T) {
	p := watched(t, applied("+1m", `a.example.com/"}`, `a.example.com/", locations: [us-east-1]}`)+
		"  - {at: +10m, down: a, with: refused}\n  - {at: +30m, silent: us-east-1, for: 1h}\n  - {at: +100m, up: a}\n")
	shop := p.Incidents[0]
	if shop.Over.IsZero() || shop.Over.Before(p.From.Add(100*time.Minute)) {
		t.Errorf("over at %s:\n%s", shop.Over, p.subjects("oncall"))
	}
	for _, other := range p.Incidents[1:] {
		if !strings.HasPrefix(other.Title, "Checks from") {
			t.Errorf("another incident: %s", other.Title)
		}
	}
}
