package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// crowd has, in one script of eight, two services of different shards break and work again
// at the same seconds, while the functions that write it stand still or are overtaken: two
// incidents that begin at once meet in the list of open ones. It has dice of its own.
func crowd(seed uint64, s *Script) {
	g := &generator{rand.New(rand.NewPCG(seed, 0x43_52_4f_57))}
	if !g.one(8) || len(s.Faults) == 0 {
		return
	}
	alone := slices.DeleteFunc(slices.Clone(s.Config.Services), func(svc monitor.Service) bool {
		return len(svc.DependsOn) > 0 || len(s.Config.Dependents(svc.ID)) > 0
	})
	other := slices.IndexFunc(alone, func(svc monitor.Service) bool { return svc.Shard != alone[0].Shard })
	if other < 0 {
		return
	}
	begins := time.Duration(g.between(120, 200)) * time.Second
	ends := min(begins+time.Duration(g.between(90, 300))*time.Second, s.Length)
	for _, svc := range []monitor.Service{alone[0], alone[other]} {
		for _, id := range svc.Monitors {
			s.Outages = append(s.Outages, Outage{Monitor: id, Begins: begins, Ends: ends, Outcome: monitor.OutcomeDown,
				Failure: monitor.Failure{Kind: monitor.FailRefused, Detail: "connection refused"}})
		}
	}
	for _, edge := range []time.Duration{begins, begins, ends} {
		at := edge + time.Duration(g.between(0, 20))*time.Second
		for range g.between(1, 3) {
			s.Faults = append(s.Faults, Fault{At: at, Kind: pick(g, Stall, Stall, Interleave), Stage: pick(g, Detect, Detect, Sweep), Times: g.between(1, 3),
				Skip: g.between(0, 6), For: time.Duration(g.between(1000, 20_000)) * time.Millisecond})
		}
	}
	slices.SortStableFunc(s.Faults, func(a, b Fault) int { return int(a.At - b.At) })
}
