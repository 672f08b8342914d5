package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// Monitor is a monitor in answers.
type Monitor struct {
	ID      monitor.ID        `json:"id"`
	Name    string            `json:"name"`
	Service monitor.ServiceID `json:"service"`
	Type    monitor.Kind      `json:"type"`
	State   monitor.State     `json:"state"`
	Since   *time.Time        `json:"since"`
	// Shadow is that it counts for nothing in its service.
	Shadow bool `json:"shadow,omitempty"`
	// Only says from which locations alone it looks different.
	Only map[monitor.Location]monitor.Outcome `json:"only,omitempty"`
}

func monitorOf(service monitor.ServiceID, v store.MonitorView) Monitor {
	return Monitor{ID: v.ID, Name: v.Name, Service: service, Type: v.Type, State: stateOf(v.State), Since: orNull(v.Since), Shadow: v.Shadow, Only: v.Only}
}

// Monitors is what /api/v1/monitors answers.
type Monitors struct {
	About
	Monitors []Monitor `json:"monitors"` // service by service
}

func (s *server) monitors(v page.View, _ *http.Request) (any, error) {
	out := Monitors{aboutOf(v), []Monitor{}}
	for _, svc := range v.Services {
		for _, m := range svc.Monitors {
			out.Monitors = append(out.Monitors, monitorOf(svc.ID, m))
		}
	}
	return out, nil
}

func findMonitor(v page.View, r *http.Request) (store.ServiceView, store.MonitorView, error) {
	id := monitor.ID(r.PathValue("id"))
	for _, svc := range v.Services {
		for _, m := range svc.Monitors {
			if m.ID == id {
				return svc, m, nil
			}
		}
	}
	return store.ServiceView{}, store.MonitorView{}, notFound{fmt.Errorf("there is no monitor %q; /api/v1/monitors lists them", id)}
}

// MonitorAnswer is what /api/v1/monitors/{id} answers.
type MonitorAnswer struct {
	Monitor
	Uptime map[string]Share `json:"uptime"` // by window
}

func (s *server) monitor(v page.View, r *http.Request) (any, error) {
	svc, m, err := findMonitor(v, r)
	if err != nil {
		return nil, err
	}
	out := MonitorAnswer{monitorOf(svc.ID, m), map[string]Share{}}
	for _, name := range uptime.Names() {
		out.Uptime[name] = shareOf(m, name)
	}
	return out, nil
}

// Results is what /api/v1/monitors/{id}/results answers.
type Results struct {
	Monitor  monitor.ID `json:"monitor"`
	From     time.Time  `json:"from"` // scheduled from here inclusive
	To       time.Time  `json:"to"`   // to here exclusive
	Complete bool       `json:"complete"`
	Results  []Result   `json:"results"` // newest first; where not complete, the oldest are missing
}

// Result is what the public may know of one check: no evidence, and no text of a
// target or of Sonde.
type Result struct {
	Scheduled time.Time            `json:"scheduled"`
	Location  monitor.Location     `json:"location"`
	Attempt   int                  `json:"attempt"` // 0 a scheduled check, n the n-th re-check
	Outcome   monitor.Outcome      `json:"outcome"`
	Failure   *monitor.FailureKind `json:"failure"`
	TotalMS   float64              `json:"total_ms"`
}

// resultHours is how far back results are shown; 1 unless told.
const resultHours = 3

func (s *server) results(v page.View, r *http.Request) (any, error) {
	svc, m, err := findMonitor(v, r)
	if err != nil {
		return nil, err
	}
	hours := 1
	if query := r.URL.Query(); query.Has("hours") {
		text := query.Get("hours")
		if hours, err = strconv.Atoi(text); err != nil || hours < 1 || hours > resultHours {
			return nil, badRequest{fmt.Errorf("hours is %.40q; expected a number from 1 to %d", text, resultHours)}
		}
	}
	recent, err := s.batches(r.Context(), svc.Shard, v.Now)
	if err != nil {
		return nil, err
	}
	out := Results{Monitor: m.ID, From: recent.to.Add(-time.Duration(hours) * time.Hour), To: recent.to, Complete: true, Results: []Result{}}
	if recent.since.After(out.From) {
		out.Complete = false
	}
	for _, b := range recent.batches {
		for _, result := range b.Results {
			if result.Monitor == m.ID && !result.Scheduled.Before(out.From) {
				out.Results = append(out.Results, resultOf(result))
			}
		}
	}
	return out, nil
}

func resultOf(r monitor.Result) Result {
	out := Result{Scheduled: r.Scheduled, Location: r.Location, Attempt: r.Attempt, Outcome: outcomeOf(r.Outcome), TotalMS: monitor.MS(r.Timing.Total)}
	if r.Failure != nil {
		out.Failure = &r.Failure.Kind
	}
	return out
}

// recentBatches is what was read of a shard: all that was scheduled since.
type recentBatches struct {
	batches   []store.Batch // newest first
	since, to time.Time
}

// batches reads a shard's newest batches, once in a while, however many ask.
func (s *server) batches(ctx context.Context, shard int, now time.Time) (recentBatches, error) {
	return s.recent.get(now, shard, func() (recentBatches, error) {
		to := now.Truncate(time.Second)
		out := recentBatches{since: to.Add(-resultHours * time.Hour), to: to}
		batches, all, err := s.History.RecentBatches(ctx, shard, out.since, to)
		if !all && len(batches) > 0 {
			out.since = batches[len(batches)-1].Scheduled
		}
		for _, b := range batches {
			out.batches = append(out.batches, public(b))
		}
		return out, err
	})
}

// public keeps of a batch what is shown, so that no more of it lies in memory.
func public(b store.Batch) store.Batch {
	lean := store.Batch{Scheduled: b.Scheduled, Location: b.Location, Results: make([]monitor.Result, len(b.Results))}
	for i, r := range b.Results {
		lean.Results[i] = monitor.Result{
			Monitor: r.Monitor, Location: r.Location, Scheduled: r.Scheduled, Attempt: r.Attempt,
			Outcome: r.Outcome, Failure: r.Failure, Timing: monitor.Timing{Total: r.Timing.Total},
		}
	}
	return lean
}
