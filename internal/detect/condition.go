package detect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Counting is the service without the monitors that are in the shadow: these are
// shown, and count for nothing; but what they see of DNS is what is to be waited
// for.
func (s Service) Counting(cfg *monitor.Config) Service {
	inShadow := func(id monitor.ID) bool {
		m := find(cfg, id)
		return m != nil && m.Shadow || m == nil && s.Details[id].Shadow
	}
	for id := range s.Details {
		if inShadow(id) {
			s.Details = maps.Clone(s.Details)
			maps.DeleteFunc(s.Details, func(id monitor.ID, _ Monitor) bool { return inShadow(id) })
			break
		}
	}
	return s
}

// Flaps reports whether one of the service's monitors keeps changing.
func (s Service) Flaps() bool {
	for _, d := range s.Details {
		if !d.Flaps.IsZero() {
			return true
		}
	}
	return false
}

// Contested reports whether a vote is open on a failure that was seen before the
// service came to its status: by it the status may turn out to have been wrong.
func (s Service) Contested() bool {
	for _, d := range s.Details {
		if d.Vote != nil && d.Vote.Shows == monitor.Suspect && !d.Vote.Opened.After(s.Since) {
			return true
		}
	}
	return false
}

// Shared is what the failures of the service's monitors may have in common with
// those of other services: each once, sorted.
func (s Service) Shared() []string {
	var out []string
	for _, d := range s.Details {
		if d.Settled == monitor.Down {
			out = append(out, d.Shared...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Drains is until when old DNS answers last, of those that the service's
// monitors have seen, zero if none do any more.
func (s Service) Drains(now time.Time) (until time.Time) {
	for _, d := range s.Details {
		until = later(until, d.Drains)
	}
	if !until.After(now) {
		return time.Time{}
	}
	return until
}

// OnlyDrains reports whether old DNS answers are all that is left of what was wrong
// with the service, and since when.
func (s Service) OnlyDrains(now time.Time) (since time.Time, only bool) {
	for _, d := range s.Details {
		switch {
		case d.Settled == monitor.Degraded && d.Drains.After(now) && d.isBehind():
			only = true
		case d.Settled != monitor.Up && d.Settled != monitor.Paused:
			return time.Time{}, false
		}
		since = later(since, d.Since)
	}
	return since, only
}

// isBehind reports whether a monitor is not up since servers do not answer as they
// should yet, and for nothing else that was seen first.
func (d *Monitor) isBehind() bool {
	f := d.Failure
	return f != nil && (f.Kind == monitor.FailDNS || f.Kind == monitor.FailExpect && strings.Contains(f.Detail, "share was "))
}

// TTL is how long DNS answers of the service's names may be kept, as far as its
// monitors have seen.
func (s Service) TTL() (ttl time.Duration) {
	for _, d := range s.Details {
		ttl = max(ttl, d.TTL)
	}
	return ttl
}

// layers says in words at which layer a check failed.
var layers = map[monitor.FailureKind]string{
	monitor.FailDNS: "DNS does not answer as it should", monitor.FailRefused: "connections are refused", monitor.FailTimeout: "there is no answer in time",
	monitor.FailReset: "connections are cut", monitor.FailUnreachable: "there is no way to the address", monitor.FailTLS: "the TLS hand-shake fails",
	monitor.FailCertificate: "the certificate is not good", monitor.FailHTTP: "the answer is not proper HTTP", monitor.FailBody: "the answer breaks off or is too long",
	monitor.FailExpect: "it answers, but not as expected", monitor.FailHeartbeat: "the job did not report", monitor.FailDomain: "the registration is not good",
	monitor.FailGRPC: "the gRPC service does not serve", monitor.FailWebSocket: "the WebSocket fails", monitor.FailSSH: "SSH fails",
}

// maxNamed is how many monitors a diagnosis names for each layer.
const maxNamed = 4

// Diagnosis says in one sentence what fails at which layer, where, from how many
// locations, and what still works: "connections are refused at 203.0.113.10 and
// 203.0.113.11 (lb-primary, lb-secondary), from 3 of 3 locations; origin works".
// It is empty where nothing fails, or where it would say no more than the
// failure itself: of a service with one monitor it is about where, and from how
// many locations, and leaves out what the failure names.
func (s Service) Diagnosis() string {
	type group struct {
		kind       monitor.FailureKind
		ids, at    []string
		agreed, of int
	}
	groups, alone := map[monitor.FailureKind]*group{}, len(s.Details) == 1
	var works, again []string
	for _, id := range slices.Sorted(maps.Keys(s.Details)) {
		d := s.Details[id]
		switch {
		case d.Settled != monitor.Down && d.State() == monitor.Suspect:
			again = append(again, string(id))
		case d.Settled == monitor.Up || d.Settled == monitor.Degraded:
			works = append(works, string(id))
		case d.Settled != monitor.Down || d.Failure == nil:
		default:
			g := groups[d.Failure.Kind]
			if g == nil {
				g = &group{kind: d.Failure.Kind, agreed: d.Agreed, of: d.Of}
				groups[d.Failure.Kind] = g
			}
			g.ids = append(g.ids, string(id))
			for _, what := range d.Shared {
				address, is := strings.CutPrefix(what, "address ")
				if is && !slices.Contains(g.at, address) && !(alone && strings.Contains(d.Failure.Detail, address)) {
					g.at = append(g.at, address)
				}
			}
			if d.Agreed < g.agreed {
				g.agreed, g.of = d.Agreed, d.Of
			}
		}
	}
	if len(groups) == 0 {
		return ""
	}
	ordered := slices.SortedFunc(maps.Values(groups), func(a, b *group) int {
		return cmp.Or(len(b.ids)-len(a.ids), cmp.Compare(a.kind, b.kind))
	})
	var parts []string
	for _, g := range ordered {
		layer, known := layers[g.kind]
		if !known {
			layer = "checks fail (" + string(g.kind) + ")"
		}
		if len(g.at) > 0 {
			layer += " at " + list(g.at)
		}
		if !alone {
			layer += " (" + list(g.ids) + ")"
		}
		if g.of > 1 && g.agreed > 0 {
			layer += fmt.Sprintf(", from %d of %d locations", g.agreed, g.of)
		} else if alone && len(g.at) == 0 {
			return ""
		}
		parts = append(parts, layer)
	}
	if len(again) > 0 {
		parts = append(parts, list(again)+verb(again, " is", " are")+" being checked again")
	}
	if len(works) > 0 {
		parts = append(parts, list(works)+verb(works, " works", " work"))
	}
	text := strings.Join(parts, "; ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func verb(names []string, one, several string) string {
	if len(names) == 1 {
		return one
	}
	return several
}

// list joins names as people say them.
func list(names []string) string {
	if len(names) > maxNamed {
		names = append(slices.Clone(names[:maxNamed]), fmt.Sprintf("%d more", len(names)-maxNamed))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
