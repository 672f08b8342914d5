package demo

import (
	"fmt"
	"strings"
)

// Config is the monitors.yaml that watches the fleet as it is now.
func (f *Fleet) Config() string {
	primary, secondary := f.inUse()
	return fmt.Sprintf(`# What the demo watches. All targets are on this machine.
site: {name: Intervals, time_zone: America/Los_Angeles}
defaults: {every: 5s, timeout: 2s, confirm: 2, recover: 2, recheck: 1s, private: true, flapping: off}

monitors:
  - id: lb-primary
    name: Primary balancer
    http:
      url: https://%[1]s:%[2]s/health
      address: %[3]s              # this balancer, whatever DNS says
      ca: &ca |
%[9]s
    expect: [status == 200]
  - id: lb-secondary
    name: Secondary balancer
    http: {url: "https://%[1]s:%[2]s/health", address: "%[4]s", ca: *ca}
    expect: [status == 200]
  - id: app
    name: Web application
    http: {url: "https://%[1]s:%[2]s/health", resolver: "%[5]s", ca: *ca}
    expect: [status == 200, body.status == "ok", total_ms < 2000]
  - id: app-dns
    name: DNS of the application
    dns: {name: %[1]s, type: A, resolvers: ["%[5]s"]}
  - id: job-queue
    name: Job queue
    tcp: "%[6]s"
  - id: reports
    name: Report page
    http: {url: "https://reports.sonde.test:%[10]s/", address: "%[7]s", ca: *ca}
    expect: [status == 200]
    warn: [total_ms < 500]
  - id: old-site
    name: Old site
    tls: {address: "%[8]s", server_name: old.sonde.test, ca: *ca}
    warn: [cert_days > 14]
  - id: nightly-backup
    name: Nightly backup
    heartbeat: {every: 4s, grace: 3s}

services:
  - {id: balancers, name: Load balancers, group: Platform, monitors: [lb-primary, lb-secondary], needs: 1}
  - {id: web, name: Web application, group: Platform, monitors: [app, app-dns], depends_on: [balancers]}
  - {id: queue, name: Job queue, group: Platform, monitors: [job-queue]}
  - {id: reports, name: Reports, group: Websites, monitors: [reports]}
  - {id: old, name: Old site, group: Websites, monitors: [old-site]}
  - {id: backup, name: Nightly backup, monitors: [nightly-backup], internal: true}

tiers:
  - {id: oncall, name: On-call, impact: minor, remind: 30m}
  - {id: administrators, name: Administrators, after: 5s, impact: major}
  - {id: customers, name: Customers, after: 15s, impact: major, public: true}
`, name, f.port,
		f.balancers[primary].address, f.balancers[secondary].address,
		f.names.address, f.queue.listener.Addr(), f.reports.address, f.legacy.address,
		indent(f.ca.pem, "        "), portOf(f.reports.address))
}

// HeartbeatMonitor is the monitor that the fleet's job reports to.
const HeartbeatMonitor = "nightly-backup"

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by)
}

func portOf(address string) string { return address[strings.LastIndex(address, ":")+1:] }
