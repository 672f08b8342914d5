package pipeline

import (
	"context"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// seriesHours is how many hours of response times the snapshot holds, the
// present one included.
const seriesHours = 24

// series is a service's response times of the last hours, oldest first: those of
// the snapshot before, and fresh in place of the hours that were rolled up now.
// Where the hours between are not known, because nothing was rolled up for a
// while or there is no snapshot before, they are read from the hours' rollups.
func (p *Pipeline) series(ctx context.Context, id monitor.ServiceID, old, fresh []store.LatencyPoint, gap bool, now time.Time) ([]store.LatencyPoint, error) {
	present := uptime.Hour(now)
	w := uptime.Window{From: present.From.Add(-(seriesHours - 1) * time.Hour), To: present.To}
	if gap || len(old) == 0 {
		var err error
		if old, err = p.stored(ctx, id, w); err != nil {
			return nil, err
		}
	}
	until := w.To
	if len(fresh) > 0 {
		until = fresh[0].At
	}
	var points []store.LatencyPoint
	for _, point := range old {
		if w.Contains(point.At) && point.At.Before(until) {
			points = append(points, point)
		}
	}
	return append(points, fresh...), nil
}

// stored makes points of the rollups of a window's hours.
func (p *Pipeline) stored(ctx context.Context, id monitor.ServiceID, w uptime.Window) ([]store.LatencyPoint, error) {
	rollups, err := p.Store.Rollups(ctx, id, store.Hour, w)
	if err != nil {
		return nil, err
	}
	var points []store.LatencyPoint
	for len(rollups) > 0 {
		var all uptime.Sketch
		from, n := rollups[0].From, 0
		for n < len(rollups) && rollups[n].From.Equal(from) {
			all.Merge(rollups[n].Latency)
			n++
		}
		if all.Count() > 0 {
			points = append(points, latencyPoint(from, all))
		}
		rollups = rollups[n:]
	}
	return points, nil
}

func latencyPoint(at time.Time, s uptime.Sketch) store.LatencyPoint {
	return store.LatencyPoint{
		At: at, P50: monitor.MS(s.Quantile(0.50)), P95: monitor.MS(s.Quantile(0.95)), P99: monitor.MS(s.Quantile(0.99)), N: s.Count(),
	}
}

// lastHour is the newest point as a view; nil where there is none.
func lastHour(points []store.LatencyPoint) *store.LatencyView {
	if len(points) == 0 {
		return nil
	}
	last := points[len(points)-1]
	return &store.LatencyView{P50: last.P50, P95: last.P95, P99: last.P99, N: last.N}
}
