package pipeline

import (
	"context"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// settling is how long into an hour the one before is still computed anew:
// batches are written some time after the time they were scheduled for.
const settling = 10 * time.Minute

// points is the response times of services, by the hour.
type points map[monitor.ServiceID][]store.LatencyPoint

// hours rolls up the present hour, and the one before until it has settled; with
// that one its day and month. It returns the response times of each service in
// these hours, oldest first.
func (p *Pipeline) hours(ctx context.Context, cfg *monitor.Config, now time.Time) (points, error) {
	present := uptime.Hour(now)
	latency := points{}
	if now.Sub(present.From) < settling {
		before := uptime.Hour(present.From.Add(-time.Second))
		if err := p.hour(ctx, cfg, before, latency); err != nil {
			return nil, err
		}
		for _, svc := range cfg.Services {
			if err := p.dayAndMonth(ctx, cfg, svc, before); err != nil {
				return nil, err
			}
		}
	}
	return latency, p.hour(ctx, cfg, present, latency)
}

// hour rolls up the batches of one hour, shard by shard.
func (p *Pipeline) hour(ctx context.Context, cfg *monitor.Config, w uptime.Window, latency points) error {
	for shard := range cfg.Shards() {
		// An interval more: the check before the hour covers its beginning.
		batches, err := p.Store.Batches(ctx, shard, w.From.Add(-longest(cfg, shard)), w.To)
		if err != nil {
			return err
		}
		results := map[monitor.ID][]monitor.Result{}
		for _, b := range batches {
			for _, r := range b.Results {
				results[r.Monitor] = append(results[r.Monitor], r)
			}
		}
		for _, svc := range cfg.Services {
			if svc.Shard != shard {
				continue
			}
			if err := p.hourOf(ctx, cfg, svc, w, results, latency); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Pipeline) hourOf(ctx context.Context, cfg *monitor.Config, svc monitor.Service, w uptime.Window,
	results map[monitor.ID][]monitor.Result, latency points) error {

	var rollups []uptime.Rollup
	var all uptime.Sketch
	for _, m := range cfg.Members(svc) {
		r := uptime.FromResults(m, w, results[m.ID])
		if r.Checks() > 0 {
			rollups = append(rollups, r)
			if !m.Shadow {
				all.Merge(r.Latency)
			}
		}
	}
	if len(rollups) == 0 {
		return nil
	}
	if all.Count() > 0 {
		latency[svc.ID] = append(latency[svc.ID], latencyPoint(w.From, all))
	}
	op, err := store.RollupOp(svc.ID, store.Hour, w, rollups)
	if err != nil {
		return err
	}
	return p.Store.Commit(ctx, op)
}

// longest is the longest interval of a shard's monitors, an hour at most.
func longest(cfg *monitor.Config, shard int) time.Duration {
	var d time.Duration
	for _, svc := range cfg.Services {
		if svc.Shard == shard {
			for _, m := range cfg.Members(svc) {
				d = max(d, m.Every)
			}
		}
	}
	return min(d, time.Hour)
}

// dayAndMonth merges the hours of the day that an hour is in, in the site's
// zone, and the days of its month.
func (p *Pipeline) dayAndMonth(ctx context.Context, cfg *monitor.Config, svc monitor.Service, hour uptime.Window) error {
	zone := cfg.Zone()
	local := hour.From.In(zone)
	if err := p.merge(ctx, svc.ID, store.Hour, store.Day, uptime.DayOf(hour.From, zone)); err != nil {
		return err
	}
	return p.merge(ctx, svc.ID, store.Day, store.Month, uptime.Month(local.Year(), local.Month(), zone))
}

// merge sums up the smaller spans of a window, monitor by monitor.
func (p *Pipeline) merge(ctx context.Context, id monitor.ServiceID, parts, whole store.Span, w uptime.Window) error {
	rollups, err := p.Store.Rollups(ctx, id, parts, w)
	if err != nil || len(rollups) == 0 {
		return err
	}
	var order []monitor.ID
	sums := map[monitor.ID]uptime.Rollup{}
	for _, r := range rollups {
		sum, has := sums[r.Monitor]
		if !has {
			order = append(order, r.Monitor)
			sums[r.Monitor] = r
			continue
		}
		sum.Merge(r)
		sums[r.Monitor] = sum
	}
	merged := make([]uptime.Rollup, len(order))
	for i, id := range order {
		merged[i] = sums[id]
	}
	op, err := store.RollupOp(id, whole, w, merged)
	if err != nil {
		return err
	}
	return p.Store.Commit(ctx, op)
}
