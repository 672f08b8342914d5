package store

import (
	"context"
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
}

var rehearsalKey = table.Key{PK: "INCIDENTS", SK: "REHEARSAL"}

// Rehearsal reads the last one; version 0 if there was none.
func (s *Store) Rehearsal(ctx context.Context) (Rehearsal, int64, error) {
	var r Rehearsal
	version, err := s.get(ctx, rehearsalKey, &r)
	return r, version, err
}

// RehearsalOps begin one: its messages into the outbox, on condition that no
// other has begun since the last was read.
func RehearsalOps(r Rehearsal, notifications []incident.Notification, version int64) ([]table.Op, error) {
	var b ops
	for _, n := range notifications {
		r.Tiers = append(r.Tiers, n.Tier)
		b.add(NotificationOp(n))
	}
	b.add(put(rehearsalKey, "rehearsal", version, r))
	return b.all, b.err
}

// Reached is what became of a rehearsal, a tier each.
type Reached struct {
	Tier    monitor.TierID `json:"tier"`
	Sent    time.Time      `json:"sent,omitzero"` // when the carrier took it; zero: it has not
	Carrier string         `json:"carrier,omitempty"`
	Why     string         `json:"why,omitempty"` // why it was not sent, as far as is known
}

// OK reports whether the carrier took the message.
func (r Reached) OK() bool { return !r.Sent.IsZero() }

// Reached reads what became of a rehearsal, in the order of its tiers.
func (s *Store) Reached(ctx context.Context, r Rehearsal) ([]Reached, error) {
	receipts, err := s.Receipts(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	pending, err := s.Outbox(ctx, 1000)
	if err != nil {
		return nil, err
	}
	out := make([]Reached, len(r.Tiers))
	for i, tier := range r.Tiers {
		out[i] = Reached{Tier: tier, Why: "not sent yet"}
		for _, p := range pending {
			if p.Notification.Incident == r.ID && p.Notification.Tier == tier && p.LastError != "" {
				out[i].Why = p.LastError
			}
		}
		for _, receipt := range receipts {
			switch {
			case receipt.Tier != tier:
			case receipt.GaveUp != "":
				out[i].Why = receipt.GaveUp
			default:
				out[i] = Reached{Tier: tier, Sent: receipt.Sent, Carrier: receipt.Carrier}
			}
		}
	}
	return out, nil
}
