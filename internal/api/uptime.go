package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// UptimeAnswer is what /api/v1/services/{id}/uptime answers.
type UptimeAnswer struct {
	Service monitor.ServiceID `json:"service"`
	Window  string            `json:"window"`
	Uptime
	Frozen      *time.Time   `json:"frozen"`      // since when the month is kept as it is; null: it may change
	Exclusions  []Exclusion  `json:"exclusions"`  // by time
	Corrections []Correction `json:"corrections"` // in the order in which they were made
}

// Exclusion is planned maintenance, which is in no uptime.
type Exclusion struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
}

// Correction is what people said that the service was, in place of what was
// measured. Who did is not for the public: the report of an operator says it.
type Correction struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	As     string    `json:"as"` // up, down, maintenance or unknown
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// oldest is how far back figures can be computed: flips are kept for so long.
const oldest = store.HistoryKept

// keepMonths is for how long figures that were read are kept: a correction is seen
// after it.
const keepMonths = 50 * time.Second

// windowOf is the window that is asked for.
func windowOf(v page.View, r *http.Request) (string, uptime.Window, error) {
	name := r.URL.Query().Get("window")
	if !r.URL.Query().Has("window") {
		name = "90d"
	}
	w, err := uptime.ParseWindow(name, v.Now, zoneOf(v.Site))
	if err != nil {
		err = badRequest{fmt.Errorf("window is %.40q; expected one of %s, or a month that has begun, such as 2026-11", name, strings.Join(uptime.Names(), ", "))}
	}
	return name, w, err
}

// uptime answers for a window that the snapshot holds, or for a calendar month.
func (s *server) uptime(v page.View, r *http.Request) (any, error) {
	service, err := find(v, r)
	if err != nil {
		return nil, err
	}
	name, window, err := windowOf(v, r)
	if err != nil {
		return nil, err
	}
	out := UptimeAnswer{Service: service.ID, Window: name}
	var f uptime.Figures
	if slices.Contains(uptime.Names(), name) {
		out.Uptime = Uptime{From: window.From, To: window.To} // nothing was measured yet
		for _, w := range service.Uptime {
			if w.Window == name {
				out.Uptime = uptimeOf(w)
				window = uptime.Window{From: w.From, To: w.To}
			}
		}
		f, err = s.reasons(r.Context(), v, service.ID, name, window)
	} else if f, err = s.month(r.Context(), v, service, name, window); err == nil {
		out.Uptime = figureOf(f.Window, f.Adjusted, f.Raw)
	}
	out.why(f)
	return out, err
}

func (a *UptimeAnswer) why(f uptime.Figures) {
	a.Frozen, a.Exclusions, a.Corrections = orNull(f.Frozen), []Exclusion{}, []Correction{}
	for _, e := range f.Exclusions {
		a.Exclusions = append(a.Exclusions, Exclusion{e.From, e.To, e.Reason})
	}
	for _, c := range f.Corrections {
		a.Corrections = append(a.Corrections, Correction{c.From, c.To, c.Word(), c.Reason, c.At})
	}
}

// reasons is why figures of a window that the snapshot holds are what they are.
func (s *server) reasons(ctx context.Context, v page.View, id monitor.ServiceID, name string, w uptime.Window) (uptime.Figures, error) {
	return s.months.get(v.Now, string(id)+" "+name, func() (f uptime.Figures, err error) {
		f.Exclusions, f.Corrections, err = s.History.Reasons(ctx, id, w)
		return f, err
	})
}

// month is a service's figures of a calendar month, and those of its monitors: what
// was frozen, however long ago, or else what is known of the last 400 days. The
// month that goes on ends when the snapshot was measured, as on the page.
func (s *server) month(ctx context.Context, v page.View, service store.ServiceView, name string, w uptime.Window) (uptime.Figures, error) {
	if w.To.Equal(v.Now) && v.Measured.After(w.From) && v.Measured.Before(w.To) {
		w.To = v.Measured
	}
	f, err := s.months.get(v.Now, string(service.ID)+" "+name, func() (uptime.Figures, error) {
		of := monitor.Service{ID: service.ID}
		for _, m := range service.Monitors {
			of.Monitors = append(of.Monitors, m.ID)
		}
		f, err := s.History.FiguresOf(ctx, of, name, w)
		f.Turns, f.Outages = nil, nil // what is shown lies in memory, and no more
		for i := range f.Monitors {
			f.Monitors[i].Turns, f.Monitors[i].Outages = nil, nil
		}
		return f, err
	})
	if err == nil && f.Frozen.IsZero() && v.Now.Sub(w.From) > oldest {
		err = badRequest{fmt.Errorf("window is %q; figures go back 400 days, and further only where a month was frozen", name)}
	}
	return f, err
}

func figureOf(w uptime.Window, seconds, measured uptime.Seconds) Uptime {
	ratio, known := seconds.Uptime()
	raw, rawKnown := measured.Uptime()
	return uptimeOf(store.WindowView{
		From: w.From, To: w.To, Known: known, Uptime: ratio, RawKnown: rawKnown, Raw: raw, Coverage: seconds.Coverage(),
		DownS: int64(seconds.Down.Round(time.Second) / time.Second), UnknownS: int64(seconds.Unknown / time.Second), MaintS: int64(seconds.Maintenance / time.Second),
	})
}

// MonitorUptime is what /api/v1/monitors/{id}/uptime answers.
type MonitorUptime struct {
	Monitor monitor.ID `json:"monitor"`
	Window  string     `json:"window"`
	From    time.Time  `json:"from"`
	To      time.Time  `json:"to"`
	Share
}

// Share is the uptime of a monitor in one window, without its service's
// maintenance, and corrected as its service is. Uptime is null where no time counts.
type Share struct {
	Uptime   *float64 `json:"uptime"`   // 0 to 1
	Coverage float64  `json:"coverage"` // 0 to 1: how much of the window was observed
}

// shareOf is what the snapshot knows of a monitor's window.
func shareOf(m store.MonitorView, name string) (out Share) {
	if share, known := m.Uptime[name]; known {
		out.Uptime, out.Coverage = &share, 1
	}
	if coverage, part := m.Coverage[name]; part {
		out.Coverage = coverage
	}
	return out
}

func (s *server) monitorUptime(v page.View, r *http.Request) (any, error) {
	svc, m, err := findMonitor(v, r)
	if err != nil {
		return nil, err
	}
	name, w, err := windowOf(v, r)
	if err != nil {
		return nil, err
	}
	if slices.Contains(uptime.Names(), name) {
		for _, of := range svc.Uptime {
			if of.Window == name { // measured together
				w = uptime.Window{From: of.From, To: of.To}
			}
		}
		return MonitorUptime{m.ID, name, w.From, w.To, shareOf(m, name)}, nil
	}
	f, err := s.month(r.Context(), v, svc, name, w)
	out := MonitorUptime{m.ID, name, f.From, f.To, Share{}}
	if own, has := ofMonitor(f, m.ID); has {
		out.Coverage = own.Adjusted.Coverage()
		if share, known := own.Adjusted.Uptime(); known {
			out.Uptime = &share
		}
	}
	return out, err
}

func ofMonitor(f uptime.Figures, id monitor.ID) (uptime.Figures, bool) {
	i := slices.IndexFunc(f.Monitors, func(m uptime.Figures) bool { return m.Monitor == id })
	if i < 0 {
		return uptime.Figures{}, false
	}
	return f.Monitors[i], true
}
