package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// Violation is something that must never happen, and did.
type Violation struct {
	Rule   string // which promise it breaks
	Detail string
}

func (v Violation) String() string { return v.Rule + ": " + v.Detail }

// books keep what the stages wrote and said, beside the table.
type books struct {
	violations []Violation

	incidents []string // ids, in the order of their first write
	heads     map[string][]head
	due       []incident.Notification // in the order of their first write
	stored    []time.Time             // when that was
	dueIDs    map[string]int
	receipts  map[string]int // by notification
	sends     map[string]int // by notification
	excused   map[string]int // sends that may come again: the sender cannot know
	mail      []Delivery
	flips     map[monitor.ServiceID]map[string]monitor.Flip // by key: history may be written again
	order     map[monitor.ServiceID][]string
	said      map[line]incident.Notification // what each tier heard last of each incident
	results   []store.Batch                  // as they were first written
	keys      map[table.Key]bool             // of results
	votes     map[monitor.ID]vote
	doubts    []doubt

	states   map[monitor.ServiceID]detect.Service // as they were written last
	says     map[monitor.ID]map[monitor.Location]word
	turns    map[monitor.ID]turnsOf
	turned   map[monitor.ServiceID]bool // since Detect began
	flipped  map[string]time.Time       // when a flip was written first, by service and key
	evidence map[string]bool            // by check
	failed   map[string]failure         // by notification
	posts    []incident.Update          // what people wrote
	measured time.Time                  // the figures of the page that were looked at last
}

// doubt is which locations were set aside from a time on.
type doubt struct {
	at    time.Time
	aside []monitor.Location
}

// line is all that a tier hears of an incident.
type line struct {
	incident string
	tier     monitor.TierID
}

// vote is an open vote, as the state was written last.
type vote struct{ opened, known time.Time }

// head is an incident as it was written at a time.
type head struct {
	at  time.Time
	inc incident.Incident
}

func newBooks() *books {
	return &books{
		heads: map[string][]head{}, dueIDs: map[string]int{}, receipts: map[string]int{}, sends: map[string]int{}, excused: map[string]int{},
		flips: map[monitor.ServiceID]map[string]monitor.Flip{}, order: map[monitor.ServiceID][]string{},
		said: map[line]incident.Notification{}, keys: map[table.Key]bool{}, votes: map[monitor.ID]vote{},
		states: map[monitor.ServiceID]detect.Service{}, says: map[monitor.ID]map[monitor.Location]word{}, turns: map[monitor.ID]turnsOf{},
		turned: map[monitor.ServiceID]bool{}, flipped: map[string]time.Time{}, evidence: map[string]bool{}, failed: map[string]failure{},
	}
}

func (b *books) violate(rule, format string, args ...any) {
	b.violations = append(b.violations, Violation{rule, fmt.Sprintf(format, args...)})
}

// wrote takes note of a transaction, and checks what holds after each.
func (b *books) wrote(w *world, ops []table.Op) error {
	turned := false
	var flips []monitor.Flip
	var was, is detect.Service
	for _, op := range ops {
		if op.Verb != table.Put {
			continue
		}
		switch op.Row.Kind {
		case "state":
			if err := json.Unmarshal(op.Row.Doc, &is); err != nil {
				return err
			}
			was = b.states[is.Service]
		case "flip":
			var f monitor.Flip
			if err := json.Unmarshal(op.Row.Doc, &f); err != nil {
				return err
			}
			flips = append(flips, f)
		}
		if err := b.row(w, op.Row); err != nil {
			return err
		}
		turned = turned || op.Row.Kind == "incident"
	}
	if is.Service != "" {
		if is.Config < was.Config {
			b.violate("a newer configuration is not undone", "%s is brought in line with version %d, and was with %d", is.Service, is.Config, was.Config)
		}
		b.state(w, is)
		b.checkJudged(w, is)
		b.checkTurned(w, was, is, flips)
		b.states[is.Service] = is
		b.turned[is.Service] = b.turned[is.Service] || slices.ContainsFunc(flips, func(f monitor.Flip) bool { return f.Monitor == "" })
	}
	if turned {
		b.apart()
	}
	return nil
}

func (b *books) row(w *world, row table.Row) error {
	switch row.Kind {
	case "incident":
		var inc incident.Incident
		if err := json.Unmarshal(row.Doc, &inc); err != nil {
			return err
		}
		if len(b.heads[inc.ID]) == 0 {
			b.incidents = append(b.incidents, inc.ID)
			b.alone(w, inc)
		}
		b.drains(inc)
		b.heads[inc.ID] = append(b.heads[inc.ID], head{w.now, inc})
	case store.KindNotification:
		p, err := store.DecodePending(row)
		if err != nil {
			return err
		}
		if _, known := b.dueIDs[p.Notification.ID]; known {
			b.violate("a notification becomes due once", "%s of %s to %s is in the outbox again", p.Notification.Receipt, p.Notification.Incident, p.Notification.Tier)
			return nil
		}
		b.dueIDs[p.Notification.ID] = len(b.due)
		b.due, b.stored = append(b.due, p.Notification), append(b.stored, w.now)
	case "receipt":
		var r store.Receipt
		if err := json.Unmarshal(row.Doc, &r); err != nil {
			return err
		}
		b.receipts[r.Notification]++
	case "update":
		var u incident.Update
		if err := json.Unmarshal(row.Doc, &u); err != nil {
			return err
		}
		if u.By != "" && u.Text != "" {
			b.posts = append(b.posts, u)
		}
		if w.noted != nil {
			w.noted(u)
		}
	case "evidence":
		var r monitor.Result
		if err := json.Unmarshal(row.Doc, &r); err != nil {
			return err
		}
		b.evidence[r.ID()] = true
	case "flip":
		return b.flip(row, w.now)
	case store.KindBatch:
		batch, err := store.DecodeBatch(row)
		if err != nil {
			return err
		}
		if b.keys[row.Key] {
			b.violate("a result is written once", "%s %s", row.PK, row.SK)
		}
		b.keys[row.Key] = true
		b.results = append(b.results, batch)
		for _, r := range batch.Results {
			b.hear(r, w.now)
		}
	case "doubted":
		var d struct {
			Locations map[monitor.Location]time.Time
		}
		if err := json.Unmarshal(row.Doc, &d); err != nil {
			return err
		}
		b.doubts = append(b.doubts, doubt{w.now, slices.Sorted(maps.Keys(d.Locations))})
	}
	return nil
}

// aside is which locations were set aside at a time.
func (b *books) aside(at time.Time) []monitor.Location {
	for _, d := range slices.Backward(b.doubts) {
		if !d.at.After(at) {
			return d.aside
		}
	}
	return nil
}

func (b *books) flip(row table.Row, now time.Time) error {
	var f monitor.Flip
	if err := json.Unmarshal(row.Doc, &f); err != nil {
		return err
	}
	if b.flips[f.Service] == nil {
		b.flips[f.Service] = map[string]monitor.Flip{}
	}
	if _, again := b.flips[f.Service][row.SK]; !again {
		b.order[f.Service] = append(b.order[f.Service], row.SK)
		b.flipped[string(f.Service)+row.SK] = now
	}
	b.flips[f.Service][row.SK] = f
	return nil
}

// flipsOf returns a service's flips by time; of its own status only, or of its
// monitors too.
func (b *books) flipsOf(id monitor.ServiceID) []monitor.Flip {
	var all []monitor.Flip
	for _, sk := range slices.Sorted(slices.Values(b.order[id])) {
		all = append(all, b.flips[id][sk])
	}
	return all
}

// state follows the votes. That each ends is checked when Sweep has come through.
func (b *books) state(w *world, state detect.Service) {
	for _, id := range slices.Sorted(maps.Keys(state.Details)) {
		d := state.Details[id]
		v, open := b.votes[id]
		switch {
		case d.Vote == nil:
			delete(b.votes, id)
		case !open || !d.Vote.Opened.Equal(v.opened):
			b.votes[id] = vote{d.Vote.Opened, w.now}
		}
	}
	for id := range b.states[state.Service].Details {
		if _, still := state.Details[id]; !still {
			delete(b.votes, id)
		}
	}
}

// carries reports whether what is broken above a service can be why it is: every step
// between the two is told of as broken, too.
func (b *books) carries(cfg *monitor.Config, below, above monitor.ServiceID) bool {
	svc, _ := cfg.Service(below)
	return slices.ContainsFunc(svc.DependsOn, func(id monitor.ServiceID) bool {
		told := func(open string) bool {
			if len(b.heads[open]) == 0 {
				return false // it is being written
			}
			inc := b.now(open)
			a, in := inc.Affects(id)
			return inc.State != incident.Resolved && in && a.Restored.IsZero()
		}
		return id == above || slices.ContainsFunc(b.incidents, told) && b.carries(cfg, id, above)
	})
}

// alone: what a new incident is about does not depend on anything that an open
// incident tells of as down.
func (b *books) alone(w *world, inc incident.Incident) {
	if w.changed(w.now) {
		return // who opens it may not know of that yet
	}
	for _, d := range w.configAt(w.now).Dependencies(inc.Root) {
		for _, id := range b.incidents {
			other := b.heads[id]
			if id == inc.ID || len(other) == 0 || other[len(other)-1].inc.State == incident.Resolved {
				continue
			}
			now := b.now(id)
			if a, in := now.Affects(d.ID); in && a.Restored.IsZero() && a.Status.IsOutage() && b.carries(w.configAt(w.now), inc.Root, d.ID) {
				b.violate("what depends on a broken service is not alerted apart", "%s opens %s while %s is down in %s", inc.Root, inc.ID, d.ID, id)
			}
		}
	}
}

// drains: what only waits for old DNS answers to run out is not broken.
func (b *books) drains(inc incident.Incident) {
	for _, a := range inc.Services {
		if inc.State == incident.Draining && a.Cause && a.Restored.IsZero() {
			b.violate("a draining incident has nothing broken", "%s is draining, and %s is %s", inc.ID, a.ID, a.Status)
		}
	}
}

// apart: no service is in two open incidents.
func (b *books) apart() {
	holder := map[monitor.ServiceID]string{}
	for _, id := range b.incidents {
		inc := b.now(id)
		if inc.State == incident.Resolved {
			continue
		}
		for _, a := range inc.Services {
			if other, held := holder[a.ID]; held {
				b.violate("a service is in one open incident", "%s is in %s and in %s", a.ID, other, id)
			}
			holder[a.ID] = id
		}
	}
}

// now is an incident as it was written last.
func (b *books) now(id string) incident.Incident {
	all := b.heads[id]
	return all[len(all)-1].inc
}

// sent takes note of what the carrier took.
func (b *books) sent(w *world, m notify.Message) {
	d := Delivery{At: w.now, Message: m}
	for _, id := range m.Notifications {
		at, known := b.dueIDs[id]
		if !known {
			b.violate("what is sent was stored before", "message %s tells %s, which is not in the outbox", m.ID, id)
			continue
		}
		n := b.due[at]
		d.About = append(d.About, n)
		if n.Tier != m.Tier {
			b.violate("a tier hears what is meant for it", "%s hears %s of %s", m.Tier, n.Receipt, n.Tier)
		}
		if w.now.Before(n.At) {
			b.violate("nothing is sent before it is due", "%s of %s to %s, due at %s", n.Receipt, n.Incident, n.Tier, n.At.Sub(w.script.Start))
		}
		b.sends[id]++
	}
	b.inTurn(w, d.About)
	b.apartFromOver(w, d.About)
	b.withItsEnd(w, d.About)
	b.mail = append(b.mail, d)
	if w.told != nil {
		w.told(d)
	}
}

// inTurn: what a tier is told of an incident comes in the order in which it became
// due, and nothing after its end.
func (b *books) inTurn(w *world, about []incident.Notification) {
	newest := map[line]incident.Notification{}
	for _, n := range about {
		l := line{n.Incident, n.Tier}
		if last, has := b.said[l]; has && b.sends[n.ID] == 1 && (n.At.Before(last.At) || last.Event == incident.EventResolved) {
			b.violate("a tier hears in turn", "%s hears %s of %s at %s, due at %s, after %s, due at %s", n.Tier, n.Receipt, n.Incident,
				w.now.Sub(w.script.Start), n.At.Sub(w.script.Start), last.Receipt, last.At.Sub(w.script.Start))
		}
		if first, has := newest[l]; !has || first.At.Before(n.At) || n.Event == incident.EventResolved {
			newest[l] = n
		}
	}
	maps.Copy(b.said, newest)
}

// excuse notes that nobody can know whether these were sent.
func (b *books) excuse(m notify.Message) {
	for _, id := range m.Notifications {
		b.excused[id]++
	}
}

// excuseReceipts notes that a sender died with receipts in its hand.
func (b *books) excuseReceipts(ops []table.Op) {
	for _, op := range ops {
		var r store.Receipt
		if op.Verb == table.Put && op.Row.Kind == "receipt" && json.Unmarshal(op.Row.Doc, &r) == nil {
			b.excused[r.Notification]++
		}
	}
}
