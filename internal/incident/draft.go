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

// Sent is a notification that reached a tier, or, with a reason, did not.
type Sent struct {
	Tier   monitor.TierID
	Event  string // opened, escalated-critical, reminder-2
	At     time.Time
	Failed string // why it was never delivered
}

// Draft is the follow-up of an incident, in Markdown, as far as Sonde knows it:
// what happened and when, for how long each service was affected, who was told
// what and when. What only people know is left to be filled in. Times are in the
// site's zone. Services that the public does not see are in it: it is a draft.
func Draft(cfg *monitor.Config, inc Incident, updates []Update, sent []Sent, now time.Time) string {
	d := drafter{zone: cfg.Zone(), inc: inc, end: now}
	if _, to := inc.Lasted(); !to.IsZero() {
		d.end = to
	}
	d.head(cfg)
	d.services()
	d.timeLine(updates, sent)
	d.audience(cfg, sent)
	d.rest()
	return d.b.String()
}

type drafter struct {
	b    strings.Builder
	zone *time.Location
	inc  Incident
	end  time.Time
}

func (d *drafter) line(format string, args ...any) { _, _ = fmt.Fprintf(&d.b, format+"\n", args...) }

func (d *drafter) when(t time.Time) string { return t.In(d.zone).Format("2 Jan 2006, 15:04 MST") }

// plain takes out of a text what would break a line of Markdown, or stand out in
// it.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1 // escapes, bells, changes of the direction of writing
		}
		return r
	}, strings.Join(strings.Fields(text), " "))
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "'", "[", `\[`, "#", `\#`).Replace(text)
}

func (d *drafter) head(cfg *monitor.Config) {
	d.line("# %s, %s\n", plain(d.inc.Title), d.inc.Since.In(d.zone).Format("2 January 2006"))
	if d.inc.State == Resolved {
		d.line("%s was affected from %s to %s: %s. Impact: %s.", plain(cfg.Site.Name), d.when(d.inc.Since), d.when(d.end), Span(d.end.Sub(d.inc.Since)), d.inc.Worst)
	} else {
		d.line("%s is affected since %s, for %s so far. Impact: %s. **This incident is not over.**", plain(cfg.Site.Name), d.when(d.inc.Since), Span(d.end.Sub(d.inc.Since)), d.inc.Worst)
	}
	if d.inc.Opened.Before(d.inc.Since) {
		d.line("First sign of it: %s.", d.when(d.inc.Opened))
	}
	d.line("\nCause: _to be filled in_\n")
	if d.inc.Detail != "" {
		d.line("What failed first, as Sonde saw it:\n")
		for text := range strings.Lines(d.inc.Detail) {
			d.line("- %s", plain(text))
		}
		d.line("")
	}
}

func (d *drafter) services() {
	d.line("## Services\n\n| service | part in it | from | to | for |\n|---|---|---|---|---|")
	for _, a := range d.inc.Services {
		part, until, end := "affected", "not restored yet", d.end
		if a.Cause {
			part = "cause"
		}
		if !a.Restored.IsZero() {
			until, end = d.when(a.Restored), a.Restored
		}
		d.line("| %s | %s | %s | %s | %s |", plain(a.Name), part, d.when(a.Since), until, Span(end.Sub(a.Since)))
	}
}

// timeLine is updates and messages, in the order of time.
func (d *drafter) timeLine(updates []Update, sent []Sent) {
	type entry struct {
		at   time.Time
		text string
	}
	entries := []entry{{d.inc.Opened, "First failing check."}}
	for _, u := range updates {
		text := cmp.Or(u.Text, u.Detail)
		if u.By != "" {
			text += " (" + u.By + ")"
		}
		entries = append(entries, entry{u.At, plain(text)})
	}
	for _, s := range sent {
		if s.Failed == "" && s.Event == string(EventOpened) {
			entries = append(entries, entry{s.At, "Told: " + plain(string(s.Tier)) + "."})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return a.at.Compare(b.at) })
	d.line("\n## Time line\n\n| when | what |\n|---|---|")
	for _, e := range entries {
		d.line("| %s | %s |", d.when(e.at), e.text)
	}
}

// audience is who was told, how soon, and who was not.
func (d *drafter) audience(cfg *monitor.Config, sent []Sent) {
	d.line("\n## Who was told\n\n| tier | of the beginning | after | of the end | messages |\n|---|---|---|---|---|")
	for _, tier := range cfg.Tiers {
		began, after, ended, n := "never", "", "", 0
		var failed []string
		for _, s := range sent {
			switch {
			case s.Tier != tier.ID:
				continue
			case s.Failed != "":
				failed = append(failed, plain(s.Event+": "+s.Failed))
				continue
			case s.Event == string(EventOpened):
				began, after = d.when(s.At), Span(s.At.Sub(d.inc.Opened))
			case s.Event == string(EventResolved):
				ended = d.when(s.At)
			}
			n++
		}
		if declined, is := d.inc.Declined[tier.ID]; is && n == 0 {
			began = "declined by " + plain(orSomebody(declined.By)) + ": " + plain(declined.Reason)
		}
		d.line("| %s | %s | %s | %s | %d |", plain(cmp.Or(tier.Name, string(tier.ID))), began, after, ended, n)
		for _, f := range failed {
			d.line("| | not delivered: %s | | | |", f)
		}
	}
}

func (d *drafter) rest() {
	d.line("\n## What went well, what did not\n\n_To be filled in._\n\n## What we will change\n\n_To be filled in: what, who, by when._")
}
