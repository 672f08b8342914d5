package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// restored is an incident of which every cause is fine. It is over, unless one
// of them keeps changing, a person has opened it, or caches may still hold old
// DNS answers.
func (s *stepper) restored(inc Incident, svc monitor.Service, c Change, before Affected, learned string) {
	flapping := slices.ContainsFunc(inc.Services, func(a Affected) bool { return a.Cause && a.Flapping })
	for _, a := range inc.Services { // what is affected may know more of DNS than the cause
		if view, known := s.view(a.ID); known && view.Drain.After(s.now) {
			// Our resolvers have asked some time before the change; others, the
			// moment before, keep the old answer for the whole of its TTL.
			inc.Drain = latest(latest(inc.Drain, view.Drain), lastRestored(&inc).Add(view.TTL))
		}
	}
	watched := slices.IndexFunc(inc.Services, func(a Affected) bool { return a.Cause && !a.Gone })
	switch {
	case inc.State == Draining:
		s.put(inc, "", strings.TrimSpace(ended(svc.Name, c)+". "+learned), false)
	case flapping && c.Gone:
		s.put(inc, ended(svc.Name, c)+".", "", before.Cause)
	case flapping:
		now, _ := inc.Affects(svc.ID)
		text := svc.Name + ": working again."
		if now.Flapping {
			text = svc.Name + ": working again, but it keeps changing."
		}
		if now.Flapping && !before.Flapping {
			text += " You will hear again when it is steady."
		}
		for _, a := range inc.Services { // all that is left of it, and what it is called from now on
			if root, _ := inc.Affects(inc.Root); a.Cause && a.Flapping && (!root.Flapping || a.ID == inc.Root) {
				inc.Root, inc.Title = a.ID, title(a.Name, a.change())
			}
		}
		s.put(inc, text, "", !before.Flapping)
	case inc.Drain.After(s.now) && watched >= 0:
		inc.State, inc.Phase, inc.Next = Draining, Monitoring, time.Time{}
		name := svc.Name
		if root, has := inc.Affects(inc.Root); has {
			if root.Gone {
				root = inc.Services[watched]
				inc.Root = root.ID
			}
			name = root.Name
		}
		inc.Title = drainTitle(name, inc.Drain, s.now, s.cfg.Zone())
		old, detail := s.old(&inc, false), s.old(&inc, true)
		if old == detail {
			detail = ""
		}
		s.put(inc, drainText(name, inc.Drain, old, s.now, s.cfg.Zone()), detail, true)
	default:
		s.resolve(inc, before)
	}
}

// lastRestored is when the last of an incident's causes was fine again.
func lastRestored(inc *Incident) (at time.Time) {
	for _, a := range inc.Services {
		if a.Cause {
			at = latest(at, a.Restored)
		}
	}
	return at
}

// old is what is found at the old addresses of the services of an incident: all of it,
// or what everybody may read.
func (s *stepper) old(inc *Incident, all bool) string {
	var found []string
	for _, a := range inc.Services {
		view, _ := s.view(a.ID)
		if view.Old != "" && (all || !a.Internal) && !slices.Contains(found, view.Old) {
			found = append(found, view.Old)
		}
	}
	return strings.Join(found, " ")
}

// learn notes what is found at old addresses by now, and returns it if it is news in an
// incident that drains: people were told that the service is restored, and operators
// see the rest.
func (s *stepper) learn(inc *Incident) string {
	old := s.old(inc, true)
	if old == "" || old == inc.Old {
		return ""
	}
	if inc.Old = old; inc.State != Draining {
		return ""
	}
	return old
}

func drainTitle(name string, until, now time.Time, zone *time.Location) string {
	return name + ": restored, cached DNS until " + clock(until, now, zone)
}

// FlushAdvice is how to forget old DNS answers, a line for each place that keeps
// them. Commands: Microsoft's ipconfig, Apple's article on resetting the DNS
// cache, systemd's resolvectl, and Chromium's net-internals.
var FlushAdvice = []string{
	"Windows: ipconfig /flushdns",
	"macOS: sudo dscacheutil -flushcache; sudo killall -HUP mDNSResponder",
	"Linux: sudo resolvectl flush-caches",
	"Chrome, Edge: chrome://net-internals/#dns, Clear host cache",
	"Firefox: about:networking#dns, Clear DNS Cache",
	"Router: switch it off and on again",
}

// forget stands before FlushAdvice in a text.
const forget = "To forget it sooner"

func drainText(name string, until time.Time, old string, now time.Time, zone *time.Location) string {
	if old != "" {
		old = " " + old
	}
	text := name + ": restored; cached DNS may fail until " + clock(until, now, zone) + "." + old + " Whoever still sees errors has an old DNS answer in a cache. " + forget + ": "
	for i, line := range FlushAdvice {
		if i > 0 {
			text += "; "
		}
		text += line
	}
	return text + "."
}

// rounds is how many rounds of checks must be clean before a draining incident
// ends.
const rounds = 2

// drained reports whether a draining incident is over, and since when: the old
// answers have run out, and every cause has been fine for some rounds. What is not
// known is not fine.
func drained(cfg *monitor.Config, inc *Incident, now time.Time) bool {
	return inc.State == Draining && !now.Before(drainEnd(cfg, inc)) &&
		!slices.ContainsFunc(inc.Services, func(a Affected) bool { return a.Cause && a.Unknown })
}

func drainEnd(cfg *monitor.Config, inc *Incident) time.Time {
	end := inc.Drain
	for _, a := range inc.Services {
		if svc, known := cfg.Service(a.ID); a.Cause && known {
			end = latest(end, latest(a.Restored, a.Heard).Add(rounds*round(cfg, svc)))
		}
	}
	return end
}

// longRound bounds how long a round is taken to be: what is checked every few hours
// keeps nobody waiting for hours.
const longRound = 5 * time.Minute

// round is how long it takes until the monitors of a service have been checked.
func round(cfg *monitor.Config, svc monitor.Service) time.Duration {
	return min(slowest(cfg, svc), longRound)
}

// slowest is round, however long it is.
func slowest(cfg *monitor.Config, svc monitor.Service) (d time.Duration) {
	for _, m := range cfg.Members(svc) {
		d = max(d, m.Every+m.Timeout)
	}
	return d
}
