// Package metrics writes a snapshot for Prometheus: what blackbox_exporter and
// Gatus call things, for dashboards that exist, and Sonde's own names.
//
// All metrics are gauges without timestamps. What is not known has no series: a
// monitor that was not heard of, a snapshot that is too old. Targets are not
// named: a status page does not say where its services run.
package metrics

import (
	"bytes"
	"math"
	"mime"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/api/gatus"
	"github.com/sondehq/sonde/internal/api/sample"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// The media types of the two formats.
const (
	TextType = "text/plain; version=0.0.4; charset=utf-8"
	OpenType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// WantsOpen reports whether a reader asks for OpenMetrics 1.0.0.
func WantsOpen(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err == nil && kind == "application/openmetrics-text" && params["q"] != "0" && (params["version"] == "" || params["version"] == "1.0.0") {
			return true
		}
	}
	return false
}

// Write writes all metrics; as OpenMetrics where open. Of a stale snapshot only
// its age is known. Labels of monitors are service, group, monitor and type;
// those that Prometheus gives a target itself (instance, job) are left to it.
func Write(s *store.Snapshot, stale, open bool, now time.Time) []byte {
	var out bytes.Buffer
	families := page(s, stale, now)
	if !stale {
		families = append(families, services(s)...)
		families = append(families, monitors(s)...)
		families = append(families, likeGatus(s, now)...)
	}
	for _, f := range families {
		f.write(&out)
	}
	if open {
		out.WriteString("# EOF\n")
	}
	return out.Bytes()
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func page(s *store.Snapshot, stale bool, now time.Time) []*family {
	age := &family{name: "sonde_snapshot_age_seconds", help: "How long ago the public snapshot was made."}
	old := &family{name: "sonde_snapshot_stale", help: "1 if the snapshot is too old to say anything about now; then there are no metrics of services."}
	if !s.Generated.IsZero() {
		age.add(now.Sub(s.Generated).Seconds())
	}
	old.add(truth(stale))
	if stale {
		return []*family{age, old}
	}
	open := &family{name: "sonde_incidents_open", help: "Open public incidents, by impact."}
	count := map[monitor.Impact]float64{}
	for _, i := range s.Incidents {
		if i.State != incident.Resolved {
			count[i.Impact]++
		}
	}
	for _, impact := range []monitor.Impact{monitor.ImpactNone, monitor.ImpactMinor, monitor.ImpactMajor, monitor.ImpactCritical} {
		open.add(count[impact], "impact", string(impact))
	}
	work := &family{name: "sonde_maintenance_in_progress", help: "Planned maintenance that is going on."}
	going := 0.0
	for _, m := range s.Maintenance {
		going += truth(m.State == store.MaintenanceInProgress)
	}
	work.add(going)
	seen := &family{name: "sonde_location_last_seen_timestamp_seconds", help: "When the newest checks of a location were due."}
	for _, l := range s.Locations {
		if !l.LastSeen.IsZero() {
			seen.add(unix(l.LastSeen), "location", string(l.ID))
		}
	}
	return []*family{age, old, open, work, seen}
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// seconds is so many milliseconds, to the microsecond.
func seconds(ms float64) float64 { return math.Round(ms*1e3) / 1e6 }

func services(s *store.Snapshot) []*family {
	status := &family{name: "sonde_service_status", help: "1 for what the service is now: operational, at_risk, degraded, partial_outage, major_outage, maintenance or unknown."}
	up := &family{name: "sonde_service_up", help: "1 if the service works, with or without redundancy; 0 in an outage; no series where that is not known or maintenance is going on."}
	since := &family{name: "sonde_service_status_since_timestamp_seconds", help: "Since when the service is what it is."}
	ratio := &family{name: "sonde_uptime_ratio", help: "Share of the window, 0 to 1, in which the service was up, of the time that is known."}
	coverage := &family{name: "sonde_uptime_coverage_ratio", help: "Share of the window, 0 to 1, of which it is known what the service was."}
	latency := &family{name: "sonde_service_response_time_seconds", help: "Response times of the last hour's checks, by percentile."}
	for _, v := range s.Services {
		labels := func(more ...string) []string {
			return append([]string{"service", string(v.ID), "group", v.Group, "name", v.Name}, more...)
		}
		status.add(1, labels("status", string(v.Status))...)
		if word := gatus.Health(v.Status); word != "?" {
			up.add(truth(word == "up"), labels()...)
		}
		if !v.Since.IsZero() {
			since.add(unix(v.Since), labels()...)
		}
		for _, w := range v.Uptime {
			if w.Known {
				ratio.add(w.Uptime, labels("window", w.Window)...)
				coverage.add(w.Coverage, labels("window", w.Window)...)
			}
		}
		if l := v.Latency; l != nil {
			latency.add(seconds(l.P50), labels("percentile", "50")...)
			latency.add(seconds(l.P95), labels("percentile", "95")...)
			latency.add(seconds(l.P99), labels("percentile", "99")...)
		}
	}
	return []*family{status, up, since, ratio, coverage, latency}
}

// monitors is what blackbox_exporter would say of each monitor's last check. One
// that belongs to two services has two series; one in the shadow has none, since alerts
// are written for all that there are.
func monitors(s *store.Snapshot) []*family {
	state := &family{name: "sonde_monitor_state", help: "1 for what the monitor is now, after the votes: up, degraded, suspect, down, recovering, flapping, unknown or paused."}
	checked := &family{name: "sonde_monitor_last_check_timestamp_seconds", help: "When the last check was due that had a verdict."}
	success := &family{name: "probe_success", help: "Displays whether or not the probe was a success"}
	duration := &family{name: "probe_duration_seconds", help: "Returns how long the probe took to complete in seconds"}
	code := &family{name: "probe_http_status_code", help: "Response HTTP status code"}
	expiry := &family{name: "probe_ssl_earliest_cert_expiry", help: "Returns earliest SSL cert expiry in unixtime"}
	for _, v := range s.Services {
		for _, m := range v.Counting() {
			labels := func(more ...string) []string {
				return append([]string{"service", string(v.ID), "group", v.Group, "monitor", string(m.ID), "type", string(m.Type)}, more...)
			}
			state.add(1, labels("state", string(m.State))...)
			if m.Last == nil || m.State == monitor.Unknown || m.State == monitor.Paused {
				continue // what it said once is not what it is
			}
			checked.add(unix(m.Last.At), labels()...)
			success.add(truth(m.Last.Outcome == monitor.OutcomeUp || m.Last.Outcome == monitor.OutcomeDegraded), labels()...)
			duration.add(seconds(m.Last.MS), labels()...)
			if m.Last.Status != 0 {
				code.add(float64(m.Last.Status), labels()...)
			}
			if ends := m.CertificateEnds(); !ends.IsZero() {
				expiry.add(unix(ends), labels()...)
			}
		}
	}
	return []*family{state, checked, success, duration, code, expiry}
}

// likeGatus is the gauges that Gatus' own dashboard shows. Its ends of each
// certificate of a chain are not among them: their labels are subjects and
// issuers, which name targets.
func likeGatus(s *store.Snapshot, now time.Time) []*family {
	success := &family{name: "gatus_results_endpoint_success", help: "Displays whether or not the endpoint was a success"}
	duration := &family{name: "gatus_results_duration_seconds", help: "Duration of the request in seconds"}
	certificate := &family{name: "gatus_results_certificate_expiration_seconds", help: "Number of seconds until the certificate expires"}
	domain := &family{name: "gatus_results_domain_expiration_seconds", help: "Number of seconds until the domain expires"}
	keys := gatus.Keys(s.Services)
	for i, v := range s.Services {
		word := gatus.Health(v.Status)
		if word == "?" {
			continue
		}
		labels := []string{"key", keys[i], "group", v.Group, "name", v.Name, "type", kindOf(v)}
		success.add(truth(word == "up"), labels...)
		if d := sample.Latency(v, now, now); d > 0 {
			duration.add(d.Seconds(), labels...)
		}
		if ends := v.FirstEnd(store.MonitorView.CertificateEnds); !ends.IsZero() {
			certificate.add(ends.Sub(now).Seconds(), labels...)
		}
		if ends := v.FirstEnd(store.MonitorView.RegistrationEnds); !ends.IsZero() {
			domain.add(ends.Sub(now).Seconds(), labels...)
		}
	}
	return []*family{success, duration, certificate, domain}
}

// kindOf is the type of a service's monitors, as Gatus writes types; empty where
// it has several.
func kindOf(v store.ServiceView) string {
	kind := ""
	for _, m := range v.Counting() {
		if kind != "" && kind != string(m.Type) {
			return ""
		}
		kind = string(m.Type)
	}
	return strings.ToUpper(kind)
}
