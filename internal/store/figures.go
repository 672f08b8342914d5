package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
		if c.Service == id && c.Withdrawn == nil {
			corrections = append(corrections, c)
		}
	}
	return exclusions, corrections
}

// Corrected is how often people corrected what a service was, or took that back: if
// it is as before, so are all corrections.
func (a Adjustments) Corrected(id monitor.ServiceID) (n int) {
	for _, c := range a.corrections {
		if c.Service == id {
			n++
			if c.Withdrawn != nil {
				n++
			}
		}
	}
	return n
}

// With is the adjustments with one more correction, or with one as it is now.
func (a Adjustments) With(c uptime.Correction) Adjustments {
	others := slices.DeleteFunc(slices.Clone(a.corrections), func(other uptime.Correction) bool { return other.ID == c.ID })
	a.corrections = append(others, c)
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

// Correction reads one by its id, and its version; 0 if there is none.
func (s *Store) Correction(ctx context.Context, id string) (uptime.Correction, int64, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: correctionsPK})
	if err != nil {
		return uptime.Correction{}, 0, fmt.Errorf("query corrections: %w", err)
	}
	for _, row := range rows {
		c, err := as[uptime.Correction](row)
		if err == nil && c.ID == id {
			return c, row.Version, nil
		}
	}
	return uptime.Correction{}, 0, nil
}

// CorrectionOp records a correction, once; with the version that it was read at,
// that it was withdrawn.
func CorrectionOp(c uptime.Correction, version int64) (table.Op, error) {
	return put(table.Key{PK: correctionsPK, SK: stamp(c.From) + "#" + string(c.Service) + "#" + c.ID}, "correction", version, c)
}

// Adjusting is the turn of those who correct a service's figures and of those who
// freeze them: both write it on condition that it is as they read it, so that
// neither misses what the other did.
type Adjusting struct {
	service monitor.ServiceID
	version int64
}

// Adjusting reads whose turn it is, service by service. It is read before what the
// change is made from.
func (s *Store) Adjusting(ctx context.Context, ids ...monitor.ServiceID) (map[monitor.ServiceID]Adjusting, error) {
	turns := map[monitor.ServiceID]Adjusting{}
	keys := make([]table.Key, len(ids))
	for i, id := range ids {
		keys[i], turns[id] = adjustingKey(id), Adjusting{service: id}
	}
	rows, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("get whose turn it is to adjust: %w", err)
	}
	for _, row := range rows {
		id := monitor.ServiceID(strings.TrimPrefix(row.PK, servicePK("")))
		turns[id] = Adjusting{id, row.Version}
	}
	return turns, nil
}

func adjustingKey(id monitor.ServiceID) table.Key {
	return table.Key{PK: servicePK(id), SK: "ADJUSTING"}
}

// Op takes the turn.
func (a Adjusting) Op() (table.Op, error) {
	return put(adjustingKey(a.service), "adjusting", a.version, struct{}{})
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
	return s.historyOf(ctx, id, time.Time{}, from, to, a)
}

// historyOf is History of a service that may have been taken out of the
// configuration: after that nothing is known of it.
func (s *Store) historyOf(ctx context.Context, id monitor.ServiceID, gone, from, to time.Time, a Adjustments) (uptime.History, error) {
	flips, err := s.Flips(ctx, id, from, to)
	if err != nil {
		return uptime.History{}, err
	}
	initial, err := s.StatusBefore(ctx, id, from)
	if err != nil {
		return uptime.History{}, err
	}
	if !gone.IsZero() {
		flips = append(flips, monitor.Flip{Service: id, To: string(monitor.NotKnown), At: gone, Decided: gone})
	}
	exclusions, corrections := a.of(id)
	line := uptime.NewTimeline(uptime.Select(flips, ""), string(initial), exclusions, corrections...)
	return uptime.History{Timeline: line, Exclusions: exclusions, Corrections: corrections, Flips: flips}, nil
}

// monitorsOf is the history of each of a service's monitors since a span began
// that its own, given, was read for: what they are now is known, and all their
// flips since then.
func (s *Store) monitorsOf(ctx context.Context, known Known, from time.Time, line uptime.History) (map[monitor.ID]uptime.History, error) {
	flips, err := s.Flips(ctx, known.ID, from, s.now().Add(time.Minute))
	if err != nil {
		return nil, err
	}
	state, err := s.State(ctx, known.ID)
	if err != nil {
		return nil, err
	}
	out := map[monitor.ID]uptime.History{}
	for _, id := range known.Monitors {
		d := state.Details[id]
		line.Flips = flips
		if !known.Gone.IsZero() {
			line.Flips = append(slices.Clip(flips), monitor.Flip{Monitor: id, From: string(d.Settled), To: string(monitor.Unknown), At: known.Gone, Decided: known.Gone})
		}
		out[id] = line.Monitor(id, d.Settled, d.Since)
	}
	return out, nil
}

// Month is the figures of a calendar month: as they were frozen, in the zone that
// was the site's then, or else of the window given by what is known now. Of what
// began more than 400 days ago only frozen months are known. The figures of
// monitors, which cost a read more, are there if they are asked for.
func (s *Store) Month(ctx context.Context, known Known, name string, w uptime.Window, a Adjustments, monitors bool) (uptime.Figures, error) {
	f, version, err := s.Figures(ctx, known.ID, name)
	if err != nil || version > 0 {
		return f, err
	}
	if s.now().Sub(w.From) > HistoryKept {
		nothing := uptime.History{Timeline: uptime.NewTimeline(nil, "", nil)}
		return nothing.Figures(known.ID, w), nil
	}
	return s.WindowFigures(ctx, known, w, a, monitors)
}

// FiguresOf is Month for those who ask for one service; its monitors' figures are
// there if the service given names monitors.
func (s *Store) FiguresOf(ctx context.Context, svc monitor.Service, name string, w uptime.Window) (uptime.Figures, error) {
	a, err := s.Adjustments(ctx, w.From, w.To)
	if err != nil {
		return uptime.Figures{}, err
	}
	return s.Month(ctx, Known{Service: svc}, name, w, a, len(svc.Monitors) > 0)
}

// Reasons is why a service's figures of a window are not what was measured.
func (s *Store) Reasons(ctx context.Context, id monitor.ServiceID, w uptime.Window) ([]uptime.Exclusion, []uptime.Correction, error) {
	a, err := s.Adjustments(ctx, w.From, w.To)
	if err != nil {
		return nil, nil, err
	}
	exclusions, corrections := a.of(id)
	f := uptime.History{Timeline: uptime.NewTimeline(nil, "", nil), Exclusions: exclusions, Corrections: corrections}.Figures(id, w)
	return f.Exclusions, f.Corrections, nil
}

// WindowFigures is the figures of a window by what is known now.
func (s *Store) WindowFigures(ctx context.Context, known Known, w uptime.Window, a Adjustments, monitors bool) (uptime.Figures, error) {
	line, err := s.historyOf(ctx, known.ID, known.Gone, w.From, w.To, a)
	if err != nil {
		return uptime.Figures{}, err
	}
	f := line.Figures(known.ID, w)
	if !monitors {
		return f, nil
	}
	lines, err := s.monitorsOf(ctx, known, w.From, line)
	if err != nil {
		return uptime.Figures{}, err
	}
	for _, id := range known.Monitors {
		f.Monitors = append(f.Monitors, lines[id].MonitorFigures(known.ID, id, known.name(id), w))
	}
	return f, nil
}

// Freeze is the figures of a month as they are to be kept, by what is known now.
func (s *Store) Freeze(ctx context.Context, known Known, name string, w uptime.Window, zone string, a Adjustments) (uptime.Figures, error) {
	line, err := s.historyOf(ctx, known.ID, known.Gone, w.From, w.To, a)
	if err != nil {
		return uptime.Figures{}, err
	}
	lines, err := s.monitorsOf(ctx, known, w.From, line)
	if err != nil {
		return uptime.Figures{}, err
	}
	f := line.Freeze(line.Figures(known.ID, w), name, zone, s.now())
	f.Name = known.Name
	for _, id := range known.Monitors {
		own := lines[id].MonitorFigures(known.ID, id, known.name(id), w)
		own.Turns = lines[id].Measured(w)
		f.Monitors = append(f.Monitors, own)
	}
	return f, nil
}

func figuresKey(id monitor.ServiceID, month string) table.Key {
	return table.Key{PK: servicePK(id), SK: "FIGURES#" + month}
}

// figuresTrace is what frozen figures can be traced to. It stands compressed beside
// them.
type figuresTrace struct {
	Turns    []uptime.Turn    `json:"turns,omitempty"`
	Monitors []uptime.Figures `json:"monitors,omitempty"`
}

// maxTrace is the most compressed bytes of a trace: of a service that changes all
// the time its monitors' is not kept, nor in the end its own.
const maxTrace = 200 << 10

func decodeFigures(row table.Row) (f uptime.Figures, err error) {
	if err = decode(row, &f); err != nil || len(row.Data) == 0 {
		return f, err
	}
	var trace figuresTrace
	if err := inflate(row.Data, &trace); err != nil {
		return f, fmt.Errorf("decode the trace of %s %s: %w", row.PK, row.SK, err)
	}
	f.Turns, f.Monitors = trace.Turns, trace.Monitors
	return f, nil
}

// Figures reads the frozen figures of a month; version 0 if there are none.
func (s *Store) Figures(ctx context.Context, id monitor.ServiceID, month string) (uptime.Figures, int64, error) {
	row, err := s.table.Get(ctx, figuresKey(id, month))
	if isAbsent(err) {
		return uptime.Figures{}, 0, nil
	}
	if err != nil {
		return uptime.Figures{}, 0, fmt.Errorf("get the figures of %s in %s: %w", id, month, err)
	}
	f, err := decodeFigures(row)
	return f, row.Version, err
}

// Frozen is frozen figures as they were read.
type Frozen struct {
	uptime.Figures
	Version int64
}

// FrozenFigures reads the frozen figures of a service that share time with a
// window, whatever the site's zone was when they were frozen, oldest first.
func (s *Store) FrozenFigures(ctx context.Context, id monitor.ServiceID, w uptime.Window) ([]Frozen, error) {
	const month = 32 * 24 * time.Hour // a month is named by its zone's clocks
	q := table.Query{
		PK: servicePK(id), From: figuresKey(id, uptime.MonthName(w.From.Add(-month), time.UTC)).SK, To: figuresKey(id, uptime.MonthName(w.To.Add(month), time.UTC)).SK + "$",
	}
	rows, err := table.All(ctx, s.table, q)
	if err != nil {
		return nil, fmt.Errorf("query the figures of %s: %w", id, err)
	}
	return slices.DeleteFunc(readAll(s, rows, func(row table.Row) (Frozen, error) {
		f, err := decodeFigures(row)
		return Frozen{f, row.Version}, err
	}), func(f Frozen) bool { return f.Intersect(w).IsEmpty() }), nil
}

// KnownSince is since when it is known what a service was, as far as that goes back;
// false if nothing is.
func (s *Store) KnownSince(ctx context.Context, id monitor.ServiceID) (since time.Time, known bool, err error) {
	earlier := func(at time.Time) {
		if !known || at.Before(since) {
			since, known = at, true
		}
	}
	first, found, err := s.ownFlip(ctx, id, table.Query{PK: servicePK(id), From: "FLIP#", To: "FLIP$", Limit: flipsRead})
	if err != nil {
		return since, false, err
	}
	switch {
	case found && uptime.StatusOf(first.From) != monitor.NotKnown: // those before it have expired
		earlier(s.now().Add(-HistoryKept))
	case found:
		earlier(first.At)
	default:
		state, err := s.State(ctx, id)
		if err != nil {
			return since, false, err
		}
		if uptime.StatusOf(string(state.Status)) != monitor.NotKnown {
			earlier(state.Since)
		}
	}
	page, err := s.table.Query(ctx, table.Query{PK: servicePK(id), From: "FIGURES#", To: "FIGURES$", Limit: 1})
	if err != nil {
		return since, known, fmt.Errorf("query the figures of %s: %w", id, err)
	}
	for _, f := range readAll(s, page.Rows, decodeFigures) {
		begins := f.From
		if len(f.Turns) > 1 && f.Turns[0].Status == monitor.NotKnown {
			begins = f.Turns[1].At
		}
		earlier(begins)
	}
	return since, known, nil
}

// FiguresOp writes frozen figures, on condition that they are as they were read;
// with version 0, that there are none.
func FiguresOp(f uptime.Figures, version int64) (table.Op, error) {
	data, err := packTrace(figuresTrace{f.Turns, f.Monitors})
	if err != nil {
		return table.Op{}, err
	}
	f.Turns, f.Monitors = nil, nil
	op, err := put(figuresKey(f.Service, f.Month), "figures", version, f)
	op.Row.Data = data
	return op, err
}

// packTrace is as much of a trace as there is room for.
func packTrace(trace figuresTrace) ([]byte, error) {
	data, err := deflate(trace)
	if len(data) > maxTrace {
		trace.Monitors = slices.Clone(trace.Monitors)
		for i := range trace.Monitors {
			trace.Monitors[i].Turns, trace.Monitors[i].Outages = nil, nil
		}
		data, err = deflate(trace)
	}
	if len(data) > maxTrace {
		trace.Turns = nil
		data, err = deflate(trace)
	}
	return data, err
}

// frozenUpTo says up to which month the figures of all services are frozen.
type frozenUpTo struct {
	Month string `json:"month"`
}

var frozenKey = table.Key{PK: "PAGE", SK: "FROZEN"}

// FrozenUpTo reads up to which month figures are frozen; empty if none ever were.
func (s *Store) FrozenUpTo(ctx context.Context) (month string, err error) {
	var f frozenUpTo
	_, err = s.get(ctx, frozenKey, &f)
	return f.Month, err
}

// FrozenOp notes up to which month figures are frozen.
func FrozenOp(month string) (table.Op, error) {
	return always(put(frozenKey, "frozen", 0, frozenUpTo{month}))
}
