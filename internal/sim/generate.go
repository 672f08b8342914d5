package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// epoch is when scripts begin: on the evening of the outage that Sonde is made
// for.
var epoch = time.Date(2019, 5, 29, 1, 0, 0, 0, time.UTC)

// Generate makes the script of a seed: a fleet, what breaks in it, what people do,
// and all kinds of faults; one seed in eight goes without faults.
func Generate(seed uint64) Script {
	g := &generator{rand.New(rand.NewPCG(seed, 0x50_4e_44_45))}
	s := Script{Seed: seed, Start: epoch, Length: time.Duration(g.between(10, 24)) * time.Minute, Settle: 8 * time.Minute}
	s.Config = g.config()
	s.Outages = g.outages(&s)
	s.Acts = g.acts(&s)
	s.Plans = plans(seed, &s)
	if !g.one(8) {
		s.Faults = g.faults(&s)
		if g.one(4) {
			s.Changes = g.changes(&s)
		}
	}
	vary(seed, &s)
	moves(seed, &s)
	outlast(seed, &s)
	more(seed, &s)
	rebuild(seed, &s)
	cancel(seed, &s)
	crowd(seed, &s)
	return s
}

type generator struct{ *rand.Rand }

func (g *generator) one(in int) bool             { return g.IntN(in) == 0 }
func (g *generator) between(least, most int) int { return least + g.IntN(most-least+1) }

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

var places = []monitor.Location{"us-west-2", "eu-west-1", "ap-southeast-2"}

func (g *generator) config() *monitor.Config {
	cfg := &monitor.Config{
		Site:      monitor.Site{Name: "Intervals", TimeZone: "America/Los_Angeles", URL: "https://status.example.com"},
		Locations: places[:pick(g, 1, 2, 3, 3)],
	}
	shards := g.between(1, 2)
	for i := range g.between(2, 5) {
		id := monitor.ServiceID(fmt.Sprintf("s%d", i))
		svc := monitor.Service{ID: id, Name: "Service " + string(rune('A'+i)), Internal: g.one(4), Shard: i % shards}
		for j := range pick(g, 1, 1, 2, 3) {
			m := g.monitor(cfg, id, j)
			svc.Monitors = append(svc.Monitors, m.ID)
			cfg.Monitors = append(cfg.Monitors, m)
		}
		svc.Needs = g.between(1, len(svc.Monitors))
		for j := range i {
			if g.one(4) {
				svc.DependsOn = append(svc.DependsOn, monitor.ServiceID(fmt.Sprintf("s%d", j)))
			}
		}
		cfg.Services = append(cfg.Services, svc)
	}
	cfg.Tiers = []monitor.Tier{
		{ID: "oncall", Name: "On-call", Impact: monitor.ImpactMinor, Remind: time.Duration(pick(g, 0, 5, 10)) * time.Minute},
		{ID: "administrators", Name: "Administrators", After: time.Duration(g.between(0, 5)) * time.Minute, Impact: monitor.ImpactMajor},
		{ID: "customers", Name: "Customers", After: time.Duration(g.between(0, 6)) * time.Minute, Impact: monitor.ImpactMajor,
			Public: true, Hold: time.Duration(pick(g, 0, 2, 4)) * time.Minute},
	}
	if g.one(3) {
		cfg.Tiers = append(cfg.Tiers, monitor.Tier{ID: "board", Name: "Board", After: time.Minute, Impact: monitor.ImpactCritical})
	}
	return cfg
}

func (g *generator) monitor(cfg *monitor.Config, id monitor.ServiceID, n int) monitor.Monitor {
	m := monitor.Monitor{
		ID: monitor.ID(fmt.Sprintf("%s-m%d", id, n)), Service: id, Every: time.Duration(pick(g, 20, 30, 60, 60)) * time.Second,
		Timeout: 5 * time.Second, Confirm: g.between(1, 3), Recover: g.between(1, 3), Recheck: time.Duration(g.between(1, 4)) * time.Second,
		Locations: cfg.Locations, TCP: &monitor.TCP{Address: "203.0.113.1:443"},
	}
	m.Name = string(m.ID)
	if len(cfg.Locations) > 1 && g.one(5) {
		m.Locations = cfg.Locations[:1]
	}
	return m
}

// outages breaks targets: some from one location only, some for a moment, one
// in five for good. What is broken in the end is so from everywhere.
func (g *generator) outages(s *Script) []Outage {
	var all []Outage
	failure := pick(g, monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}, monitor.Failure{Kind: monitor.FailTimeout, Detail: "no answer within 5 s (connect)"})
	for range g.between(1, 5) {
		o := Outage{Outcome: monitor.OutcomeDown, Failure: failure}
		if g.one(5) {
			o.Outcome, o.Failure = monitor.OutcomeDegraded, monitor.Failure{Kind: monitor.FailExpect, Detail: "total_ms < 800 (total_ms was 1200)"}
		}
		o.Begins = 2*time.Minute + time.Duration(g.Int64N(int64(s.Length-6*time.Minute))).Truncate(time.Millisecond)
		o.Ends = o.Begins + time.Duration(pick(g, g.between(3, 60), g.between(60, 360), g.between(360, 900)))*time.Second
		switch {
		case g.one(5):
			o.Ends = 1000 * time.Hour
		case o.Ends > s.Length:
			o.Ends = s.Length
		}
		if o.Ends <= s.Length && g.one(4) {
			o.From = pick(g, s.Config.Locations...)
		}
		svc := pick(g, s.Config.Services...)
		monitors := svc.Monitors
		if g.one(3) {
			monitors = []monitor.ID{pick(g, svc.Monitors...)}
		}
		for _, id := range monitors {
			o.Monitor = id
			all = append(all, o)
		}
		if g.one(3) { // what depends on it breaks with it
			for _, below := range s.Config.Dependents(svc.ID) {
				for _, id := range below.Monitors {
					late := o
					late.Monitor = id
					late.Begins += time.Duration(g.between(0, 3000)) * time.Millisecond
					all = append(all, late)
				}
			}
		}
	}
	return all
}

func (g *generator) acts(s *Script) []Act {
	var all []Act
	for range g.IntN(4) {
		a := Act{At: time.Duration(g.Int64N(int64(s.Length))), By: "maria", Do: pick(g, Acknowledge, Post, Post, Publish, Decline), Tier: "customers"}
		switch a.Do {
		case Post:
			a.Text, a.Next = "We are on it.", time.Duration(pick(g, 0, 3, 5))*time.Minute
		case Decline:
			a.Text = "only a test system"
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Act) int { return int(a.At - b.At) })
	return all
}

// once are the faults that strike one operation, or a few.
var once = []Trouble{
	CrashBeforeWrite, CrashAfterWrite, LostAnswer, ThrottleRead, ThrottleWrite, ThrottleWrite, Conflict, Interleave, Interleave, Stall, Stall, Stall, Stall, CrashBeforeSend, CrashAfterSend, CarrierFails, CarrierRefuses, CarrierUnclear,
	QueueFails, QueueTwice, QueueLate, StreamTwice, StreamLate, WakeTwice, WakeLate, WakeLost, ScheduleMissed, ScheduleTwice, ScheduleLate,
}

func (g *generator) faults(s *Script) []Fault {
	var all []Fault
	moment := func() time.Duration {
		if g.one(2) { // when something happens
			at := pick(g, s.Outages...)
			edge := pick(g, at.Begins, at.Ends)
			if edge < s.Length {
				return max(edge+time.Duration(g.between(-5, 30))*time.Second, 0)
			}
		}
		return time.Duration(g.Int64N(int64(s.Length)))
	}
	for range g.between(2, 14) {
		f := Fault{At: moment().Truncate(time.Millisecond), Kind: pick(g, once...), Times: g.between(1, 3)}
		if g.one(2) {
			f.Stage = pick(g, Detect, Notify, Sweep, Detect, Notify, Sweep, Probe, Rollup, Person)
		}
		switch f.Kind {
		case ScheduleMissed, ScheduleTwice, ScheduleLate:
			f.Stage, f.Times = pick(g, Dispatch, Sweep, Rollup), 1
			f.For = time.Duration(g.between(1, 50)) * time.Second
		case Stall:
			f.For = time.Duration(g.between(500, pick(g, 12_000, 12_000, 12_000, 45_000))) * time.Millisecond // or longer than a lease
		case QueueTwice, QueueLate, StreamTwice, StreamLate, WakeTwice, WakeLate:
			f.For = time.Duration(g.between(1, 50)) * time.Second
		}
		if f.Skip = g.between(0, 8); g.one(2) {
			f.Skip = 0
		}
		f.Minor = g.one(4)
		all = append(all, f)
	}
	if g.one(3) {
		all = append(all, Fault{At: moment(), Kind: Silent, Place: pick(g, s.Config.Locations...), For: time.Duration(g.between(30, 700)) * time.Second})
	}
	if g.one(3) {
		all = append(all, Fault{At: moment(), Kind: Skew, Place: pick(g, s.Config.Locations...), For: time.Duration(g.between(-8000, 8000)) * time.Millisecond})
	}
	slices.SortStableFunc(all, func(a, b Fault) int { return int(a.At - b.At) })
	return all
}

// changes edits the configuration as people do while everything burns: another
// pace, a monitor paused, one more needed.
func (g *generator) changes(s *Script) []Change {
	var all []Change
	cfg := s.Config
	for range g.between(1, 2) {
		next := *cfg
		next.Monitors, next.Services = slices.Clone(cfg.Monitors), slices.Clone(cfg.Services)
		at := g.IntN(len(next.Monitors))
		switch m := &next.Monitors[at]; g.IntN(4) {
		case 0:
			m.Confirm, m.Recover = g.between(1, 3), g.between(1, 3)
		case 1:
			m.Every = time.Duration(pick(g, 20, 30, 60)) * time.Second
		case 2:
			m.Paused = !m.Paused
		case 3:
			svc := &next.Services[g.IntN(len(next.Services))]
			svc.Needs = g.between(1, len(svc.Monitors))
		}
		all = append(all, Change{At: time.Duration(g.Int64N(int64(s.Length))), Config: &next})
		cfg = &next
	}
	slices.SortStableFunc(all, func(a, b Change) int { return int(a.At - b.At) })
	return all
}
