package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// port is all that one function sees of AWS: the table, the queue, the targets,
// the carrier; with whatever goes wrong on the way.
type port struct {
	world *world
	stage Stage
	place monitor.Location
}

var (
	_ table.Table      = (*port)(nil)
	_ pipeline.Queue   = (*port)(nil)
	_ pipeline.Engine  = (*port)(nil)
	_ notify.Publisher = (*port)(nil)
)

var (
	errThrottled = errors.New("throughput exceeded (the script says so)")
	errLost      = errors.New("connection reset before the answer (the script says so)")
	errCarrier   = errors.New("internal error of the carrier (the script says so)")
	errQueue     = errors.New("queue not reachable (the script says so)")
)

func (p *port) strikes(kind Trouble) *Fault { return p.world.strikes(kind, p.stage, p.place) }

// throttled reports whether the table refuses a read, or a write.
func (p *port) throttled(kind Trouble) bool {
	return p.strikes(Throttle) != nil || p.strikes(kind) != nil
}

// Get implements table.Table.
func (p *port) Get(ctx context.Context, key table.Key) (table.Row, error) {
	if p.throttled(ThrottleRead) {
		return table.Row{}, errThrottled
	}
	return p.world.rows.Get(ctx, key)
}

// Query implements table.Table.
func (p *port) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if p.throttled(ThrottleRead) {
		return table.Page{}, errThrottled
	}
	return p.world.rows.Query(ctx, q)
}

// BatchGet implements table.Table.
func (p *port) BatchGet(ctx context.Context, keys []table.Key) ([]table.Row, error) {
	if p.throttled(ThrottleRead) {
		return nil, errThrottled
	}
	return p.world.rows.BatchGet(ctx, keys)
}

// Write implements table.Table.
func (p *port) Write(ctx context.Context, ops ...table.Op) error {
	w := p.world
	if p.throttled(ThrottleWrite) {
		return errThrottled
	}
	minor := !p.matters(ops)
	strikes := func(kind Trouble) *Fault { return w.strikesOne(kind, p.stage, p.place, minor) }
	switch {
	case strikes(Conflict) != nil:
		return table.ErrConflict
	case strikes(CrashBeforeWrite) != nil:
		w.books.excuseReceipts(ops) // the carrier has what they are for
		panic(crash{})
	case w.inside == 1 && strikes(Interleave) != nil:
		w.meanwhile(p.stage)
	case w.inside <= 2:
		if stall := strikes(Stall); stall != nil {
			lapses := w.claimedUntil(ctx, ops)
			w.stall(stall.For)
			if !lapses.IsZero() && !w.now.Before(lapses) {
				w.books.excuseReceipts(ops) // somebody else takes the sender for dead
			}
		}
	}
	if err := w.write(ctx, p.stage, ops); err != nil {
		return err
	}
	if strikes(CrashAfterWrite) != nil {
		panic(crash{})
	}
	if strikes(LostAnswer) != nil {
		return errLost
	}
	return nil
}

// claimedUntil is until when the claims last whose receipts are to be written; zero if
// these are none.
func (w *world) claimedUntil(ctx context.Context, ops []table.Op) (until time.Time) {
	for _, op := range ops {
		if op.Verb != table.Delete {
			continue
		}
		row, err := w.rows.Get(ctx, op.Row.Key)
		if err != nil {
			continue
		}
		if p, err := store.DecodePending(row); err == nil && (until.IsZero() || p.NotBefore.Before(until)) {
			until = p.NotBefore
		}
	}
	return until
}

// matters reports whether a write decides something: faults are not wasted on
// those that are made again every minute, unless their stage does nothing else.
func (p *port) matters(ops []table.Op) bool {
	return p.stage == Rollup || slices.ContainsFunc(ops, func(op table.Op) bool {
		return op.Verb == table.Delete || op.Verb == table.Put && op.Row.Kind != "snapshot" && op.Row.Kind != "seen"
	})
}

// stall lets the world go on while a function stands still.
func (w *world) stall(d time.Duration) {
	for end := w.now.Add(d); w.failure == nil && w.step(end); {
	}
}

// meanwhile runs what others may be doing between a stage's reads and its write:
// Detect has the next records of some stream, or else Sweep comes by, or Notify.
func (w *world) meanwhile(stage Stage) {
	for _, name := range w.feedNames() {
		if f := w.feeds[name]; len(f.batches) > 0 && !f.busy {
			w.detect(f, time.Second)
			return
		}
	}
	if stage != Sweep {
		_ = w.call(Sweep, "", func(p *pipeline.Pipeline) error { return p.Sweep(w.ctx) })
		return
	}
	w.notify(time.Second)
}

// write does it, and lets the stream and the books know.
func (w *world) write(ctx context.Context, stage Stage, ops []table.Op) error {
	over := w.writesOver(ctx, ops)
	if err := w.rows.Write(ctx, ops...); err != nil {
		return err
	}
	for _, key := range over {
		w.books.violate("nobody writes over what others have written since", "%s: %s %s", stage, key.PK, key.SK)
	}
	w.lines.wrote(ops)
	if err := w.books.wrote(w, w.kept(ops)); err != nil {
		w.failure = errors.Join(w.failure, fmt.Errorf("%s wrote what cannot be read: %w", stage, err))
	}
	for _, op := range ops {
		if op.Verb == table.Put {
			w.streamed(op.Row)
		}
	}
	if w.wrote != nil {
		w.wrote(ops)
	}
	return nil
}

// versioned are the kinds of rows that are written after they were read.
var versioned = map[string]bool{"state": true, "incident": true, "open": true}

// writesOver are the rows that would be written by somebody who has not read them as
// they stand.
func (w *world) writesOver(ctx context.Context, ops []table.Op) (keys []table.Key) {
	for _, op := range ops {
		if op.Verb != table.Put || !versioned[op.Row.Kind] {
			continue
		}
		if row, err := w.rows.Get(ctx, op.Row.Key); err == nil && row.Version >= op.Row.Version {
			keys = append(keys, op.Row.Key)
		}
	}
	return keys
}

// retold are the kinds of rows that a replay tells of; the others serve to find out
// whether the stages are right, which it does not ask.
var retold = map[string]bool{"incident": true, "update": true, store.KindNotification: true}

// judges reports whether it is asked if the stages are right: a replay does not.
func (w *world) judges() bool { return w.wrote == nil }

// kept are the operations that the books keep.
func (w *world) kept(ops []table.Op) []table.Op {
	if w.judges() || slices.ContainsFunc(ops, func(op table.Op) bool { return retold[op.Row.Kind] }) {
		return ops
	}
	return nil
}

// Send implements pipeline.Queue.
func (p *port) Send(_ context.Context, batches []schedule.Batch) error {
	if p.strikes(QueueFails) != nil {
		return errQueue
	}
	p.world.queued(batches)
	return nil
}

// Run implements pipeline.Engine.
func (p *port) Run(_ context.Context, checks []monitor.Check) []monitor.Result {
	out := make([]monitor.Result, len(checks))
	for i, c := range checks {
		r := p.world.targets(c, p.world.now)
		r.Monitor, r.Location, r.Scheduled, r.Attempt = c.Monitor.ID, c.Location, c.Scheduled, c.Attempt
		r.Started = p.world.now.Add(p.world.skew(p.place))
		out[i] = r
	}
	return out
}

// Publish implements notify.Publisher.
func (p *port) Publish(_ context.Context, m notify.Message) (string, error) {
	p.world.books.tried(p.world, m)
	if p.strikes(CarrierFails) != nil {
		p.world.books.refused(p.world, m)
		return "", errCarrier
	}
	if p.strikes(CarrierRefuses) != nil {
		p.world.books.refused(p.world, m)
		return "", fmt.Errorf("%w: %w", errCarrier, notify.ErrPermanent)
	}
	if p.strikes(CrashBeforeSend) != nil {
		panic(crash{})
	}
	p.world.books.sent(p.world, m)
	p.world.lines.add("told %s: %s", m.Tier, m.Subject)
	switch {
	case p.strikes(CrashAfterSend) != nil:
		p.world.books.excuse(m)
		panic(crash{})
	case p.strikes(CarrierUnclear) != nil:
		p.world.books.excuse(m)
		p.world.books.refused(p.world, m)
		return "", errLost
	}
	return "carrier-" + m.ID, nil
}
