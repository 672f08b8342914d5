package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/monitor"
)

// called names a status as people say it.
var called = map[monitor.Status]string{
	monitor.Operational:   "working",
	monitor.AtRisk:        "at risk",
	monitor.DegradedPerf:  "degraded",
	monitor.PartialOutage: "partial outage",
	monitor.MajorOutage:   "outage",
	monitor.InMaintenance: "in maintenance",
	monitor.NotKnown:      "not known",
}

// Words names a status as people say it; one that is not known to this version
// is never called fine.
func Words(s monitor.Status) string {
	if w, ok := called[s]; ok {
		return w
	}
	return called[monitor.NotKnown]
}

func title(name string, c Change) string {
	switch _, prober := c.Service.Prober(); {
	case c.isSilent() && c.Status.IsOutage():
		return "Checks: no results from anywhere"
	case c.isSilent():
		return name + ": no results"
	case prober:
		return name + ": set aside"
	case c.Gone:
		return ended(name, c)
	case c.Flapping:
		return name + ": flapping"
	case c.Status == monitor.AtRisk:
		return fmt.Sprintf("%s: at risk, %d of %d left", name, c.Alive, c.Total)
	}
	return name + ": " + Words(c.Status)
}

// sentence says what is the matter, without the service's name.
func sentence(c Change) string {
	if c.Gone {
		return unwatched
	}
	switch c.Status {
	case monitor.AtRisk:
		return fmt.Sprintf("still working, but redundancy is lost: %d of %d left", c.Alive, c.Total)
	case monitor.DegradedPerf:
		return "working, but not as well as it should"
	case monitor.PartialOutage:
		switch {
		case c.Total == 0: // a person says so
			return "partly down"
		case c.Alive == 0:
			return fmt.Sprintf("partly down, none of its %d parts is known to work", c.Total)
		}
		return fmt.Sprintf("partial outage, %d of %d parts work", c.Alive, c.Total)
	case monitor.MajorOutage:
		if c.Total <= 1 {
			return "down"
		}
		return fmt.Sprintf("down, none of its %d parts work", c.Total)
	case monitor.NotKnown:
		return "state not known at the moment"
	}
	return Words(c.Status)
}

func openedText(name string, c Change) string {
	location, is := c.Service.Prober()
	switch {
	case c.isSilent() && c.Status.IsOutage():
		return "Nothing is checked from anywhere: no location brings results. Whether your services work is not known."
	case c.isSilent():
		return fmt.Sprintf("Nothing is heard from %s. What other locations check is judged without it; what is checked from there only is not known.", location)
	case is:
		return fmt.Sprintf("%s cannot be trusted at the moment: %d of its %d monitors fail from there alone. What fails from there is set aside until three of four are found good from there; your services are not affected by it.",
			location, c.Total-c.Alive, c.Total)
	case c.Flapping:
		return name + " is flapping: it keeps changing. Right now: " + sentence(c) + ". You will hear again when it is steady."
	}
	return name + ": " + sentence(c) + "."
}

// unwatched is what is said of a service that the configuration does not watch any
// more.
const unwatched = "no longer watched"

// ended says that a service is no trouble any more, without a full stop: nothing shows
// that one works that is not watched any more.
func ended(name string, c Change) string {
	if c.Gone {
		return name + ": " + unwatched
	}
	return name + ": working again"
}

// backText is the end of what is wrong with a location itself.
func backText(location monitor.Location, before, now Affected) string {
	switch {
	case now.Total == 0:
		return "Nothing is checked from " + string(location) + " any more."
	case before.change().isSilent():
		return string(location) + " is heard again after " + Span(now.Restored.Sub(before.Since)) + "."
	}
	return restoredText(before.Since, now.Restored)
}

func restoredText(from, to time.Time) string { return "Restored after " + Span(to.Sub(from)) + "." }

// overText is the end of an incident for those who know of some services.
func (i *Incident) overText(known []Affected) string {
	from, to := i.Lasted()
	return i.overAfter(known, from, to)
}

func (i *Incident) overAfter(known []Affected, from, to time.Time) string {
	root, ok := i.Affects(i.Root)
	if !ok || !i.knowsRoot(known) {
		root, _ = i.foremost(known)
	}
	if root.Gone {
		return "No longer watched, after " + Span(to.Sub(from)) + ": whether it works is not known."
	}
	return restoredText(from, to)
}

// steadyText is the end of what kept changing.
func steadyText(from, to, now time.Time, zone *time.Location) string {
	return "It was flapping from " + clock(from, now, zone) + " to " + clock(to, now, zone) + ", and has been steady since."
}

// standing says how an incident stands, for those who hear of it late.
func standing(inc *Incident) string {
	root, ok := inc.Affects(inc.Root)
	if !ok || inc.Manual && inc.Title == inc.Name || inc.State == Draining {
		return inc.Title + "."
	}
	return openedText(root.Name, root.change())
}

// public is what the public may know of the affected services.
func (i *Incident) public() []Affected { return i.knownTo(&monitor.Config{}, everybody) }

// foremost is the service that stands for the incident to those who know of some: the
// first of the worst that are still broken. Once the incident is over what was merely slow stands for
// it only if nothing was down; and where all works again, the first that came back
// with the last. It reports false if they know of none.
func (i *Incident) foremost(known []Affected) (Affected, bool) {
	if len(known) == 0 {
		return Affected{}, false
	}
	among := known
	if i.State == Resolved {
		among = worstOf(known)
	}
	worst := -1
	for at, a := range among {
		if a.Restored.IsZero() && (worst < 0 || a.Status.Impact().Rank() > among[worst].Status.Impact().Rank()) {
			worst = at
		}
	}
	if worst >= 0 {
		return among[worst], true
	}
	if among = worstOf(judgedBy(known)); i.State != Resolved {
		return known[0], true
	}
	last := lastOf(among)
	at := slices.IndexFunc(among, func(a Affected) bool { return last.Sub(a.Restored) < time.Minute })
	return among[max(at, 0)], true
}

// worstOf is the services that were down, if some were; else all.
func worstOf(known []Affected) []Affected {
	down := slices.DeleteFunc(slices.Clone(known), func(a Affected) bool { return !a.atWorst().Status.IsOutage() })
	if len(down) > 0 {
		return down
	}
	return known
}

// lastOf is when the last of some services was fine again.
func lastOf(services []Affected) (at time.Time) {
	for _, a := range services {
		at = latest(at, a.Restored)
	}
	return at
}

// knowsRoot reports whether those who know of some services know of the one that the
// incident is named after; or the name is no service's.
func (i *Incident) knowsRoot(known []Affected) bool {
	_, has := i.Affects(i.Root)
	return !has || slices.ContainsFunc(known, func(a Affected) bool { return a.ID == i.Root })
}

// titleFor is the title for those who know of some services.
func (i *Incident) titleFor(known []Affected) string {
	v, ok := i.foremost(known)
	switch {
	case !ok:
		return i.Title
	case i.knowsRoot(known):
		root, has := i.Affects(i.Root)
		if i.State == Resolved && has && i.Title != i.Name && !strings.HasPrefix(i.Title, root.Name+": ") {
			return title(root.Name, root.atWorst()) // the page names another, which was worse
		}
		return i.Title
	case i.State == Draining:
		root, _ := i.Affects(i.Root)
		if what, names := strings.CutPrefix(i.Title, root.Name+": "); names {
			if v.Restored.IsZero() {
				what = strings.Replace(what, "restored,", "cause mended,", 1)
			}
			return v.Name + ": " + what
		}
	case i.State == Resolved && !v.Restored.IsZero():
		return title(v.Name, v.atWorst())
	}
	return title(v.Name, v.change())
}

// titleAtWorst is the title of an incident that is over, for those who know of some
// services: what it was at its worst. What kept changing, and what people have called it,
// is its name to the end.
func (i *Incident) titleAtWorst(known []Affected) string {
	root, has := i.Affects(i.Root)
	_, prober := i.Root.Prober()
	named := i.Title == i.Name || prober || !has || i.Title == title(root.Name, Change{Flapping: true})
	if len(known) == 0 || named && i.knowsRoot(known) {
		return i.Title
	}
	var worst Affected
	rank := -1
	for _, a := range judgedBy(known) {
		r := a.atWorst().Status.Impact().Rank()
		if r > rank || r == rank && a.ID == i.Root {
			worst, rank = a, r
		}
	}
	return title(worst.Name, worst.atWorst())
}

// PublicTitle is the title without the names of internal services.
func (i *Incident) PublicTitle() string {
	if i.State == Resolved {
		return i.titleAtWorst(i.public())
	}
	return i.titleFor(i.public())
}

// endFor is the last text of an incident for the public, where they do not know of its
// causes: for how long they saw it, and that what was not seen working should work.
func (i *Incident) endFor(known []Affected, text string) string {
	rest, ends := strings.CutPrefix(text, i.overText(i.Services))
	v, sees := i.foremost(known)
	if i.State != Resolved || !ends || !sees || i.Seen == nil || i.knowsRoot(known) {
		return text
	}
	from, to := i.lastedFor(i.Seen, known)
	switch {
	case v.Still:
		text = v.Name + ": still down. Its cause was mended after " + Span(to.Sub(from)) + "."
	case v.IsPending():
		text = v.Name + ": should work again. Its cause was mended after " + Span(to.Sub(from)) + "."
	default:
		text = i.overAfter(known, from, to)
	}
	return text + rest
}

// textFor is what Sonde says of the incident for those who know of some services: a
// text that names another is replaced by how the first that they know of stands. It is
// empty where there is none.
func (i *Incident) textFor(known []Affected, text string) string {
	for _, a := range i.Services {
		if slices.ContainsFunc(known, func(k Affected) bool { return k.ID == a.ID }) || !names(text, a.Name) {
			continue
		}
		v, ok := i.foremost(known)
		switch {
		case !ok:
			return ""
		case i.State == Draining && strings.Contains(text, forget): // it says what to do
			if v.Restored.IsZero() {
				text = strings.Replace(text, ": restored;", ": should work again, its cause is mended;", 1)
			}
			return strings.ReplaceAll(text, a.Name, v.Name)
		}
		return openedText(v.Name, v.change())
	}
	return text
}

// PublicText is a text of Sonde's about the incident without the names of internal
// services.
func (i *Incident) PublicText(text string) string { return i.textFor(i.public(), text) }

// names reports whether a text has a name in it, as words of its own.
func names(text, name string) bool {
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for at := 0; name != ""; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(text[:at+i])
		after, _ := utf8.DecodeRuneInString(text[at+i+len(name):])
		if !inWord(before) && !inWord(after) {
			return true
		}
		at += i + len(name)
	}
	return false
}

// Span writes a duration as people say it: 14m 32s, 15m, 6h 50m, 2d 3h.
func Span(d time.Duration) string {
	d = max(d.Round(time.Second), 0)
	days, hours, minutes, seconds := d/(24*time.Hour), d%(24*time.Hour)/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second
	two := func(n time.Duration, unit string, m time.Duration, smaller string) string {
		if m == 0 {
			return fmt.Sprintf("%d%s", n, unit)
		}
		return fmt.Sprintf("%d%s %d%s", n, unit, m, smaller)
	}
	switch {
	case days > 0:
		return two(days, "d", hours, "h")
	case hours > 0:
		return two(hours, "h", minutes, "m")
	case minutes > 0:
		return two(minutes, "m", seconds, "s")
	}
	return fmt.Sprintf("%ds", seconds)
}
