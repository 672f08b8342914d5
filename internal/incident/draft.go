package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sondehq/sonde/internal/monitor"
)

// Story is all that is known of an incident: what its follow-up is made of.
type Story struct {
	Incident Incident
	Updates  []Update // oldest first
	Sent     []Sent

	// Courses is how its services were while it lasted (see Measured). One that is
	// missing was not measured, or so long ago that it is not known any more.
	Courses map[monitor.ServiceID]Course

	Evidence []Evidence // the failing checks that it began with, oldest first
}

// Course is for how long a service was in each condition, by the rules of
// `sonde report`: planned maintenance and what people corrected is not what was
// measured.
type Course struct {
	Down, Degraded, AtRisk time.Duration
	Maintenance, Unknown   time.Duration
	MeasuredDown           time.Duration // without maintenance and corrections
}

// Evidence is a failing check of a service, as it was kept.
type Evidence struct {
	Service monitor.ServiceID `json:"service"`
	monitor.Result
}

// Sent is a notification that reached a tier, or, with a reason, did not.
type Sent struct {
	Tier    monitor.TierID
	Event   string // the receipt's name: opened, escalated-critical, reminder-2
	Subject string // of the message; empty where that was not kept
	At      time.Time
	Failed  string // why it was never delivered
	Pending bool   // it is not delivered yet; At is when it was due
}

// Measured is the time that the follow-up counts of one of the incident's services:
// from the first sign until all was wrong no more, or now; later, where this service
// followed later.
func (i *Incident) Measured(a Affected, now time.Time) (from, to time.Time) {
	_, to = i.Lasted()
	switch {
	case to.IsZero():
		to = now
	case a.IsPending() && i.State == Resolved:
		to = latest(to, i.Resolved)
	}
	from = i.Opened
	if !a.Since.IsZero() && a.Since.Before(from) {
		from = a.Since
	}
	return from, latest(to, a.Restored)
}

// Draft is the follow-up of an incident, in Markdown, as far as Sonde knows it:
// what happened and when, for how long each service was down, who was told what and
// when. What only people know is left to be filled in. Times are in the site's zone.
// Services that the public does not see are in it: it is a draft.
func Draft(cfg *monitor.Config, s Story, now time.Time) string {
	d := drafter{cfg: cfg, zone: cfg.Zone(), Story: s, end: now, form: "2 Jan 2006, 15:04 MST"}
	if _, to := s.Incident.Lasted(); !to.IsZero() {
		d.end = to
	}
	if d.when(s.Incident.Since) == d.when(d.end) {
		d.form = "2 Jan 2006, 15:04:05 MST"
	}
	d.head()
	d.failures()
	d.services()
	d.timeLine()
	d.audience()
	d.line("\n## What went well, what did not\n\n_To be filled in._\n\n## What we will change\n\n_To be filled in: what, who, by when._")
	return d.b.String()
}

type drafter struct {
	Story
	b    strings.Builder
	cfg  *monitor.Config
	zone *time.Location
	end  time.Time // when what was wrong was wrong no more; now, while it is
	form string    // of times
}

func (d *drafter) line(format string, args ...any) { _, _ = fmt.Fprintf(&d.b, format+"\n", args...) }

func (d *drafter) when(t time.Time) string { return t.In(d.zone).Format(d.form) }

// plain takes out of a text what would break a line of Markdown, or stand out in
// it.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1 // escapes, bells, changes of the direction of writing
		}
		return r
	}, strings.Join(strings.Fields(text), " "))
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "~", `\~`, "`", "'", "[", `\[`, "#", `\#`).Replace(text)
}

// Person is who did something, as people say it: of the ARN of an assumed role
// "maria (ops)", of a user's "maria".
func Person(by string) string {
	parts := strings.SplitN(by, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return orSomebody(by)
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	switch kind {
	case "assumed-role":
		role, session, _ := strings.Cut(name, "/")
		// AWSReservedSSO_NAME_0123456789abcdef is the role that IAM Identity Center makes of
		// a permission set (its user guide, "Referencing permission sets").
		if set, is := strings.CutPrefix(role, "AWSReservedSSO_"); is && strings.Contains(set, "_") {
			role = set[:strings.LastIndex(set, "_")]
		}
		if session != "" && role != "" {
			return session + " (" + role + ")"
		}
	case "user", "federated-user":
		if name = name[strings.LastIndex(name, "/")+1:]; name != "" {
			return name
		}
	case "root":
		return "root of account " + parts[4]
	}
	return by
}

func (d *drafter) head() {
	inc := d.Incident
	d.line("# %s, %s\n", plain(inc.Title), inc.Since.In(d.zone).Format("2 January 2006"))
	lasted := Span(d.end.Sub(inc.Since))
	site := plain(cmp.Or(d.cfg.Site.Name, "The site"))
	switch inc.State {
	case Resolved:
		d.line("%s was affected from %s to %s: %s. Impact: %s.", site, d.when(inc.Since), d.when(d.end), lasted, inc.Worst)
	case Draining:
		d.line("%s was affected from %s to %s: %s. Impact: %s.", site, d.when(inc.Since), d.when(d.end), lasted, inc.Worst)
		d.line("What was wrong is restored; old DNS answers may last until %s. **This incident is not over.**", d.when(inc.Drain))
	default:
		d.line("%s has been affected since %s, for %s so far. Impact: %s. **This incident is not over.**", site, d.when(inc.Since), lasted, inc.Worst)
	}
	if inc.Opened.Before(inc.Since) {
		d.line("First sign of it: %s.", d.when(inc.Opened))
	}
	if names := d.unwatched(); len(names) > 0 {
		d.line("No longer watched, so that nothing shows whether it works: %s.", enumerated(names))
	}
	if inc.State == Resolved && inc.Drain.After(d.end) {
		d.line("Caches may have kept old DNS answers until %s.", d.when(inc.Drain))
	}
	d.line("\nCause: _to be filled in_\n")
}

// unwatched names the services that were not seen working, since they are not watched
// any more.
func (d *drafter) unwatched() (names []string) {
	for _, a := range d.Incident.Services {
		if a.Gone {
			names = append(names, plain(a.Name))
		}
	}
	return names
}

// failures is what failed first, and, where that is something else, what failed when
// it was worst.
func (d *drafter) failures() {
	when, first := d.first()
	if first != "" {
		d.line("What failed first, as Sonde saw it:\n\n- %s%s\n", when, plain(first))
	}
	if worst := d.Incident.Failing(); worst != "" && worst != first {
		d.line("What failed, when it was worst:\n")
		for text := range strings.Lines(worst) {
			d.line("- %s", plain(text))
		}
		d.line("")
	}
}

// first is the first failure, and when and where it was seen; of incidents whose
// evidence was not kept, or began before it, what was written down when they opened.
func (d *drafter) first() (when, failure string) {
	for _, e := range d.Evidence {
		if e.Failure == nil || e.Scheduled.After(latest(d.Incident.Opened, d.Incident.Declared)) {
			continue
		}
		failure = fmt.Sprintf("%s: %s", e.Monitor, e.Failure)
		when = d.when(e.Scheduled) + ", seen from " + plain(string(e.Location))
		if host, _, _ := strings.Cut(e.Address, ":"); host != "" && !strings.Contains(failure, host) {
			when += " at " + plain(e.Address)
		}
		return when + ": ", failure
	}
	for _, u := range d.Updates {
		if u.By == "" && u.Detail != "" {
			return "", strings.TrimSpace(u.Detail)
		}
	}
	return "", ""
}

// services is for how long each was in which condition.
func (d *drafter) services() {
	d.line("## Services\n\n| service | part in it | from | to | down | degraded | at risk | not observed |\n|---|---|---|---|---:|---:|---:|---:|")
	var notes []string
	for _, a := range d.Incident.Services {
		part, until := "affected", "not restored yet"
		if a.Cause {
			part = "cause"
		}
		switch {
		case a.Gone:
			until = unwatched + " from " + d.when(a.Restored)
		case !a.Restored.IsZero():
			until = d.when(a.Restored)
		case d.Incident.State == Resolved:
			until = "not restored when it ended"
		}
		name, down, degraded, risk, unknown := plain(a.Name), "not known", "", "", ""
		if c, measured := d.Courses[a.ID]; measured {
			down, degraded, risk, unknown = Span(c.Down), Span(c.Degraded), Span(c.AtRisk), Span(c.Unknown)
			notes = append(notes, d.note(name, a, c)...)
		}
		d.line("| %s | %s | %s | %s | %s | %s | %s | %s |", name, part, d.when(a.Since), until, down, degraded, risk, unknown)
	}
	for i, note := range notes {
		if i == 0 {
			d.line("")
		}
		d.line("- %s", note)
	}
}

// note says why the figures of a service are not what the incident says.
func (d *drafter) note(name string, a Affected, c Course) (notes []string) {
	until := latest(d.end, a.Restored)
	if !a.Restored.IsZero() {
		until = a.Restored
	}
	wrong := c.Down + c.Degraded + c.AtRisk + c.Maintenance + c.Unknown
	if worked := (until.Sub(a.Since) - wrong).Truncate(time.Second); wrong > 0 && worked > 0 && !d.Incident.Manual {
		notes = append(notes, fmt.Sprintf("%s: worked for %s in between.", name, Span(worked)))
	}
	if c.Maintenance > 0 {
		notes = append(notes, fmt.Sprintf("%s: %s were planned maintenance, which is no downtime.", name, Span(c.Maintenance)))
	}
	if c.MeasuredDown != c.Down {
		notes = append(notes, fmt.Sprintf("%s: as measured, without maintenance and corrections, it was down for %s.", name, Span(c.MeasuredDown)))
	}
	if d.Incident.Manual && c.Down == 0 && c.MeasuredDown == 0 {
		notes = append(notes, name+": no monitor saw it down. `sonde correct` corrects the uptime, if it was.")
	}
	return notes
}

// timeLine is updates and messages, in the order of time.
func (d *drafter) timeLine() {
	entries := []entry{{d.Incident.Opened, d.beginning()}}
	for _, u := range d.Updates {
		text, _, _ := strings.Cut(cmp.Or(u.Text, u.Detail), " "+forget+": ")
		if u.By != "" {
			text = Person(u.By) + ": " + text
		}
		entries = append(entries, entry{u.At, plain(text)})
	}
	entries = append(entries, d.messages()...)
	slices.SortStableFunc(entries, func(a, b entry) int { return a.at.Compare(b.at) })
	d.line("\n## Time line\n\n| when | what |\n|---|---|")
	for _, e := range entries {
		d.line("| %s | %s |", d.when(e.at), e.text)
	}
}

// entry is a line of the time line; its text is Markdown.
type entry struct {
	at   time.Time
	text string
}

func (d *drafter) beginning() string {
	if !d.Incident.Manual {
		return "First failing check."
	}
	if len(d.Updates) > 0 && d.Updates[0].By != "" {
		return "Opened by hand, by " + plain(Person(d.Updates[0].By)) + "."
	}
	return "Opened by hand."
}
