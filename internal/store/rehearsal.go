package store

import (
	"context"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

// Rehearsal is the last test of the way to people. Its receipts stand under its
// id, as those of an incident do.
type Rehearsal struct {
	ID    string           `json:"id"`
	At    time.Time        `json:"at"`
	By    string           `json:"by,omitempty"` // empty: the configuration's schedule
	Tiers []monitor.TierID `json:"tiers"`

	Earlier []Tested `json:"earlier,omitempty"` // when tiers that are not in it were last tried

	// Scheduled is when the last one that the configuration planned was due, whatever
	// people have asked for since; zero: none has begun.
	Scheduled time.Time `json:"scheduled,omitzero"`

	Counted []Counted `json:"counted,omitempty"` // public tiers, which a test seldom goes to
}

// Counted is how many had confirmed that they want to hear of a public tier, as the
// carrier said at a time.
type Counted struct {
	Tier monitor.TierID `json:"tier"`
	At   time.Time      `json:"at"`
	N    int            `json:"n"`
}

// Tested is the last rehearsal of a tier.
type Tested struct {
	Tier monitor.TierID `json:"tier"`
	ID   string         `json:"id"`
	At   time.Time      `json:"at"`
}

// stampRehearsal says since when the schedule of a configuration is in force: that of
// the one before, since then.
func stampRehearsal(before, after *monitor.Rehearsal, now time.Time) *monitor.Rehearsal {
	if after == nil {
		return nil
	}
	stamped := *after
	if stamped.Since = now; after.Same(before) {
		stamped.Since = before.Since
	}
	return &stamped
}

var rehearsalKey = table.Key{PK: "INCIDENTS", SK: "REHEARSAL"}

// Rehearsal reads the last one; version 0 if there was none.
func (s *Store) Rehearsal(ctx context.Context) (Rehearsal, int64, error) {
	var r Rehearsal
	version, err := s.get(ctx, rehearsalKey, &r)
	return r, version, err
}

// RehearsalOps begin one: its messages into the outbox, on condition that no
// other has begun since the last was read. One that people ask for leaves what is
// known of the schedule, and one that counts nobody who was counted.
func RehearsalOps(r, last Rehearsal, notifications []incident.Notification, version int64) ([]table.Op, error) {
	var b ops
	for _, n := range notifications {
		r.Tiers = append(r.Tiers, n.Tier)
		b.add(NotificationOp(n))
	}
	if r.Scheduled.IsZero() {
		r.Scheduled = last.Scheduled
	}
	if r.Counted == nil {
		r.Counted = last.Counted
	}
	r.Earlier = slices.DeleteFunc(last.all(), func(t Tested) bool { return slices.Contains(r.Tiers, t.Tier) })
	b.add(put(rehearsalKey, "rehearsal", version, r))
	return b.all, b.err
}

// all is the last rehearsal of every tier that was ever in one.
func (r Rehearsal) all() []Tested {
	var out []Tested
	for _, tier := range r.Tiers {
		out = append(out, Tested{tier, r.ID, r.At})
	}
	return append(out, r.Earlier...)
}

// Deserted is why what the carrier took reaches nobody.
const Deserted = "nobody is subscribed"

// Reached is what became of a rehearsal, a tier each.
type Reached struct {
	Tier    monitor.TierID `json:"tier"`
	At      time.Time      `json:"at,omitzero"`   // when the test was asked for; zero: there was none
	Sent    time.Time      `json:"sent,omitzero"` // when the carrier took it; zero: it has not
	Carrier string         `json:"carrier,omitempty"`
	Asked   bool           `json:"asked,omitempty"` // whether anybody is subscribed was asked
	Why     string         `json:"why,omitempty"`   // why it was not sent, or reaches nobody, as far as is known

	// Counted is when those who are subscribed to a public tier were counted, and
	// Subscribed how many they were; zero: they were not.
	Counted    time.Time `json:"counted,omitzero"`
	Subscribed int       `json:"subscribed,omitempty"`
}

// OK reports whether the carrier took the message, or knows somebody who is subscribed
// to a public tier that none was sent to, and nothing is known that keeps it from
// everybody.
func (r Reached) OK() bool { return r.Why == "" && (!r.Sent.IsZero() || !r.Counted.IsZero()) }

// Count notes how many are subscribed to a public tier. It makes one that no test was
// sent to reachable, and heals no test that failed on its way; what is known of a test
// from after it stays.
func (r *Reached) Count(n int, at time.Time) {
	if !r.At.IsZero() && (r.Sent.IsZero() || at.Before(r.Sent)) {
		return
	}
	if r.Counted, r.Subscribed, r.Why = at, n, ""; n == 0 {
		r.Why = Deserted
	}
}

// Reached reads what became of a rehearsal, in the order of its tiers.
func (s *Store) Reached(ctx context.Context, r Rehearsal) ([]Reached, error) {
	r.Earlier = nil
	return s.reached(ctx, r.all())
}

// LastReached reads what became of the last rehearsal of each tier of a
// configuration, in its order.
func (s *Store) LastReached(ctx context.Context, cfg *monitor.Config, r Rehearsal) ([]Reached, error) {
	var tried []Tested
	all := r.all()
	for _, tier := range cfg.Tiers {
		at := slices.IndexFunc(all, func(t Tested) bool { return t.Tier == tier.ID })
		if at < 0 {
			tried = append(tried, Tested{Tier: tier.ID})
			continue
		}
		tried = append(tried, all[at])
	}
	out, err := s.reached(ctx, tried)
	for i, tier := range cfg.Tiers {
		for _, c := range r.Counted {
			if err == nil && tier.Public && c.Tier == tier.ID {
				out[i].Count(c.N, c.At)
			}
		}
	}
	return out, err
}

func (s *Store) reached(ctx context.Context, tried []Tested) ([]Reached, error) {
	pending, err := s.Outbox(ctx, 1000)
	if err != nil {
		return nil, err
	}
	receipts := map[string][]Receipt{}
	out := make([]Reached, len(tried))
	for i, t := range tried {
		if t.ID == "" {
			out[i] = Reached{Tier: t.Tier, Why: "never tried"}
			continue
		}
		if _, read := receipts[t.ID]; !read {
			if receipts[t.ID], err = s.Receipts(ctx, t.ID); err != nil {
				return nil, err
			}
		}
		out[i] = Reached{Tier: t.Tier, At: t.At, Why: "not sent yet"}
		for _, p := range pending {
			if p.Notification.Incident == t.ID && p.Notification.Tier == t.Tier && p.LastError != "" {
				out[i].Why = p.LastError
			}
		}
		for _, receipt := range receipts[t.ID] {
			switch {
			case receipt.Tier != t.Tier:
			case receipt.GaveUp != "":
				out[i].Why = receipt.GaveUp
			default:
				out[i] = Reached{Tier: t.Tier, At: t.At, Sent: receipt.Sent, Carrier: receipt.Carrier, Asked: receipt.Subscribed != nil}
				if n := receipt.Subscribed; n != nil && *n == 0 {
					out[i].Why = Deserted
				}
			}
		}
	}
	return out, nil
}
