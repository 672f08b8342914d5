package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/uptime"
)

const (
	evidenceShown = 20   // checks of a service: those that it began with say most
	pendingShown  = 1000 // undelivered messages that are looked through
)

// Story reads all that the follow-up of an incident is made of, by now.
func (s *Store) Story(ctx context.Context, inc incident.Incident, now time.Time) (story incident.Story, err error) {
	story.Incident = inc
	if story.Updates, err = s.Updates(ctx, inc.ID); err != nil {
		return story, err
	}
	if story.Sent, err = s.sent(ctx, inc); err != nil {
		return story, err
	}
	if story.Evidence, err = s.EvidenceOf(ctx, inc, now); err != nil {
		return story, err
	}
	story.Courses, err = s.courses(ctx, inc, now)
	return story, err
}

// sent is what was delivered, given up, or is under way.
func (s *Store) sent(ctx context.Context, inc incident.Incident) (sent []incident.Sent, err error) {
	receipts, err := s.Receipts(ctx, inc.ID)
	if err != nil {
		return nil, err
	}
	for _, r := range receipts {
		sent = append(sent, incident.Sent{Tier: r.Tier, Event: r.Event, Subject: r.Subject, At: r.Sent, Failed: r.GaveUp})
	}
	pending, err := s.Outbox(ctx, pendingShown)
	for _, p := range pending {
		if n := p.Notification; n.Incident == inc.ID {
			sent = append(sent, incident.Sent{Tier: n.Tier, Event: n.Receipt, At: n.At, Failed: p.LastError, Pending: true})
		}
	}
	return sent, err
}

// EvidenceOf reads the failing checks that an incident's services began with, oldest
// first; of each service as many as are worth reading.
func (s *Store) EvidenceOf(ctx context.Context, inc incident.Incident, now time.Time) (all []incident.Evidence, err error) {
	for _, a := range inc.Services {
		from, to := inc.Measured(a, now)
		results, err := s.Evidence(ctx, a.ID, from, to.Add(time.Millisecond), evidenceShown)
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			all = append(all, incident.Evidence{Service: a.ID, Result: r})
		}
	}
	slices.SortStableFunc(all, func(a, b incident.Evidence) int {
		return cmp.Or(a.Scheduled.Compare(b.Scheduled), a.Started.Compare(b.Started), strings.Compare(string(a.Monitor), string(b.Monitor)))
	})
	return all, nil
}

// courses is how an incident's services were while it lasted, as far as that is
// still known.
func (s *Store) courses(ctx context.Context, inc incident.Incident, now time.Time) (map[monitor.ServiceID]incident.Course, error) {
	courses := map[monitor.ServiceID]incident.Course{}
	for _, a := range inc.Services {
		from, to := inc.Measured(a, now)
		if _, is := a.ID.Prober(); is || now.Sub(from) > HistoryKept {
			continue
		}
		line, err := s.Timeline(ctx, a.ID, from, to)
		if err != nil {
			return nil, err
		}
		w := uptime.Window{From: from, To: to}
		t := line.Tally(w)
		courses[a.ID] = incident.Course{Down: t.Down, Degraded: t.Degraded, AtRisk: t.AtRisk, Maintenance: t.Maintenance, Unknown: t.Unknown, MeasuredDown: line.Raw(w).Down}
	}
	return courses, nil
}
