package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

const (
	lease       = 30 * time.Second // a sender that has not reported by then is taken for dead
	maxBackoff  = 5 * time.Minute
	giveUpAfter = 24 * time.Hour // after the due time
	outboxRead  = 16_000         // notifications a run looks at: those of 5,000 incidents for three tiers
	oneWrite    = 45             // notifications in one transaction: two operations each
)

// Notify delivers what stands in the outbox and is not being sent by somebody
// else: one message a tier, then a receipt. A tier that has been told much of late
// waits for a later run (see pace.go). It claims before it sends, so that
// a notification is sent twice only if the sender dies between the carrier's
// answer and the receipt. What cannot be sent is tried again by a later run,
// with growing waits, and given up loudly after a day. It returns how many
// notifications it delivered; an error means that the table failed, not the
// carrier.
func (p *Pipeline) Notify(ctx context.Context) (delivered int, err error) {
	return p.notify(ctx, p.Gap)
}

func (p *Pipeline) notify(ctx context.Context, gap time.Duration) (delivered int, err error) {
	err = p.retry(ctx, func() error {
		pending, pace, err := p.Store.PacedOutbox(ctx, outboxRead)
		if err != nil {
			return err
		}
		var conflict error
		now := p.Now()
		ready := func(c store.Pending) bool {
			return !now.Before(c.NotBefore) && !now.Before(c.Notification.At) && bears(c.Notification, pace, gap, now)
		}
		for _, group := range byTier(inTurn(pending, ready)) {
			n, err := p.send(ctx, group, told(group, pace, now))
			delivered += n
			if errors.Is(err, table.ErrConflict) {
				conflict = err // somebody else has one of them: look again, after the others
			} else if err != nil {
				return err
			}
		}
		return conflict
	})
	return delivered, errors.Join(err, p.setAside(ctx))
}

// send claims, publishes and writes the receipts of one message. What somebody
// else has claimed is left out of it, and so is what could not be claimed; the
// error says so afterwards.
func (p *Pipeline) send(ctx context.Context, group []store.Pending, pace store.Pace) (int, error) {
	claimed, missed := p.claim(ctx, group)
	if len(claimed) == 0 {
		return 0, missed
	}
	n, err := p.deliver(ctx, claimed, pace)
	return n, errors.Join(err, missed)
}

// claim claims a message's notifications, as many at a time as one transaction
// takes. What somebody else has claimed keeps back what follows it in its line.
func (p *Pipeline) claim(ctx context.Context, group []store.Pending) (claimed []store.Pending, missed error) {
	until, held := p.Now().Add(lease), map[line]bool{}
	for some := range slices.Chunk(group, oneWrite) {
		some = slices.DeleteFunc(slices.Clone(some), func(c store.Pending) bool { return held[lineOf(c)] })
		if len(some) == 0 {
			continue
		}
		got, err := p.Store.Claim(ctx, some, until)
		switch {
		case err == nil:
			claimed = append(claimed, got...)
		case errors.Is(err, table.ErrConflict):
			missed = err
			for _, c := range some {
				held[lineOf(c)] = true
			}
		default:
			return claimed, err
		}
	}
	return claimed, missed
}

// deliver publishes what is claimed, and writes the receipts.
func (p *Pipeline) deliver(ctx context.Context, claimed []store.Pending, pace store.Pace) (int, error) {
	notifications := make([]incident.Notification, len(claimed))
	for i, c := range claimed {
		notifications[i] = c.Notification
	}
	message := notify.Compose(notifications)
	carrier, err := p.Publisher.Publish(ctx, message)
	now := p.Now()
	if err == nil {
		p.logNotified(message, notifications, carrier)
		sent := store.Receipt{Sent: now, Subject: message.Subject, Carrier: carrier, Subscribed: p.audience(ctx, notifications[0])}
		return len(claimed), inParts(claimed, func(some []store.Pending) error { return p.receipt(ctx, some, pace, sent) })
	}
	p.emit(Metric{NotificationsFailed, Count, float64(len(claimed))})
	stale, fresh := p.stale(ctx, claimed, now)
	return 0, errors.Join(p.giveUp(ctx, stale, message, now, err), p.again(ctx, fresh, message, now, err))
}

// stale parts what is no use to send any more from the rest: lines of which all is a
// day old, of what is over, or was no incident. The beginning of one that is open is
// news however late it comes, and so is an end that has just come.
func (p *Pipeline) stale(ctx context.Context, claimed []store.Pending, now time.Time) (stale, fresh []store.Pending) {
	newest, open := map[line]time.Time{}, map[string]bool{}
	for _, c := range claimed {
		if at := c.Notification.At; at.After(newest[lineOf(c)]) {
			newest[lineOf(c)] = at
		}
	}
	for _, c := range claimed {
		id := c.Notification.Incident
		if now.Sub(newest[lineOf(c)]) <= giveUpAfter {
			fresh = append(fresh, c)
			continue
		}
		if _, known := open[id]; !known {
			inc, version, err := p.Store.Incident(ctx, id)
			open[id] = err != nil || version > 0 && inc.State != incident.Resolved
		}
		if open[id] {
			fresh = append(fresh, c)
		} else {
			stale = append(stale, c)
		}
	}
	return stale, fresh
}

// giveUp writes receipts that say why something was never delivered.
func (p *Pipeline) giveUp(ctx context.Context, stale []store.Pending, message notify.Message, now time.Time, failed error) error {
	if len(stale) == 0 {
		return nil
	}
	p.Log.Error("notification given up", "tier", message.Tier, "message", message.ID, "attempts", stale[0].Attempts, "error", failed)
	why := failed.Error()
	return inParts(stale, func(some []store.Pending) error {
		return p.Store.Deliver(ctx, some, nil, store.Receipt{Sent: now, Subject: message.Subject, GaveUp: why})
	})
}

// again gives back what is to be tried again, each after a wait of its own: what is
// new must not wait as long as what has failed all day.
func (p *Pipeline) again(ctx context.Context, fresh []store.Pending, message notify.Message, now time.Time, failed error) error {
	if len(fresh) == 0 {
		return nil
	}
	wait := func(c store.Pending) time.Duration {
		if errors.Is(failed, notify.ErrPermanent) {
			return maxBackoff
		}
		return backoff(c.Attempts)
	}
	p.Log.Error("notification not sent", "tier", message.Tier, "message", message.ID, "attempts", fresh[0].Attempts,
		"again_in", wait(fresh[0]).String(), "error", failed)
	why := failed.Error()
	return inParts(fresh, func(some []store.Pending) error {
		return p.Store.Release(ctx, some, func(c store.Pending) time.Time { return now.Add(wait(c)) }, why)
	})
}

// inParts writes as much at a time as one transaction takes; each part is tried.
func inParts(all []store.Pending, write func([]store.Pending) error) error {
	var failed []error
	for some := range slices.Chunk(all, oneWrite) {
		failed = append(failed, write(some))
	}
	return errors.Join(failed...)
}

// receiptTries is how often a receipt is tried: some seconds in all, well within
// the lease.
const receiptTries = 8

// receipt writes the receipts of what the carrier has taken. It does not give up
// soon: without them the message is sent again when the lease is over.
func (p *Pipeline) receipt(ctx context.Context, claimed []store.Pending, pace store.Pace, sent store.Receipt) error {
	var err error
	for try := range receiptTries {
		if try > 0 {
			p.Pause(ctx, min(100*time.Millisecond<<try, 3*time.Second))
		}
		if err = p.Store.Deliver(ctx, claimed, pace, sent); err == nil || ctx.Err() != nil {
			return err
		}
	}
	p.Log.Error("sent, but the receipt cannot be written: it will be sent again", "message", claimed[0].Notification.ID, "error", err)
	return err
}

// audience is how many hear a test, if that can be known: what a topic takes without
// subscriptions reaches nobody. Nobody at all is a message that failed.
func (p *Pipeline) audience(ctx context.Context, n incident.Notification) *int {
	counter, counts := p.Publisher.(notify.Counter)
	if n.Event != incident.EventTest || !counts {
		return nil
	}
	subscribed, err := counter.Subscribed(ctx, n.Tier)
	if err != nil {
		p.Log.Warn("not known who is subscribed", "tier", n.Tier, "error", err)
		return nil
	}
	if subscribed == 0 {
		p.emit(Metric{NotificationsFailed, Count, 1})
		p.Log.Error("test reaches nobody", "tier", n.Tier, "error", store.Deserted)
	}
	return &subscribed
}

// logNotified logs a message with what it is about, and emits how long after
// the time that the policy says a tier heard of a beginning.
func (p *Pipeline) logNotified(m notify.Message, about []incident.Notification, carrier string) {
	var incidents, checks []string
	for _, n := range about {
		incidents, checks = append(incidents, n.Incident), append(checks, n.Check)
		if !n.By.IsZero() {
			p.emit(Metric{SecondsToTell, Seconds, p.Now().Sub(n.By).Seconds()})
		}
	}
	p.emit(Metric{NotificationsSent, Count, float64(len(about))})
	p.Log.Info("notified", "tier", m.Tier, "message", m.ID, "carrier", carrier, "subject", m.Subject,
		"incident", strings.Join(incidents, " "), "check", strings.Join(checks, " "))
}

// backoff is 1 s after the first failure, and twice as long after each.
func backoff(attempts int) time.Duration {
	return min(time.Second<<min(max(attempts-1, 0), 10), maxBackoff)
}
