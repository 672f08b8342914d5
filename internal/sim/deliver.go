package sim

import (
	"time"

	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/schedule"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// feed is one partition of the change stream: records in order, and the next one
// waits until those before it have been dealt with.
type feed struct {
	batches []table.Row
	polling bool
	busy    bool // its first records are being dealt with
}

// streamed takes what was written and what the stream lets through.
func (w *world) streamed(row table.Row) {
	switch row.Kind {
	case store.KindBatch:
		if late := w.strikes(StreamLate, "", ""); late != nil {
			w.after(late.For, func() { w.record(row) })
			return
		}
		if twice := w.strikes(StreamTwice, "", ""); twice != nil {
			w.after(twice.For, func() { w.record(row) })
		}
		w.record(row)
	case store.KindNotification:
		if w.strikes(WakeLost, "", "") != nil {
			return // Sweep finds it
		}
		if late := w.strikes(WakeLate, "", ""); late != nil {
			w.after(late.For, w.wake)
			return
		}
		if twice := w.strikes(WakeTwice, "", ""); twice != nil {
			w.after(twice.For, w.wake)
		}
		w.wake()
	}
}

// wake calls Notify, if it is not on its way.
func (w *world) wake() {
	if !w.waking {
		w.waking = true
		w.after(200*time.Millisecond+w.latency("notify", 600*time.Millisecond), func() { w.notify(time.Second) })
	}
}

func (w *world) record(row table.Row) {
	f, has := w.feeds[row.PK]
	if !has {
		f = &feed{}
		w.feeds[row.PK] = f
	}
	f.batches = append(f.batches, row)
	if !f.polling {
		f.polling = true
		w.after(200*time.Millisecond+w.latency("detect", 600*time.Millisecond), func() { w.detect(f, time.Second) })
	}
}

// detect hands a stream's first records to Detect, again and again until it has
// dealt with them.
func (w *world) detect(f *feed, wait time.Duration) {
	if f.busy { // whoever deals with them stands still
		w.after(wait, func() { w.detect(f, wait) })
		return
	}
	n := min(len(f.batches), recordsMax)
	if n == 0 {
		f.polling = false // somebody was faster
		return
	}
	batches := make([]store.Batch, n)
	for i := range batches {
		b, err := store.DecodeBatch(f.batches[i])
		if err != nil {
			w.failure = err
			return
		}
		batches[i] = b
	}
	f.busy = true
	clear(w.books.turned)
	began := w.now
	err := w.call(Detect, "", func(p *pipeline.Pipeline) error { return p.Detect(w.ctx, batches) })
	f.busy = false
	if err == nil && w.inside == 0 && w.failed.Before(began) { // else somebody failed within who would have renewed the page
		w.checkRenewed()
	}
	if err != nil {
		w.after(wait, func() { w.detect(f, min(2*wait, 10*time.Second)) })
		return
	}
	f.batches = f.batches[n:]
	f.polling = len(f.batches) > 0
	if f.polling {
		w.after(100*time.Millisecond, func() { w.detect(f, time.Second) })
	}
}

func (w *world) notify(wait time.Duration) {
	w.waking = false
	err := w.call(Notify, "", func(p *pipeline.Pipeline) error {
		_, err := p.Notify(w.ctx)
		return err
	})
	if err != nil {
		w.waking = true
		w.after(wait, func() { w.notify(min(2*wait, 10*time.Second)) })
	}
}

// queued brings batches to the probes of their locations.
func (w *world) queued(batches []schedule.Batch) {
	for _, b := range batches {
		at := b.Scheduled
		if at.Before(w.now) {
			at = w.now
		}
		at = at.Add(50*time.Millisecond + w.latency("queue "+b.Key(), 400*time.Millisecond))
		if late := w.strikes(QueueLate, "", b.Location); late != nil {
			at = at.Add(late.For)
		} else if twice := w.strikes(QueueTwice, "", b.Location); twice != nil {
			w.at(at.Add(twice.For), func() { w.probe(b, 30*time.Second) })
		}
		w.at(at, func() { w.probe(b, 30*time.Second) })
	}
}

// probe runs a batch; one that fails becomes visible again after a while.
func (w *world) probe(b schedule.Batch, wait time.Duration) {
	if w.spell(Silent, b.Location) != nil {
		return // the Region is gone, and what was queued is late when it is back
	}
	err := w.call(Probe, b.Location, func(p *pipeline.Pipeline) error { return p.Probe(w.ctx, b) })
	if err != nil && wait < 10*time.Minute {
		w.after(wait, func() { w.probe(b, 4*wait) })
	}
}
