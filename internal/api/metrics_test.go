package api_test

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// promtool lints what a scrape gets, as Prometheus itself reads it.
func promtool(t *testing.T, body string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("promtool is missing: apt-get install prometheus")
		}
		t.Skip("promtool is missing: apt-get install prometheus")
	}
	cmd := exec.CommandContext(t.Context(), path, "check", "metrics")
	cmd.Stdin = strings.NewReader(body)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s\n%s", err, out, body)
	}
}

// values are the series by name and labels.
func values(body string) map[string]string {
	series := map[string]string{}
	for line := range strings.Lines(body) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			series[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return series
}

func TestMetrics(t *testing.T) {
	f := evening()
	f.snapshot.Locations = []store.LocationView{{ID: "us-west-2", LastSeen: t0.Add(-time.Minute)}, {ID: "eu-west-1"}}
	f.snapshot.Services[1].Monitors = append(f.snapshot.Services[1].Monitors, store.MonitorView{ID: "name", Type: monitor.KindDomain, State: monitor.Up,
		Last: &store.CheckView{At: t0, Outcome: monitor.OutcomeUp, MS: 300, Ends: t0.AddDate(0, 0, 5)}})
	w := serve(f, "GET", "/metrics")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" || w.Header().Get("Cache-Control") != "no-store" || f.reads != 1 {
		t.Fatalf("%d %v, %d reads", w.Code, w.Header(), f.reads)
	}
	promtool(t, w.Body.String())
	series := values(w.Body.String())
	const web = `service="web",group="",monitor="web",type="http"`
	const lb = `service="balancers",group="Platform",monitor="lb-primary",type="http"`
	for name, want := range map[string]string{
		`sonde_snapshot_age_seconds`: "5", `sonde_snapshot_stale`: "0", `sonde_incidents_open{impact="critical"}`: "1", `sonde_incidents_open{impact="minor"}`: "0",
		`sonde_maintenance_in_progress`: "1", `sonde_location_last_seen_timestamp_seconds{location="us-west-2"}`: "1.55909334e+09",
		`sonde_location_last_seen_timestamp_seconds{location="eu-west-1"}`:                                       "",
		`sonde_service_status{service="balancers",group="Platform",name="Load balancers",status="major_outage"}`: "1",
		`sonde_service_up{service="balancers",group="Platform",name="Load balancers"}`:                           "0",
		`sonde_service_up{service="web",group="",name="Web application"}`:                                        "1",
		`sonde_service_up{service="new",group="",name="Web application"}`:                                        "", // not known
		`sonde_service_up{service="works",group="Platform",name="Data / works_1.0"}`:                             "",
		`sonde_uptime_ratio{service="balancers",group="Platform",name="Load balancers",window="24h"}`:            "0.979166",
		`sonde_uptime_ratio{service="balancers",group="Platform",name="Load balancers",window="7d"}`:             "",
		`sonde_service_response_time_seconds{service="web",group="",name="Web application",percentile="50"}`:     "0.1234",
		`sonde_monitor_state{` + lb + `,state="down"}`:                                                           "1",
		`probe_success{` + lb + `}`:                   "0",
		`probe_success{` + web + `}`:                  "1",
		`probe_duration_seconds{` + web + `}`:         "0.0456",
		`probe_http_status_code{` + web + `}`:         "200",
		`probe_http_status_code{` + lb + `}`:          "",
		`probe_ssl_earliest_cert_expiry{` + web + `}`: "1.5599574e+09",
		`gatus_results_endpoint_success{key="platform_load-balancers",group="Platform",name="Load balancers",type="HTTP"}`:          "0",
		`gatus_results_certificate_expiration_seconds{key="_web-application",group="",name="Web application",type=""}`:              "864000",
		`gatus_results_domain_expiration_seconds{key="_web-application",group="",name="Web application",type=""}`:                   "432000",
		`gatus_results_domain_expiration_seconds{key="platform_load-balancers",group="Platform",name="Load balancers",type="HTTP"}`: "",
		`probe_success{service="web",group="",monitor="name",type="domain"}`:                                                        "1",
		`probe_ssl_earliest_cert_expiry{service="web",group="",monitor="name",type="domain"}`:                                       "",
		`gatus_results_duration_seconds{key="_web-application",group="",name="Web application",type=""}`:                            "0.1234",
		`gatus_results_endpoint_success{key="_web-application-new",group="",name="Web application",type=""}`:                        "",
	} {
		if got := series[name]; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestStaleSeries: of an old snapshot only its age is left; a monitor of which
// nothing is heard has no check.
func TestStaleSeries(t *testing.T) {
	f := evening()
	f.snapshot.Services[1].Monitors[0].State = monitor.Unknown
	if body := serve(f, "GET", "/metrics").Body.String(); strings.Contains(body, `probe_success{service="web"`) || !strings.Contains(body, `monitor="web",type="http",state="unknown"`) {
		t.Errorf("a silent monitor:\n%s", body)
	}
	f.snapshot.Generated = t0.Add(-time.Hour)
	body := serve(f, "GET", "/metrics").Body.String()
	promtool(t, body)
	if diff := cmp.Diff(map[string]string{"sonde_snapshot_age_seconds": "3600", "sonde_snapshot_stale": "1"}, values(body)); diff != "" {
		t.Errorf("stale (-want +got):\n%s", diff)
	}
	empty := serve(&fake{}, "GET", "/metrics").Body.String()
	promtool(t, empty)
	if diff := cmp.Diff(map[string]string{"sonde_snapshot_stale": "1"}, values(empty)); diff != "" {
		t.Errorf("empty (-want +got):\n%s", diff)
	}
}

// TestOpenMetrics: asked for as Prometheus asks, the same series with an end.
func TestOpenMetrics(t *testing.T) {
	text := serve(evening(), "GET", "/metrics").Body.String()
	for accept, open := range map[string]bool{
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.1": true,
		"application/openmetrics-text": true, "text/plain;version=0.0.4": false, "*/*": false, "application/openmetrics-text;q=0": false,
		"application/openmetrics-text; version=0.0.1": false, ";;;,": false,
	} {
		w := serve(evening(), "GET", "/metrics", "Accept", accept)
		want, kind := text, "text/plain; version=0.0.4; charset=utf-8"
		if open {
			want, kind = text+"# EOF\n", "application/openmetrics-text; version=1.0.0; charset=utf-8"
		}
		if diff := cmp.Diff(want, w.Body.String()); diff != "" || w.Header().Get("Content-Type") != kind || !slices.Contains(w.Header().Values("Vary"), "Accept") {
			t.Errorf("%s: %v (-want +got):\n%s", accept, w.Header(), diff)
		}
	}
}

var sampleLine = regexp.MustCompile(`^[a-z_]+(\{[a-z_]+="([^"\\\n]|\\["\\n])*"(,[a-z_]+="([^"\\\n]|\\["\\n])*")*\})? [-+0-9.e]+$`)

// TestHostileLabels: names cannot leave their label.
func TestHostileLabels(t *testing.T) {
	f := evening()
	for i := range f.snapshot.Services {
		f.snapshot.Services[i].Name = "a\"} 1\nprobe_success 1\\\xff\x00{"
		f.snapshot.Services[i].Group = `\`
	}
	body := serve(f, "GET", "/metrics").Body.String()
	promtool(t, body)
	for line := range strings.Lines(body) {
		if line = strings.TrimSuffix(line, "\n"); line[0] != '#' && !sampleLine.MatchString(line) {
			t.Errorf("%q", line)
		}
	}
}
