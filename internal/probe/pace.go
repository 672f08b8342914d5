package probe

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	beat      = 2 * time.Millisecond // how often the pacer looks whether it comes in time
	calm      = 3 * time.Millisecond // later than that, and nothing new is started
	patience  = 25 * time.Millisecond
	first     = 8 // starts between two beats, before it is known how long checks take
	slack     = 1.25
	minStall  = time.Millisecond
	maxStalls = 4096
)

// pacer keeps a prober from measuring itself. While checks run it wakes every
// two milliseconds and notes how late: so late, and not less, do the checks' own
// goroutines get their turn when a connection is ready. When that grows, no
// further check is started until it is small again. What a check was held up is
// reported with its result.
type pacer struct {
	slots  int  // checks side by side
	blind  bool // for tests: sees no stall of the machine they run on
	mu     sync.Mutex
	users  int
	done   chan struct{}
	late   time.Duration // at the last beat
	starts int           // since then
	mean   time.Duration // of what checks take, the last ones most
	stalls []stall       // in the order of time
}

// stall is a time in which this process did not get its turn.
type stall struct{ from, to time.Time }

// begin starts the pacer's beat, if nobody has; the function returned ends it.
func (p *pacer) begin() (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users++
	if p.users == 1 {
		p.done = make(chan struct{})
		p.late = 0
		go p.run(p.done)
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.users--; p.users == 0 {
			close(p.done)
		}
	}
}

func (p *pacer) run(done chan struct{}) {
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for {
		due := time.Now().Add(beat)
		timer.Reset(beat)
		select {
		case <-timer.C:
			p.note(due, time.Now())
		case <-done:
			return
		}
	}
}

// note takes one beat that was due and came.
func (p *pacer) note(due, came time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starts = 0
	if p.blind {
		return
	}
	p.late = came.Sub(due)
	if p.late < minStall {
		return
	}
	if len(p.stalls) == maxStalls {
		p.stalls = slices.Delete(p.stalls, 0, maxStalls/2)
	}
	p.stalls = append(p.stalls, stall{due, came})
}

// admit waits until a check may start: the beat comes in time, and few others
// have started since. It does not wait for ever: a machine that is always busy
// checks slowly, but it checks.
func (p *pacer) admit(ctx context.Context) {
	if p.free() {
		return
	}
	timer := time.NewTimer(beat / 2)
	defer timer.Stop()
	for end := time.Now().Add(patience); !p.free() && time.Now().Before(end); timer.Reset(beat / 2) {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// free reports whether a check may start now, and counts it if so.
func (p *pacer) free() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.late >= calm || p.starts >= p.quota() {
		return false
	}
	p.starts++
	return true
}

// quota is how many checks may start between two beats: as many as keep all slots
// taken, and a few more, so that those that start together are few.
func (p *pacer) quota() int {
	if p.mean == 0 {
		return first
	}
	return max(int(slack*float64(p.slots)*float64(beat)/float64(p.mean)), 1)
}

// took notes how long a check took.
func (p *pacer) took(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mean == 0 {
		p.mean = d
	}
	p.mean += (d - p.mean) / 16
}

// delay is for how long, from one time to another, this process did not get its
// turn.
func (p *pacer) delay(from, to time.Time) (total time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range slices.Backward(p.stalls) {
		if s.to.Before(from) {
			break
		}
		begin, end := s.from, s.to
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		total += max(end.Sub(begin), 0)
	}
	return total
}
