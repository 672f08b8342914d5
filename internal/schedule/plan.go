package schedule

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Plan is what a location has to check, by shard and interval.
type Plan struct {
	config   int64
	location monitor.Location
	groups   []group // by shard, then interval
}

// group is the monitors of a shard that are always due together, in one batch.
type group struct {
	shard  int
	every  int64 // seconds, at least 1
	offset int64 // seconds, 0 to every-1
	ids    []monitor.ID

	browser bool // they are browser journeys, at most maxJourneys of them
}

// maxJourneys is how many browser journeys a batch holds: each takes seconds and a
// browser, and the results of a batch are written when the last has ended.
const maxJourneys = 3

// NewPlan works out what location has to check. Monitors that are paused, or
// not checked from there, are left out. An interval that is not in whole
// seconds is rounded up to them. A monitor of a service that the configuration
// does not hold is on shard 0.
func NewPlan(cfg *monitor.Config, location monitor.Location) *Plan {
	shards := make(map[monitor.ServiceID]int, len(cfg.Services))
	for _, s := range cfg.Services {
		shards[s.ID] = s.Shard
	}
	type key struct {
		shard   int
		every   int64
		browser bool
	}
	members := map[key][]monitor.ID{}
	for _, m := range cfg.Monitors {
		if m.Paused || !slices.Contains(m.Locations, location) {
			continue
		}
		k := key{shards[m.Service], wholeSeconds(m.Every), m.Kind() == monitor.KindBrowser}
		members[k] = append(members[k], m.ID)
	}
	p := &Plan{config: cfg.Version, location: location}
	for k, ids := range members {
		slices.Sort(ids)
		most := len(ids)
		if k.browser {
			most = maxJourneys
		}
		for some := range slices.Chunk(ids, most) {
			p.groups = append(p.groups, group{k.shard, k.every, int64(phase(k.shard, location) % uint64(k.every)), some, k.browser})
		}
	}
	slices.SortFunc(p.groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.shard, b.shard), compareBool(a.browser, b.browser), cmp.Compare(a.every, b.every), cmp.Compare(a.ids[0], b.ids[0]))
	})
	return p
}

// Due returns all batches of a location scheduled from a time inclusive to a
// time exclusive. Those who ask more than once build a Plan.
func Due(cfg *monitor.Config, location monitor.Location, from, to time.Time) []Batch {
	return NewPlan(cfg, location).Due(from, to)
}

// Due returns all batches scheduled from a time inclusive to a time exclusive.
// It takes time and memory for every check in the span, so a span is minutes.
func (p *Plan) Due(from, to time.Time) []Batch {
	type turn struct {
		at    int64 // seconds since the epoch
		group int
	}
	first, end := ceilSecond(from), ceilSecond(to)
	var turns []turn
	for i, g := range p.groups {
		for at := g.next(first); at < end; at += g.every {
			turns = append(turns, turn{at, i})
		}
	}
	// Groups are in the order of their shards: so are the turns of a second.
	slices.SortFunc(turns, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.group, b.group))
	})
	var batches []Batch
	for i, t := range turns {
		g := p.groups[t.group]
		if i > 0 && !g.browser && turns[i-1].at == t.at && p.groups[turns[i-1].group].shard == g.shard {
			last := &batches[len(batches)-1]
			last.Monitors = append(last.Monitors, g.ids...)
			slices.Sort(last.Monitors)
			continue
		}
		batches = append(batches, Batch{
			Shard: g.shard, Location: p.location, Scheduled: time.Unix(t.at, 0).UTC(),
			Monitors: slices.Clone(g.ids), Config: p.config, Browser: g.browser,
		})
	}
	return batches
}

// compareBool puts what is not so before what is.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// next is the first turn of the group at or after a second.
func (g group) next(second int64) int64 {
	wait := (g.offset - second) % g.every
	if wait < 0 {
		wait += g.every
	}
	return second + wait
}

func ceilSecond(t time.Time) int64 {
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return s
}

func wholeSeconds(every time.Duration) int64 {
	return max(int64((every+time.Second-1)/time.Second), 1)
}

// stride is the distance between the phases of neighbouring shards, before the
// interval is taken off. It is prime and far longer than any interval, so that
// shards as many as an interval has seconds fall on as many different seconds.
// Among such numbers it was searched for even spread: for the usual intervals
// (5, 10, 15, 20, 30 s; 1, 2, 3, 5, 10, 15, 30 min; 1 h) and any number of
// shards up to 200, no gap between two shards is over four times the mean.
const stride = 1_000_015_963

// phase is a number of seconds whose remainder by an interval is when a shard
// has its turn. Locations are set apart by a hash of their name.
func phase(shard int, location monitor.Location) uint64 {
	h := fnv.New64a()
	h.Write([]byte(location))
	return mix(h.Sum64())>>32 + uint64(uint32(shard))*stride
}

// mix spreads every bit of h over all others (the finaliser of MurmurHash3, by
// Austin Appleby, in the public domain): names that differ in their last
// character only, as Regions do, are as far apart as any.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
