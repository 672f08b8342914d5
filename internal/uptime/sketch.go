package uptime

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// Sketch is a distribution of latencies, in a few hundred bytes. The zero value
// is empty and ready for use. Copying a Sketch shares its counts: Clone makes
// one that may be added to.
//
// Values are kept to the microsecond, from 0 to MaxLatency; others count as the
// nearer end. Below 128 µs every microsecond has its bucket, above it every
// power of two has 64 of them: a quantile is off by at most 1/128 (0.8 %) of
// its value. Buckets are found by shifting bits, so that all machines agree on
// them; and merging adds counts, so that it may be done in any order and
// grouping and gives the same sketch. (HdrHistogram's layout; its Go package
// keeps all buckets of the range in memory, 24 KB a sketch, which is much for
// thousands of monitors.)
type Sketch struct {
	first  int      // index of counts[0]
	counts []uint64 // its ends are not zero
	n      uint64   // sum of counts
	sum    uint64   // of the values, in µs
	least  uint64   // µs; in bucket first
	most   uint64   // µs; in the last bucket
}

const (
	// MaxLatency is the longest latency that is told apart.
	MaxLatency = 10 * time.Minute

	// MaxCount is how many values a sketch can be stored with: one a second
	// for five centuries.
	MaxCount = 1 << 34

	subBits   = 6 // 64 buckets for each power of two
	maxMicros = uint64(MaxLatency / time.Microsecond)
)

// bucketOf is the index of a value's bucket.
func bucketOf(micros uint64) int {
	shift := max(bits.Len64(micros)-subBits-1, 0)
	return shift<<subBits + int(micros>>shift)
}

// bucket is the least and the greatest value of a bucket.
func bucket(index int) (low, high uint64) {
	shift := max(index>>subBits-1, 0)
	low = uint64(index-shift<<subBits) << shift
	return low, low + 1<<shift - 1
}

// Add counts one latency.
func (s *Sketch) Add(d time.Duration) {
	micros := min(uint64(max(d, 0)/time.Microsecond), maxMicros)
	i := bucketOf(micros)
	s.reach(i, i+1)
	s.counts[i-s.first]++
	s.bound(micros, micros)
	s.n++
	s.sum += micros
}

// Merge adds all that another sketch has counted.
func (s *Sketch) Merge(o Sketch) {
	if o.n == 0 {
		return
	}
	s.reach(o.first, o.first+len(o.counts))
	for i, c := range o.counts {
		s.counts[o.first-s.first+i] += c
	}
	s.bound(o.least, o.most)
	s.n += o.n
	s.sum += o.sum
}

// reach makes room for the buckets from inclusive to exclusive.
func (s *Sketch) reach(from, to int) {
	if len(s.counts) == 0 {
		s.first, s.counts = from, make([]uint64, to-from)
		return
	}
	if from < s.first {
		s.counts = slices.Concat(make([]uint64, s.first-from), s.counts)
		s.first = from
	}
	if missing := to - s.first - len(s.counts); missing > 0 {
		s.counts = append(s.counts, make([]uint64, missing)...)
	}
}

// bound takes in the ends of what is added. It is called before n is raised.
func (s *Sketch) bound(least, most uint64) {
	if s.n == 0 || least < s.least {
		s.least = least
	}
	s.most = max(s.most, most)
}

// Clone returns a sketch that shares nothing with this one.
func (s Sketch) Clone() Sketch {
	s.counts = slices.Clone(s.counts)
	return s
}

// Count is how many values were added.
func (s Sketch) Count() int64 { return int64(s.n) }

// IsZero reports whether the sketch is empty.
func (s Sketch) IsZero() bool { return s.n == 0 }

// Equal reports whether two sketches have counted the same.
func (s Sketch) Equal(o Sketch) bool {
	return s.n == o.n && s.sum == o.sum && s.least == o.least && s.most == o.most &&
		s.first == o.first && slices.Equal(s.counts, o.counts)
}

// Min is the least value, exact to the microsecond; 0 of an empty sketch.
func (s Sketch) Min() time.Duration { return time.Duration(s.least) * time.Microsecond }

// Max is the greatest value, exact to the microsecond; 0 of an empty sketch.
func (s Sketch) Max() time.Duration { return time.Duration(s.most) * time.Microsecond }

// Mean is the average, exact to the microsecond; 0 of an empty sketch.
func (s Sketch) Mean() time.Duration {
	if s.n == 0 {
		return 0
	}
	return time.Duration(s.sum/s.n) * time.Microsecond
}

// Quantile is the value that a share q of all values (0 to 1) does not exceed,
// by nearest rank, off by at most 1/128 of it. Quantiles 0 and 1 are exact. It
// is 0 of an empty sketch.
func (s Sketch) Quantile(q float64) time.Duration {
	if s.n == 0 {
		return 0
	}
	// The rank of 0.07 of 100 is 7, though their product is a little more.
	rank := uint64(math.Ceil(min(max(q, 0), 1)*float64(s.n) - 1e-6))
	rank = min(max(rank, 1), s.n)
	switch rank {
	case 1:
		return s.Min()
	case s.n:
		return s.Max()
	}
	for i, c := range s.counts {
		if rank > c {
			rank -= c
			continue
		}
		low, high := bucket(s.first + i)
		return time.Duration(min(max(low+(high-low)/2, s.least), s.most)) * time.Microsecond
	}
	return s.Max()
}

// Percentiles are those that Sonde shows, over so many checks.
type Percentiles struct {
	P50, P90, P95, P99 time.Duration
	Count              int64
}

// Percentiles returns them; all zero of an empty sketch.
func (s Sketch) Percentiles() Percentiles {
	return Percentiles{P50: s.Quantile(0.50), P90: s.Quantile(0.90), P95: s.Quantile(0.95), P99: s.Quantile(0.99), Count: s.Count()}
}
