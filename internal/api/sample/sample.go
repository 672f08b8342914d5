// Package sample says what a service was, minute by minute, for readers that
// expect a list of checks. Sonde's checks come from several places and are voted
// on; what is shown here is what came of the votes: the state of the service at
// each full minute of the last day, as the snapshot knows it.
package sample

import (
	"iter"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// Every is how far samples are apart, Kept how far back they reach.
const (
	Every = time.Minute
	Kept  = 24 * time.Hour
)

// Sample is what a service was at one time.
type Sample struct {
	At      time.Time
	Status  monitor.Status
	Latency time.Duration // in the middle of that hour's checks; 0: not known
}

// Back yields what a service is now, dated to the minute or to its last change,
// and then what it was at each full minute before, newest first, for as long as
// anything is known. generated is when the snapshot was made: after it there is
// only what the view says that the service is now.
func Back(v store.ServiceView, generated, now time.Time) iter.Seq[Sample] {
	return func(yield func(Sample) bool) {
		newest := now.Truncate(Every)
		if v.Since.After(newest) && !v.Since.After(now) {
			newest = v.Since
		}
		if !yield(Sample{newest, orUnknown(v.Status), Latency(v, newest, now)}) {
			return
		}
		first := later(begin(v, now), now.Add(-Kept))
		turn := len(v.Turns)
		for at := before(newest); !at.Before(first); at = at.Add(-Every) {
			status := v.Status
			if !at.After(generated) && len(v.Turns) > 0 {
				for turn > 1 && v.Turns[turn-1].At.After(at) {
					turn--
				}
				status = v.Turns[turn-1].Status
			}
			if !yield(Sample{at, orUnknown(status), Latency(v, at, now)}) {
				return
			}
		}
	}
}

// begin is since when anything is known of a service: now, if nothing is.
func begin(v store.ServiceView, now time.Time) time.Time {
	for _, turn := range v.Turns {
		if orUnknown(turn.Status) != monitor.NotKnown {
			return turn.At
		}
	}
	if orUnknown(v.Status) == monitor.NotKnown {
		return now
	}
	return v.Since
}

// before is the last full minute before a time.
func before(at time.Time) time.Time {
	if full := at.Truncate(Every); full.Before(at) {
		return full
	}
	return at.Add(-Every)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func orUnknown(s monitor.Status) monitor.Status {
	if s == "" {
		return monitor.NotKnown
	}
	return s
}

// Latency is the response time in the middle of the hour that a time is in, or,
// of the last hour, of that; 0 where it is not known.
func Latency(v store.ServiceView, at, now time.Time) time.Duration {
	if v.Latency != nil && now.Sub(at) < time.Hour {
		return millis(v.Latency.P50)
	}
	for i := len(v.Series) - 1; i >= 0; i-- {
		if p := v.Series[i]; !p.At.After(at) {
			if at.Sub(p.At) < time.Hour {
				return millis(p.P50)
			}
			break
		}
	}
	return 0
}

// Mean is the mean of the response times in the middle of each hour of the last
// day, each hour counting by its checks; 0 where none is known.
func Mean(v store.ServiceView) time.Duration {
	sum, n := 0.0, int64(0)
	for _, p := range v.Series {
		sum, n = sum+p.P50*float64(p.N), n+p.N
	}
	if n == 0 {
		return 0
	}
	return millis(sum / float64(n))
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
