package sim_test

import (
	"strings"
	"testing"
)

const lone = `
config:
  locations: [us-west-2, us-east-1, eu-west-1]
  defaults: {every: 1m}
  monitors:
    - {id: web, http: "https://www.example.com/", expect: [status == 200]}
  tiers:
    - {id: oncall}
    - {id: admins, after: 1h, remind: 10m}
`

// TestWhatFailsNow: whoever hears late hears what fails now, and not what failed
// an hour ago.
func TestWhatFailsNow(t *testing.T) {
	p := scene(t, `
start: 2026-03-02 09:00
length: 3h
events:
  - {at: "09:10", down: web, with: 503}
  - {at: "09:30", down: web, with: certificate}
  - {at: "10:00", down: web, with: timeout}
  - {at: "11:00", up: web}
`+lone)
	first := p.told("oncall")[0]
	if !strings.Contains(first.Email, "status was 503") {
		t.Errorf("on-call hear first\n%s", first.Email)
	}
	told := p.told("admins")
	if len(told) < 3 || !strings.HasPrefix(told[0].Subject, "ALARM") {
		t.Fatalf("the admins hear\n%s", p.subjects("admins"))
	}
	p.between("the admins' first", told[0], "10:10:00", "10:11:00")
	for _, h := range told {
		if !strings.Contains(h.Email, "web: timeout: no answer") || !strings.Contains(h.Email, "There is no answer in time") || strings.Contains(h.Email, "503") {
			t.Errorf("at %s the admins hear\n%s", clock(h), h.Email)
		}
	}
	if n := len(p.told("oncall")); n > 2 {
		t.Errorf("on-call hear of what has changed:\n%s", p.subjects("oncall"))
	}
}

// TestCommonAddress: what is broken by its id is broken at its address, too.
func TestCommonAddress(t *testing.T) {
	p := scene(t, `
start: 2026-03-02 09:00
length: 1h
events:
  - {at: "09:10", down: a, with: refused}
  - {at: "09:20", down: b, with: timeout}
config:
  locations: [us-west-2, us-east-1, eu-west-1]
  defaults: {every: 1m}
  monitors:
    - {id: a, name: Alpha, http: {url: "https://a.example.com/", address: 203.0.113.10}}
    - {id: b, name: Beta, http: {url: "https://b.example.com/", address: 203.0.113.10}}
  tiers:
    - {id: oncall}
`)
	if len(p.Incidents) != 1 {
		t.Errorf("%d incidents, want one", len(p.Incidents))
	}
	if first := p.told("oncall")[0]; !strings.Contains(first.Email, "refused at 203.0.113.10") {
		t.Errorf("where it fails is not said:\n%s", first.Email)
	}
}
