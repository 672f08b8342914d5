package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

const (
	lease      = 30 * time.Second // a sender that has not reported by then is taken for dead
	maxBackoff = 5 * time.Minute
	giveUp     = 24 * time.Hour // after the due time
	outboxRead = 16_000         // notifications a run looks at: those of 5,000 incidents for three tiers
	oneWrite   = 45             // notifications in one transaction: two operations each
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
		pending = inTurn(pending, now)
		pending = slices.DeleteFunc(pending, func(c store.Pending) bool {
			return now.Before(c.NotBefore) || now.Before(c.Notification.At) || !bears(c.Notification, pace, gap, now)
		})
		for _, group := range byTier(pending) {
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

// inTurn leaves out what a tier is to hear after something of the same incident that
// could not be sent and is not tried again yet: an alarm that comes after its end
// rings, and nothing ends it.
func inTurn(pending []store.Pending, now time.Time) []store.Pending {
	type line struct {
		tier     monitor.TierID
		incident string
	}
	waits := map[line]bool{}
	return slices.DeleteFunc(pending, func(p store.Pending) bool {
		of := line{p.Notification.Tier, p.Notification.Incident}
		if p.LastError != "" && now.Before(p.NotBefore) {
			waits[of] = true
		}
		return waits[of]
	})
}

// byTier groups what is sent as one message, oldest first. What is over stands in a
// message of its own: one that begins with OK must hold no alarm. So do what is
// planned and tests. Machines hear of each incident apart, and so do chats, of a few.
func byTier(pending []store.Pending) [][]store.Pending {
	type group struct {
		tier    monitor.TierID
		over    bool
		planned bool
		test    bool
		apart   string // the incident
	}
	of := func(n incident.Notification) group {
		return group{n.Tier, n.Event == incident.EventResolved || n.Event == incident.EventRenewed, n.Event.IsMaintenance(), n.Event == incident.EventTest, ""}
	}
	threads := map[group]map[string]bool{}
	for _, p := range pending {
		g := of(p.Notification)
		if threads[g] == nil {
			threads[g] = map[string]bool{}
		}
		threads[g][p.Notification.Incident] = true
	}
	var groups [][]store.Pending
	at := map[group]int{}
	for _, p := range pending {
		g := of(p.Notification)
		if n := p.Notification; n.Machine || n.Chat && len(threads[g]) <= maxThreads {
			g.apart = n.Incident
		}
		i, has := at[g]
		if !has {
			i = len(groups)
			at[g] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
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
// takes.
func (p *Pipeline) claim(ctx context.Context, group []store.Pending) (claimed []store.Pending, missed error) {
	until := p.Now().Add(lease)
	for some := range slices.Chunk(group, oneWrite) {
		got, err := p.Store.Claim(ctx, some, until)
		switch {
		case err == nil:
			claimed = append(claimed, got...)
		case errors.Is(err, table.ErrConflict):
			missed = err
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
		sent := store.Receipt{Sent: now, Carrier: carrier, Subscribed: p.audience(ctx, notifications[0])}
		return len(claimed), inParts(claimed, func(some []store.Pending) error { return p.receipt(ctx, some, pace, sent) })
	}
	oldest := claimed[0]
	if now.Sub(oldest.Notification.At) > giveUp {
		p.emit(Metric{NotificationsFailed, Count, float64(len(claimed))})
		p.Log.Error("notification given up", "tier", message.Tier, "message", message.ID, "attempts", oldest.Attempts, "error", err)
		why := err.Error()
		return 0, inParts(claimed, func(some []store.Pending) error {
			return p.Store.Deliver(ctx, some, nil, store.Receipt{Sent: now, GaveUp: why})
		})
	}
	wait := backoff(oldest.Attempts)
	if errors.Is(err, notify.ErrPermanent) {
		wait = maxBackoff
	}
	p.emit(Metric{NotificationsFailed, Count, float64(len(claimed))})
	p.Log.Error("notification not sent", "tier", message.Tier, "message", message.ID, "attempts", oldest.Attempts,
		"again_in", wait.String(), "error", err)
	why := err.Error()
	return 0, inParts(claimed, func(some []store.Pending) error { return p.Store.Release(ctx, some, now.Add(wait), why) })
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
