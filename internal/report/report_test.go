package report_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the test must not depend on the system's zones

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/report"
	"github.com/sondehq/sonde/internal/uptime"
)

var update = flag.Bool("update", false, "write the golden files")

// may2019 is the month of the outage that Sonde is made for: 6 h 50 min.
func may2019(t *testing.T) report.Report {
	t.Helper()
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	w := uptime.Month(2019, time.May, zone)
	down, up := time.Date(2019, 5, 28, 18, 0, 0, 0, zone), time.Date(2019, 5, 29, 0, 50, 0, 0, zone)
	of := func(id monitor.ServiceID, name string, initial monitor.Status, flips ...monitor.Flip) report.Service {
		return report.Of(name, uptime.History{Timeline: uptime.NewTimeline(flips, string(initial), nil)}.Figures(id, w))
	}
	flip := func(at time.Time, to monitor.Status) monitor.Flip {
		return monitor.Flip{At: at, Decided: at, To: string(to)}
	}
	r := report.Report{
		Site: "Intervals", Window: "2019-05", From: w.From, To: w.To, Zone: zone.String(), Over: true, Month: true,
		Services: []report.Service{
			of("balancers", "Load balancers", monitor.Operational, flip(down, monitor.MajorOutage), flip(up, monitor.Operational)),
			of("formula", "=HYPERLINK(\"x\")|<b>\n", monitor.Operational),
			of("new", "New since the 31st", monitor.NotKnown, flip(time.Date(2019, 5, 31, 12, 0, 0, 0, zone), monitor.Operational)),
			of("unknown", "Never checked", monitor.NotKnown),
		},
		Incidents: []report.IncidentRef{
			{ID: "b", Title: "Not over <script>", Worst: monitor.ImpactMinor, Opened: time.Date(2019, 5, 31, 20, 0, 0, 0, zone), Since: time.Date(2019, 5, 31, 20, 0, 0, 0, zone)},
			{ID: "a", Title: "Load balancers: outage", Worst: monitor.ImpactCritical, Opened: down.Add(-12 * time.Minute), Since: down, Restored: up, Resolved: up.Add(time.Hour)},
		},
	}
	r.Services = append(r.Services, adjusted(w, zone))
	r.Sort()
	return r
}

// adjusted is a service with maintenance, a correction, and frozen figures that
// were corrected later.
func adjusted(w uptime.Window, zone *time.Location) report.Service {
	at := func(day, hour int) time.Time { return time.Date(2019, 5, day, hour, 0, 0, 0, zone) }
	flip := func(at time.Time, to monitor.Status) monitor.Flip {
		return monitor.Flip{At: at, Decided: at, To: string(to)}
	}
	flips := []monitor.Flip{flip(at(7, 22), monitor.MajorOutage), flip(at(8, 1), monitor.Operational), flip(at(20, 9), monitor.PartialOutage), flip(at(20, 13), monitor.Operational)}
	exclusions := []uptime.Exclusion{{From: at(7, 22), To: at(8, 0), Reason: "Patches | <b>monthly</b>"}}
	of := func(corrections ...uptime.Correction) uptime.Figures {
		line := uptime.NewTimeline(flips, string(monitor.Operational), exclusions, corrections...)
		h := uptime.History{Timeline: line, Exclusions: exclusions, Corrections: corrections}
		return h.Freeze(h.Figures("corrected", w), "2019-05", "America/Los_Angeles", at(33, 0))
	}
	frozen := of()
	c := uptime.Correction{ID: "c1", Service: "corrected", From: at(20, 9), To: at(20, 11), As: monitor.Operational,
		Reason: "our own firewall\nheld the probes", By: "arn:aws:sts::123456789012:assumed-role/Admin/anna", At: at(35, 10)}
	return report.Of("Corrected", frozen.Amend(c))
}

func TestFormats(t *testing.T) {
	r := may2019(t)
	if got := r.Services[0]; got.DownS != 24600 || len(got.Outages) != 1 || got.Coverage != 1 {
		t.Errorf("the outage of May 2019: %+v", got)
	}
	for _, format := range report.Formats() {
		var b bytes.Buffer
		if err := r.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		if format != "csv" && format != "json" && !strings.Contains(b.String(), "99.08 %") {
			t.Errorf("%s: no 99.08 %%", format)
		}
		if format == "html" && strings.Contains(b.String(), "<script>") {
			t.Error("html: a title became markup")
		}
		path := filepath.Join("testdata", "may-2019."+format)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	if err := r.Write(&bytes.Buffer{}, "pdf"); err == nil || !strings.Contains(err.Error(), "none of text, md") {
		t.Errorf("pdf: %v", err)
	}
}

// TestCSV: every row can be read back, and no cell is a formula.
func TestCSV(t *testing.T) {
	var b bytes.Buffer
	if err := may2019(t).Write(&b, "csv"); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 6 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+@", rune(cell[0])) {
				t.Errorf("a formula: %s", cell)
			}
		}
	}
}

// TestMonitors: figures of monitors stand under those of their service, in every
// format, and say nothing twice.
func TestMonitors(t *testing.T) {
	r := may2019(t)
	down := r.Services[0].Outages[0].From
	f := uptime.History{Timeline: uptime.NewTimeline([]monitor.Flip{{Monitor: "lb-1", At: down, Decided: down, To: string(monitor.Down)}}, string(monitor.Up), nil)}
	r.Services[0].Monitors = []report.Service{report.OfMonitor("lb-1", "Primary", f.Figures("balancers", uptime.Window{From: r.From, To: r.To}))}
	for format, want := range map[string]string{
		"text": "Load balancers / Primary", "md": "| Load balancers / Primary | 89", "html": "Load balancers / Primary", "csv": "balancers/lb-1,Load balancers / Primary",
		"json": `"monitors": [`,
	} {
		var b bytes.Buffer
		if err := r.Write(&b, format); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s, %v: no %q in\n%s", format, err, want, &b)
		}
	}
}
