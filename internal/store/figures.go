package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/maintenance"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/uptime"
)

// Adjustments is why figures are not what was measured, of all services: planned
// maintenance that was, and what people corrected.
type Adjustments struct {
	runs        []maintenance.Run
	corrections []uptime.Correction
}

const correctionsPK = "CORRECTIONS"

// Adjustments reads those that share time with a span. The corrections are all
// that there are: they are few, and may be made long after.
func (s *Store) Adjustments(ctx context.Context, from, to time.Time) (a Adjustments, err error) {
	if a.runs, err = s.Runs(ctx, from, to); err != nil {
		return a, err
	}
	a.corrections, err = s.Corrections(ctx)
	return a, err
}

// of is the adjustments of one service.
func (a Adjustments) of(id monitor.ServiceID) (exclusions []uptime.Exclusion, corrections []uptime.Correction) {
	for _, r := range a.runs {
		if w, in := r.Of(id); in {
			exclusions = append(exclusions, uptime.Exclusion{From: w.From, To: w.To, Reason: r.Title})
		}
	}
	for _, c := range a.corrections {
		if c.Service == id {
			corrections = append(corrections, c)
		}
	}
	return exclusions, corrections
}

// With is the adjustments with one more correction.
func (a Adjustments) With(c uptime.Correction) Adjustments {
	a.corrections = append(slices.Clone(a.corrections), c)
	return a
}

// HistoryKept is for how long it is known what was measured.
const HistoryKept = keepFlips

// Corrections reads what people corrected, by time.
func (s *Store) Corrections(ctx context.Context) ([]uptime.Correction, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: correctionsPK})
	if err != nil {
		return nil, fmt.Errorf("query corrections: %w", err)
	}
	return readAll(s, rows, as[uptime.Correction]), nil
}

// CorrectionOp records a correction, once.
func CorrectionOp(c uptime.Correction) (table.Op, error) {
	return put(table.Key{PK: correctionsPK, SK: stamp(c.From) + "#" + string(c.Service) + "#" + c.ID}, "correction", 0, c)
}

// Timeline is a service's history over a span: what all figures of uptime are
// computed from.
func (s *Store) Timeline(ctx context.Context, id monitor.ServiceID, from, to time.Time) (uptime.History, error) {
	a, err := s.Adjustments(ctx, from, to)
	if err != nil {
		return uptime.History{}, err
	}
	return s.History(ctx, id, from, to, a)
}

// History is Timeline with adjustments that were read before, for those who ask
// for many services.
func (s *Store) History(ctx context.Context, id monitor.ServiceID, from, to time.Time, a Adjustments) (uptime.History, error) {
	flips, err := s.Flips(ctx, id, from, to)
	if err != nil {
		return uptime.History{}, err
	}
	initial, err := s.StatusBefore(ctx, id, from)
	if err != nil {
		return uptime.History{}, err
	}
	exclusions, corrections := a.of(id)
	line := uptime.NewTimeline(uptime.Select(flips, ""), string(initial), exclusions, corrections...)
	return uptime.History{Timeline: line, Exclusions: exclusions, Corrections: corrections, Flips: flips}, nil
}

// MonitorHistories is the history of each of a service's monitors. What one was
// when a span began is read from its flips before: of the last 400 days.
func (s *Store) MonitorHistories(ctx context.Context, svc monitor.Service, from, to time.Time, a Adjustments) (map[monitor.ID]uptime.History, error) {
	flips, err := s.Flips(ctx, svc.ID, from.Add(-keepFlips), to)
	if err != nil {
		return nil, err
	}
	exclusions, corrections := a.of(svc.ID)
	out := map[monitor.ID]uptime.History{}
	for _, id := range svc.Monitors {
		own := uptime.Select(flips, id)
		line := uptime.NewTimeline(own, "", exclusions, corrections...)
		out[id] = uptime.History{Timeline: line, Exclusions: exclusions, Corrections: corrections, Flips: own}
	}
	return out, nil
}

// Tally is how a service spent the time of a window, by its name, adjusted and as
// measured: of a month that is frozen as it was, otherwise by its Timeline.
func (s *Store) Tally(ctx context.Context, id monitor.ServiceID, name string, w uptime.Window) (adjusted, raw uptime.Seconds, err error) {
	if f, version, err := s.Figures(ctx, id, name); err != nil || version > 0 {
		return f.Adjusted, f.Raw, err
	}
	line, err := s.Timeline(ctx, id, w.From, w.To)
	if err != nil {
		return uptime.Seconds{}, uptime.Seconds{}, err
	}
	return line.Tally(w), line.Raw(w), nil
}

func figuresKey(id monitor.ServiceID, month string) table.Key {
	return table.Key{PK: servicePK(id), SK: "FIGURES#" + month}
}

// Figures reads the frozen figures of a month; version 0 if there are none.
func (s *Store) Figures(ctx context.Context, id monitor.ServiceID, month string) (uptime.Figures, int64, error) {
	var f uptime.Figures
	version, err := s.get(ctx, figuresKey(id, month), &f)
	return f, version, err
}

// FiguresOp writes frozen figures, on condition that they are as they were read;
// with version 0, that there are none.
func FiguresOp(f uptime.Figures, version int64) (table.Op, error) {
	return put(figuresKey(f.Service, f.Month), "figures", version, f)
}

// frozen says up to which month the figures of all services are frozen.
type frozen struct {
	Month string `json:"month"`
}

var frozenKey = table.Key{PK: "PAGE", SK: "FROZEN"}

// Frozen reads up to which month figures are frozen; empty if none ever were.
func (s *Store) Frozen(ctx context.Context) (month string, err error) {
	var f frozen
	_, err = s.get(ctx, frozenKey, &f)
	return f.Month, err
}

// FrozenOp notes up to which month figures are frozen.
func FrozenOp(month string) (table.Op, error) {
	return always(put(frozenKey, "frozen", 0, frozen{month}))
}
