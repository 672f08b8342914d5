package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// pageBars is how many days the page shows.
const pageBars = 90

// Rollup renews the figures: counts and latency by the hour, from batches;
// uptime of every public service, from flips. It computes them anew each time,
// so running it twice, or after a pause, changes nothing.
func (p *Pipeline) Rollup(ctx context.Context) error {
	cfg, err := p.Config(ctx, 0)
	if err != nil {
		return err
	}
	now := p.Now()
	latency, err := p.hours(ctx, cfg, now)
	if err != nil {
		return fmt.Errorf("roll up hours: %w", err)
	}
	if err := p.freeze(ctx, cfg, now); err != nil {
		return fmt.Errorf("freeze months: %w", err)
	}
	// Two days more than are shown: the first bar begins at a local midnight.
	from, to := now.AddDate(0, 0, -pageBars-2), now.Add(time.Minute)
	months := monthsShown(now, cfg.Zone())
	if months[0].From.Before(from) {
		from = months[0].From
	}
	adjustments, err := p.Store.Adjustments(ctx, from, to)
	if err != nil {
		return fmt.Errorf("read adjustments: %w", err)
	}
	before, err := p.measured(ctx)
	if err != nil {
		return fmt.Errorf("roll up: %w", err)
	}
	states, err := p.Store.States(ctx, ids(cfg.Services))
	if err != nil {
		return fmt.Errorf("roll up: %w", err)
	}
	gap := before.Measured.Before(uptime.Hour(now).From.Add(-settling))
	figures := map[monitor.ServiceID]figure{}
	for _, svc := range publicServices(cfg) {
		line, err := p.Store.History(ctx, svc.ID, from, to, adjustments)
		if err != nil {
			return fmt.Errorf("read the history of %s: %w", svc.ID, err)
		}
		f, err := measure(line, cfg.Zone(), now)
		if err != nil {
			return fmt.Errorf("measure %s: %w", svc.ID, err)
		}
		f.corrected = adjustments.Corrected(svc.ID)
		if f.months, err = p.months(ctx, svc.ID, line, before.Service(svc.ID), f.corrected, months, cfg.Zone(), now); err != nil {
			return fmt.Errorf("measure the months of %s: %w", svc.ID, err)
		}
		f.monitors = map[monitor.ID]shares{}
		for _, id := range svc.Monitors {
			d := states[svc.ID].Details[id]
			f.monitors[id] = sharesOf(line.Monitor(id, d.Settled, d.Since), now)
		}
		fresh := latency[svc.ID]
		if f.series, err = p.series(ctx, svc.ID, before.Service(svc.ID).Series, fresh, gap, now); err != nil {
			return fmt.Errorf("list response times of %s: %w", svc.ID, err)
		}
		f.latency, f.line = lastHour(fresh), line
		figures[svc.ID] = f
	}
	err = p.renew(ctx, nil, func(s *store.Snapshot) {
		s.Measured = now
		for i, view := range s.Services {
			f := figures[view.ID]
			s.Services[i].Part = 0 // all of them are here, and are placed anew
			s.Services[i].Uptime, s.Services[i].Days = f.windows, f.days
			s.Services[i].Latency, s.Services[i].Series = f.latency, f.series
			if f.line.Timeline == nil {
				continue // it came with a newer configuration
			}
			s.Services[i].Turns = turned(turnViews(f.line, now), view, now)
			s.Services[i].Months, s.Services[i].Corrected = f.months, f.corrected
			for j, m := range view.Monitors {
				view.Monitors[j].Uptime, view.Monitors[j].Coverage = f.monitors[m.ID].uptime, f.monitors[m.ID].coverage
			}
		}
	})
	return errors.Join(err, p.setAside(ctx))
}

// measured is the snapshot before, with the figures of all services.
func (p *Pipeline) measured(ctx context.Context) (store.Snapshot, error) {
	snapshot, _, err := p.Store.Snapshot(ctx)
	if err != nil {
		return snapshot, err
	}
	return p.Store.Details(ctx, snapshot)
}

// figure is what Rollup finds of one service.
type figure struct {
	windows []store.WindowView
	days    []store.DayView
	latency *store.LatencyView
	series  []store.LatencyPoint
	line    uptime.History

	months    []store.WindowView
	corrected int
	monitors  map[monitor.ID]shares
}

// measure computes a service's uptime from its own flips, and from what people
// planned and corrected.
func measure(line uptime.History, zone *time.Location, now time.Time) (f figure, err error) {
	for _, name := range uptime.Names() {
		w, err := uptime.ParseWindow(name, now, zone)
		if err != nil {
			return figure{}, err
		}
		f.windows = append(f.windows, windowView(name, w, line.Tally(w), line.Raw(w)))
	}
	for _, d := range line.Days(now, pageBars, zone) {
		ratio, known := d.Seconds.Uptime()
		f.days = append(f.days, store.DayView{
			Date: d.Date, Known: known, Uptime: ratio, Coverage: d.Seconds.Coverage(),
			DownS: int64(d.Seconds.Down / time.Second), Worst: d.Worst,
		})
	}
	return f, nil
}

func windowView(name string, w uptime.Window, s, measured uptime.Seconds) store.WindowView {
	ratio, known := s.Uptime()
	raw, rawKnown := measured.Uptime()
	return store.WindowView{
		Window: name, From: w.From, To: w.To, Known: known, Uptime: ratio, RawKnown: rawKnown, Raw: raw, Coverage: s.Coverage(),
		DownS: int64(s.Down.Round(time.Second) / time.Second), UnknownS: int64(s.Unknown / time.Second), MaintS: int64(s.Maintenance / time.Second),
	}
}
