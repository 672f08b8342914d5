package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/pipeline"
	"github.com/sondehq/sonde/internal/store"
)

// sweep is a run of Sweep that did all that it is for.
type sweep struct{ began, ended time.Time }

// sweep calls Sweep. If it comes through, what time alone causes has been done as of
// its beginning: that is checked at once, and what was due then counts as overdue.
func (w *world) sweep() error {
	began := w.now
	err := w.call(Sweep, "", func(p *pipeline.Pipeline) error { return p.Sweep(w.ctx) })
	if err == nil && w.inside == 0 && w.judges() && !w.changed(began) {
		w.sweeps = append(w.sweeps, sweep{began, w.now})
		if w.failed.Before(began) { // else somebody failed within who would have renewed the page
			w.checkSwept(began)
		}
	}
	return err
}

// changed reports whether a configuration came so shortly before a time that a stage
// may not know of it.
func (w *world) changed(at time.Time) bool {
	return slices.ContainsFunc(w.script.Changes, func(c Change) bool {
		since := at.Sub(w.script.Start.Add(c.At))
		return since >= 0 && since <= configAge+w.longestStall()
	})
}

// swept is by when what is due at a time must have been done by Sweep: at the end of
// the first run that began then or later and came through. It is far away if none
// did.
func (w *world) swept(due time.Time) time.Time {
	at, _ := slices.BinarySearchFunc(w.sweeps, due, func(s sweep, due time.Time) int { return s.began.Compare(due) })
	if at == len(w.sweeps) {
		return w.now.Add(1000 * time.Hour)
	}
	return w.sweeps[at].ended
}

// troubled notes that what goes wrong now, or until a time, may have an effect on what is
// under way: a batch that fails is tried again a while later.
func (w *world) troubled(until time.Time) {
	if until = until.Add(3 * time.Minute); until.After(w.calm) {
		w.calm = until
	}
}

// longestStall is for how long a function of the script stands still at most, and a
// bit: it then writes what it decided before that.
func (w *world) longestStall() time.Duration {
	if len(w.script.Faults) == 0 {
		return 0
	}
	d := 3 * time.Second
	for _, f := range w.script.Faults {
		if f.Kind == Stall {
			d += time.Duration(max(f.Times, 1)) * f.For
		}
	}
	return d
}

// checkSwept looks at the table when a Sweep has come through that began at a time, and
// nothing else is under way.
func (w *world) checkSwept(began time.Time) {
	cfg := w.configAt(w.now)
	w.checkVoting(cfg, began)
	w.checkSaid(cfg)
	w.checkSilence(cfg, began)
	w.checkDoubts(cfg)
	w.checkReplayed(cfg)
	w.checkSilentLocations(cfg, began)
	w.checkOutbox(began)
	page, _, err := w.store.Snapshot(w.ctx)
	if err != nil {
		w.books.violate("the table can be read", "%v", err)
		return
	}
	w.checkShown(page, began)
	w.checkFigures(cfg, page)
}

// checkOutbox: what was due when Sweep began has been sent, unless its tier was told
// something a moment before, or what failed or is being sent keeps it back.
func (w *world) checkOutbox(began time.Time) {
	b := w.books
	left, err := w.store.Outbox(w.ctx, 0)
	if err != nil {
		b.violate("the table can be read", "%v", err)
		return
	}
	held := map[line]bool{}
	for _, p := range left {
		l := line{p.Notification.Incident, p.Notification.Tier}
		held[l] = held[l] || p.NotBefore.After(began) || p.Notification.At.After(began)
	}
	for _, p := range left {
		n := p.Notification
		at, known := b.dueIDs[n.ID]
		if !known || held[line{n.Incident, n.Tier}] || !b.stored[at].Before(began) {
			continue
		}
		if last := b.toldBefore(n.Tier, began); began.Sub(last) >= sweepGap {
			b.violate("Sweep sends what is due", "%s of %s to %s, due at %s, stands in the outbox after a sweep at %s; last told at %s",
				n.Receipt, n.Incident, n.Tier, n.At.Sub(w.script.Start), began.Sub(w.script.Start), last.Sub(w.script.Start))
		}
	}
}

// sweepGap is for how long a tier that was told much is spared by Sweep.
const sweepGap = 10 * time.Second

// toldBefore is when a tier was told something last before a time.
func (b *books) toldBefore(tier monitor.TierID, at time.Time) time.Time {
	for _, d := range slices.Backward(b.mail) {
		if d.Message.Tier == tier && d.At.Before(at) {
			return d.At
		}
	}
	return time.Time{}
}

// checkRenewed: the page shows a flip as soon as Detect, which found it, is done.
func (w *world) checkRenewed() {
	if len(w.books.turned) == 0 || !w.judges() {
		return
	}
	page, _, err := w.store.Snapshot(w.ctx)
	if err != nil {
		w.books.violate("the table can be read", "%v", err)
		return
	}
	for _, view := range page.Services {
		if w.books.turned[view.ID] {
			w.checkView(page, view)
		}
	}
}

// checkView: the page shows of a service what is stored of it.
func (w *world) checkView(page store.Snapshot, view store.ServiceView) {
	state, known := w.books.states[view.ID]
	if !known {
		return
	}
	if w.inMaintenance(view.ID, page.Generated) && w.asPeopleSay(view.ID, monitor.InMaintenance) != monitor.InMaintenance {
		return // people say how it is
	}
	status := w.asPeopleSay(view.ID, state.Status)
	if w.inMaintenance(view.ID, page.Generated) != (view.Status == monitor.InMaintenance) && !w.turns(view.ID, page.Generated) {
		w.books.violate("the page shows maintenance while it lasts", "%s is %s on the page of %s", view.ID, view.Status, page.Generated.Sub(w.script.Start))
	}
	if view.Status != status && view.Status != monitor.InMaintenance {
		w.books.violate("the page shows what is", "%s is %s, the page of %s says %s", view.ID, status, page.Generated.Sub(w.script.Start), view.Status)
	}
	for _, m := range view.Monitors {
		d, has := state.Details[m.ID]
		want := d.Settled
		switch {
		case !has:
			continue
		case !d.Flaps.IsZero():
			want = monitor.Flapping
		case d.Vote != nil:
			want = d.Vote.Shows
		}
		if m.State != want {
			w.books.violate("the page shows what is", "%s is %s, the page of %s says %s", m.ID, want, page.Generated.Sub(w.script.Start), m.State)
		}
	}
}

// asPeopleSay is what the page shows of a service: what is measured, or what somebody says
// that it is, where that is worse.
func (w *world) asPeopleSay(id monitor.ServiceID, status monitor.Status) monitor.Status {
	for _, name := range w.books.incidents {
		inc := w.books.now(name)
		a, in := inc.Affects(id)
		if in && inc.State != incident.Resolved && a.Restored.IsZero() && a.Declared.Impact().Rank() > status.Impact().Rank() {
			return a.Declared
		}
	}
	return status
}

// turns reports whether maintenance of a service begins or ends about a time, or
// follows other maintenance: a service knows of one window.
func (w *world) turns(id monitor.ServiceID, at time.Time) bool {
	d := at.Sub(w.script.Start)
	return slices.ContainsFunc(w.script.windows(id), func(v span) bool {
		return (d-v.from).Abs() <= time.Second || (d-v.to).Abs() <= time.Second
	}) || w.follows(id, at) || w.cancelling(id, at)
}

// checkShown: the page shows what is stored, as of a sweep.
func (w *world) checkShown(page store.Snapshot, began time.Time) {
	b := w.books
	if page.Generated.Before(began) {
		b.violate("a sweep renews the page", "it is of %s", page.Generated.Sub(w.script.Start))
	}
	for _, view := range page.Services {
		w.checkView(page, view)
	}
	for _, id := range b.incidents {
		inc := b.now(id)
		at := slices.IndexFunc(page.Incidents, func(v store.IncidentView) bool { return v.ID == id })
		if inc.IsPublic() != (at >= 0) {
			b.violate("the page shows what is", "incident %s is public: %t, shown: %t", id, inc.IsPublic(), at >= 0)
		} else if at >= 0 && (page.Incidents[at].State != inc.State || !page.Incidents[at].Next.Equal(inc.Next)) {
			b.violate("the page shows what is", "incident %s is %s, next update %s, the page says %s, %s", id, inc.State, inc.Next, page.Incidents[at].State, page.Incidents[at].Next)
		}
	}
}

// checkFigures: the figures of the page are what counting the seconds gives that had
// passed when they were measured, of the flips that were known then.
func (w *world) checkFigures(cfg *monitor.Config, page store.Snapshot) {
	b := w.books
	if page.Measured.IsZero() || page.Measured.Equal(b.measured) {
		return
	}
	b.measured = page.Measured
	for _, view := range page.Services {
		if len(view.Uptime) == 0 || w.unseen(view.ID, page.Measured) || w.cancelling(view.ID, page.Measured) {
			continue
		}
		// What was written at the same moment Rollup may have known, or not.
		counted := w.seconds(view.ID, page.Measured, func(key string) bool { return b.flipped[key].Before(page.Measured) })
		also := w.seconds(view.ID, page.Measured, func(key string) bool { return !b.flipped[key].After(page.Measured) })
		day := view.Uptime[0]
		if !counted.is(day) && !also.is(day) {
			b.violate("the page's uptime is what counting gives", "%s, measured at %s: down %d s, maintenance %d s; counted %s, %s",
				view.ID, page.Measured.Sub(w.script.Start), day.DownS, day.MaintS, counted.down, counted.planned)
		}
	}
}

// unseen reports whether maintenance of a service has begun of which no sweep can have
// known up to a time.
func (w *world) unseen(id monitor.ServiceID, at time.Time) bool {
	return slices.ContainsFunc(w.script.windows(id), func(v span) bool {
		from, to := w.script.Start.Add(v.from), w.script.Start.Add(v.to)
		return from.Before(at) && !w.swept(from).Before(earlier(to, at)) // Rollup may come at the same moment
	})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// counted is the seconds of a service in each condition.
type counted struct{ down, unknown, planned, slack time.Duration }

// is reports whether a day on the page has as many seconds of them.
func (c counted) is(day store.WindowView) bool {
	slack := c.slack/time.Second + 2
	return (time.Duration(day.DownS)-c.down/time.Second).Abs() <= slack && (time.Duration(day.MaintS)-c.planned/time.Second).Abs() <= slack
}

// seconds counts them one by one, from the script's start to a time, by those flips that
// are known.
func (w *world) seconds(id monitor.ServiceID, end time.Time, known func(key string) bool) (c counted) {
	var flips []monitor.Flip
	for _, sk := range slices.Sorted(slices.Values(w.books.order[id])) {
		if f := w.books.flips[id][sk]; f.Monitor == "" && known(string(id)+sk) {
			flips = append(flips, f)
		}
	}
	windows := w.script.windows(id)
	status, next := monitor.NotKnown, 0
	for at := w.script.Start; at.Before(end); at = at.Add(time.Second) {
		for next < len(flips) && !flips[next].At.After(at) {
			status = monitor.Status(flips[next].To)
			next++
		}
		d := at.Sub(w.script.Start)
		switch {
		case status == monitor.NotKnown: // in maintenance, too
			c.unknown += time.Second
		case slices.ContainsFunc(windows, func(v span) bool { return d >= v.from && d < v.to }):
			c.planned += time.Second
		case status.IsOutage():
			c.down += time.Second
		}
	}
	c.slack = time.Duration(len(flips)+2*len(windows)+1) * time.Second // flips fall between seconds
	return c
}

// configAt is the configuration that was in force at a time.
func (w *world) configAt(at time.Time) *monitor.Config {
	cfg := w.script.Config
	for _, c := range w.script.Changes {
		if !w.script.Start.Add(c.At).After(at) {
			cfg = c.Config
		}
	}
	return cfg
}

// config is the configuration of a version; nil if the script does not know it.
func (w *world) config(version int64) *monitor.Config {
	switch n := int(version) - 2; {
	case n == -1:
		return w.script.Config
	case n >= 0 && n < len(w.script.Changes):
		return w.script.Changes[n].Config
	}
	return nil
}

// tried: what a carrier refused is not tried again at once.
func (b *books) tried(w *world, m notify.Message) {
	for _, id := range m.Notifications {
		f, failed := b.failed[id]
		if failed && w.now.Sub(f.at) < time.Second<<min(f.times-1, 8) {
			b.violate("what failed is not tried again at once", "%s to %s was refused for the %d. time %s ago", id, m.Tier, f.times, w.now.Sub(f.at))
		}
	}
}

// refused notes that the carrier, as far as the sender knows, did not take a message.
func (b *books) refused(w *world, m notify.Message) {
	for _, id := range m.Notifications {
		b.failed[id] = failure{w.now, b.failed[id].times + 1}
	}
}

// failure is when the carrier refused a notification last, and how often it has.
type failure struct {
	at    time.Time
	times int
}

// apartFromOver: what is over and what is not stand in messages of their own; one that
// begins with OK holds no alarm. So do what is planned, and tests.
func (b *books) apartFromOver(w *world, about []incident.Notification) {
	last := map[string]incident.Notification{}
	for _, n := range about {
		if old, has := last[n.Incident]; !has || !n.At.Before(old.At) && old.Event != incident.EventResolved {
			last[n.Incident] = n
		}
	}
	kinds := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(last)) {
		kind := "what is not over"
		switch e := last[id].Event; {
		case e == incident.EventResolved, e == incident.EventRenewed:
			kind = "what is over"
		case e.IsMaintenance():
			kind = "maintenance"
		case e == incident.EventTest:
			kind = "a test"
		}
		kinds[kind] = id
	}
	if len(kinds) > 1 {
		b.violate("what is over has a message of its own", "%s hears at %s, in one message, of %v", about[0].Tier, w.now.Sub(w.script.Start), kinds)
	}
}

// withItsEnd: of what was over when a sender began, the beginning is not told without its
// end.
func (b *books) withItsEnd(w *world, about []incident.Notification) {
	going := map[line]bool{}
	for _, n := range about {
		going[line{n.Incident, n.Tier}] = true
	}
	for _, n := range about {
		if n.Event == incident.EventResolved {
			delete(going, line{n.Incident, n.Tier})
		}
	}
	if len(going) == 0 {
		return
	}
	left, err := w.store.Outbox(w.ctx, 0)
	if err != nil {
		b.violate("the table can be read", "%v", err)
		return
	}
	began := w.entered.Add(-w.maxSkew())
	for _, p := range left {
		n := p.Notification
		at, known := b.dueIDs[n.ID]
		waits := n.At.After(began) || p.NotBefore.After(began) || !known || !b.stored[at].Before(began)
		if going[line{n.Incident, n.Tier}] && n.Event == incident.EventResolved && !waits {
			b.violate("what is over is not told as if it went on", "%s hears of %s at %s, which is over since %s", n.Tier, n.Incident, w.now.Sub(w.script.Start), n.At.Sub(w.script.Start))
		}
	}
}
