package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

// Pending is a notification that is not delivered yet.
type Pending struct {
	Notification incident.Notification `json:"notification"`
	Attempts     int                   `json:"attempts,omitempty"`
	NotBefore    time.Time             `json:"not_before,omitzero"` // nobody else may send it until then
	LastError    string                `json:"last_error,omitempty"`

	key     table.Key
	version int64
}

// Receipt says that a notification was delivered, or given up.
type Receipt struct {
	Notification string         `json:"notification"`
	Incident     string         `json:"incident"`
	Tier         monitor.TierID `json:"tier"`
	Event        string         `json:"event"`
	Due          time.Time      `json:"due"`
	Sent         time.Time      `json:"sent"`
	Subject      string         `json:"subject,omitempty"` // of the message; receipts from before it was kept have none
	Attempts     int            `json:"attempts"`
	Carrier      string         `json:"carrier,omitempty"`    // the carrier's id of the message
	GaveUp       string         `json:"gave_up,omitempty"`    // why it was never delivered
	Subscribed   *int           `json:"subscribed,omitempty"` // how many the carrier had it for; nil: nobody asked
}

const (
	outboxPK    = "OUTBOX"
	outboxFrom  = "0"                    // notifications begin with a time; what stands before them is no notification
	kindClaimed = "notification.claimed" // not KindNotification: a claim wakes nobody
)

// NotificationOp puts a notification into the outbox, unless it is there.
func NotificationOp(n incident.Notification) (table.Op, error) {
	return put(table.Key{PK: outboxPK, SK: stamp(n.At) + "#" + n.ID}, KindNotification, 0, Pending{Notification: n})
}

// DecodePending reads an outbox row.
func DecodePending(row table.Row) (Pending, error) {
	p := Pending{key: row.Key, version: row.Version}
	err := decode(row, &p)
	return p, err
}

// Outbox reads what is not delivered, the longest due first, at most limit.
func (s *Store) Outbox(ctx context.Context, limit int) ([]Pending, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: outboxPK, From: outboxFrom, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("query outbox: %w", err)
	}
	return readAll(s, rows, DecodePending), nil
}

// Untold leaves out the notifications that stand in the outbox under another time, or
// have a receipt. It reads two partitions where there are any notifications, and none
// otherwise.
func (s *Store) Untold(ctx context.Context, ns []incident.Notification) ([]incident.Notification, error) {
	if len(ns) == 0 {
		return nil, nil
	}
	told := map[string]bool{}
	rows, err := table.All(ctx, s.table, table.Query{PK: outboxPK, From: outboxFrom})
	if err != nil {
		return nil, fmt.Errorf("query outbox: %w", err)
	}
	for _, row := range rows {
		_, id, _ := strings.Cut(row.SK, "#")
		told[id] = true
	}
	asked := map[string]bool{}
	for _, n := range ns {
		if asked[n.Incident] {
			continue
		}
		asked[n.Incident] = true
		receipts, err := s.Receipts(ctx, n.Incident)
		if err != nil {
			return nil, err
		}
		for _, r := range receipts {
			told[r.Notification] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(ns), func(n incident.Notification) bool { return told[n.ID] }), nil
}

// Pace is when tiers were told something of late, oldest first.
type Pace map[monitor.TierID][]time.Time

// tierPace is the row of one tier.
type tierPace struct {
	Tier monitor.TierID `json:"tier"`
	Told []time.Time    `json:"told"`
}

// PacedOutbox is Outbox with what is needed to know how much a tier can bear.
func (s *Store) PacedOutbox(ctx context.Context, limit int) ([]Pending, Pace, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: outboxPK, Limit: limit})
	if err != nil {
		return nil, nil, fmt.Errorf("query outbox: %w", err)
	}
	first := slices.IndexFunc(rows, func(r table.Row) bool { return r.SK >= outboxFrom })
	if first < 0 {
		first = len(rows)
	}
	pace := Pace{}
	for _, t := range readAll(s, rows[:first], as[tierPace]) {
		pace[t.Tier] = t.Told
	}
	return readAll(s, rows[first:], DecodePending), pace, nil
}

// paceOp notes when a tier was told something. Of two who do that at a time one is
// forgotten.
func paceOp(tier monitor.TierID, told []time.Time) (table.Op, error) {
	return always(put(table.Key{PK: outboxPK, SK: "#PACE#" + string(tier)}, "pace", 0, tierPace{tier, told}))
}

// Claim takes notifications for sending, until a time. It fails with
// table.ErrConflict if another sender has taken one of them, or delivered it.
func (s *Store) Claim(ctx context.Context, pending []Pending, until time.Time) ([]Pending, error) {
	claimed := make([]Pending, len(pending))
	var b ops
	for i, p := range pending {
		p.Attempts++
		p.NotBefore = until
		op, err := put(p.key, kindClaimed, p.version, p)
		b.add(op, err)
		p.version++
		claimed[i] = p
	}
	if b.err != nil {
		return nil, b.err
	}
	return claimed, s.table.Write(ctx, b.all...)
}

// Release gives claimed notifications back after a failure, each to be tried again
// at a time of its own.
func (s *Store) Release(ctx context.Context, pending []Pending, notBefore func(Pending) time.Time, why string) error {
	var b ops
	for _, p := range pending {
		p.NotBefore, p.LastError = notBefore(p), why
		b.add(put(p.key, kindClaimed, p.version, p))
	}
	if b.err != nil {
		return b.err
	}
	return s.table.Write(ctx, b.all...)
}

// Deliver moves claimed notifications from the outbox to their receipts, which say what
// the one given says of the sending. It notes when tiers were told something, if that is
// given.
func (s *Store) Deliver(ctx context.Context, pending []Pending, pace Pace, sent Receipt) error {
	var b ops
	for _, tier := range slices.Sorted(maps.Keys(pace)) {
		b.add(paceOp(tier, pace[tier]))
	}
	for _, p := range pending {
		n := p.Notification
		b.add(table.Op{Verb: table.Delete, Row: table.Row{Key: p.key}, If: table.VersionIs(p.version)}, nil)
		sent.Notification, sent.Incident, sent.Tier, sent.Event, sent.Due, sent.Attempts = n.ID, n.Incident, n.Tier, n.Receipt, n.At, p.Attempts
		b.add(always(put(table.Key{PK: incidentPK(n.Incident), SK: "RECEIPT#" + string(n.Tier) + "#" + n.Receipt}, "receipt", 0, sent)))
	}
	if b.err != nil {
		return b.err
	}
	return s.table.Write(ctx, b.all...)
}

// Receipts reads what an incident's tiers were told.
func (s *Store) Receipts(ctx context.Context, id string) ([]Receipt, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: incidentPK(id), From: "RECEIPT#", To: "RECEIPT$"})
	if err != nil {
		return nil, fmt.Errorf("query receipts of %s: %w", id, err)
	}
	return readAll(s, rows, as[Receipt]), nil
}
