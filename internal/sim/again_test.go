package sim_test

import (
	"strings"
	"testing"
)

// TestSecondOutage: a service is down, at risk for hours, and down again, in one
// incident. The second outage alarms as the first did, whoever acknowledged that.
func TestSecondOutage(t *testing.T) {
	t.Parallel()
	p := scene(t, `name: again
zone: UTC
start: 2026-03-02 00:00
length: 8h
events:
  - {at: "00:10", down: [n1, n2]}
  - {at: "00:12", ack: maria}
  - {at: "00:20", up: n2}
  - {at: "03:00", down: n2}
  - {at: "07:00", up: [n1, n2]}
config:
  site: {name: Nodes, time_zone: UTC}
  locations: [us-east-1, eu-west-1, eu-central-1]
  monitors:
    - {id: n1, tcp: "n1.example.com:443"}
    - {id: n2, tcp: "n2.example.com:443"}
  services:
    - {id: n, name: Nodes, monitors: [n1, n2], needs: 1}
  tiers:
    - {id: oncall, remind: 30m}
    - {id: chat, chat: true, events: [opened, escalated, resolved]}
    - {id: admins, after: 5m, impact: major, events: [opened, escalated, resolved]}
    - {id: customers, after: 20m, impact: major, public: true}
`)
	if len(p.Incidents) != 1 {
		t.Fatalf("%d incidents", len(p.Incidents))
	}
	p.between("on-call", p.first("oncall", "ALARM: Nodes: outage again, began 00:10"), "03:00:00", "03:02:00")
	p.between("the first reminder", p.first("oncall", "reminder 1"), "03:30:00", "03:34:00")
	p.between("chat", p.first("chat", "outage again"), "03:00:00", "03:02:00")
	p.between("admins", p.first("admins", "outage again"), "03:05:00", "03:08:00")
	p.between("customers", p.told("customers")[0], "03:20:00", "03:23:00")
	if n := strings.Count(p.subjects("oncall"), "reminder"); n < 6 {
		t.Errorf("%d reminders in four hours:\n%s", n, p.subjects("oncall"))
	}
}
