package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// hasNews reports whether a service has changed in what incidents are about.
func hasNews(cfg *monitor.Config, was, next detect.Service, now time.Time) bool {
	a, b := changeOf(cfg, was, now), changeOf(cfg, next, now)
	return a.Status != b.Status || a.Alive != b.Alive || a.Flapping != b.Flapping || a.OnlyDNS != b.OnlyDNS || a.Contested != b.Contested || a.Gone != b.Gone || a.Detail != b.Detail || a.Old != b.Old ||
		!slices.Equal(a.Shared, b.Shared) || a.Voting && !b.Voting && b.Status.Impact() != monitor.ImpactNone // what was not said during the vote
}

func viewOf(cfg *monitor.Config, s detect.Service, now time.Time) incident.View {
	view := incident.View{Change: changeOf(cfg, s, now), Decided: s.Decided}
	for _, d := range s.Counting(cfg).Details {
		view.Suspect = view.Suspect || d.State() == monitor.Suspect
	}
	return view
}

// unwatched reports whether nothing will ever say of a service that it is fine, or
// that it is not: it is not in the configuration any more, or no monitor of it counts
// and its state knows. One that counts and is not heard of is another matter.
func unwatched(cfg *monitor.Config, s detect.Service) bool {
	if _, prober := s.Service.Prober(); prober {
		return false
	}
	svc, known := cfg.Service(s.Service)
	return !known || s.Total == 0 && !cfg.Watches(svc)
}

func changeOf(cfg *monitor.Config, all detect.Service, now time.Time) incident.Change {
	s := all.Counting(cfg)
	if unwatched(cfg, s) {
		return incident.Change{Service: s.Service, Status: monitor.NotKnown, At: s.Since, Gone: true}
	}
	at := s.Since
	if s.Status.Impact() != monitor.ImpactNone {
		at = s.AnswersSince(now)
	}
	c := incident.Change{
		Service: s.Service, Status: s.Status, At: at, Alive: s.Alive, Total: s.Total, Detail: detailOf(s), Check: s.Check,
		Muted: s.InMaintenance(now), Flapping: s.Flaps(), Shared: s.Shared(), Contested: s.Contested(),
		Drain: all.Drains(now), TTL: all.TTL(), Old: all.Old(cfg),
	}
	for _, d := range s.Details {
		c.Voting = c.Voting || d.Vote != nil
	}
	if isFine := c.Status.Impact() == monitor.ImpactNone; isFine && s.Lost() {
		c.Status = monitor.NotKnown // the needs are met, but nobody has seen the rest work again
	}
	var since time.Time
	if since, c.OnlyDNS = s.OnlyDrains(now); c.OnlyDNS && since.After(c.At) {
		c.At = since
	}
	return c
}

// maxDetail is how many monitors a message names.
const maxDetail = 5

// detailOf says what is the matter with a service's monitors, a line each.
func detailOf(s detect.Service) string {
	var lines []string
	for id, d := range s.Details {
		if d.Settled != monitor.Up && d.Failure != nil {
			lines = append(lines, fmt.Sprintf("%s: %s", id, d.Failure))
		}
	}
	slices.Sort(lines)
	if diagnosis := s.Diagnosis(); diagnosis != "" {
		lines = append([]string{diagnosis}, lines...)
	}
	if len(lines) > maxDetail {
		lines = append(lines[:maxDetail], fmt.Sprintf("and %d more", len(lines)-maxDetail))
	}
	return strings.Join(lines, "\n")
}
