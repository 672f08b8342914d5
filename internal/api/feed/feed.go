// Package feed writes what happened and what is planned for programs that people
// read news and dates with: Atom (RFC 4287) and RSS 2.0 of incidents, iCalendar
// (RFC 5545, RFC 7986) of maintenance. All of it comes from one snapshot, and is
// the same as long as nothing changes, so that caches and readers see no news
// where there is none.
//
// Titles and texts appear as text, whatever they hold.
package feed

import (
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/store"
)

// Max is how many entries a feed has.
const Max = 50

// Source is what a feed is made of.
type Source struct {
	Snapshot *store.Snapshot
	Base     string // address of the page, without a slash at its end
	Self     string // address of the feed
	Each     bool   // one entry an update; otherwise one an incident, which changes in place
}

// entry is one piece of news. Entries are newest first, no two at one time:
// Slack's reader passes over feeds where that is not so.
type entry struct {
	id      string // stable for good
	title   string
	link    string
	kind    string // how bad it was at worst
	at      time.Time
	updated time.Time
	content string // HTML
}

// host is what ids begin with.
func (s Source) host() string {
	if u, err := url.Parse(s.Base); err == nil && u.Hostname() != "" {
		return strings.ToLower(u.Hostname())
	}
	return "localhost"
}

func (s Source) title() string { return text(s.Snapshot.Site.Name) + " status: incidents" }

// entries are newest first.
func (s Source) entries() []*entry {
	var all []*entry
	for _, i := range s.Snapshot.Incidents {
		if s.Each {
			all = append(all, s.updates(i)...)
		} else {
			all = append(all, s.whole(i))
		}
	}
	slices.SortFunc(all, func(a, b *entry) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	// The newer of two gives way, so that no entry that was read moves.
	var last time.Time
	for i := range all {
		if all[i].at = all[i].at.UTC().Truncate(time.Second); !all[i].at.After(last) {
			all[i].at = last.Add(time.Second)
		}
		last = all[i].at
		if all[i].updated = all[i].updated.UTC().Truncate(time.Second); all[i].updated.Before(last) {
			all[i].updated = last
		}
	}
	slices.Reverse(all)
	return all[:min(len(all), Max)]
}

func (s Source) tag(i store.IncidentView) string {
	return "tag:" + s.host() + ",2005:Incident/" + url.PathEscape(i.ID)
}

func (s Source) link(i store.IncidentView) string {
	return s.Base + "/incidents/" + url.PathEscape(i.ID)
}

// whole is an incident as one entry, with its updates newest first.
func (s Source) whole(i store.IncidentView) *entry {
	var content strings.Builder
	for _, u := range i.Updates {
		fmt.Fprintf(&content, "<p><small>%s</small><br><strong>%s</strong>: %s</p>", clock(u.At), word(u.Phase), paragraphs(u.Text))
	}
	if content.Len() == 0 {
		fmt.Fprintf(&content, "<p><small>%s</small><br><strong>%s</strong></p>", clock(i.Opened), word(i.Phase))
	}
	content.WriteString(s.affected(i))
	return &entry{
		id: s.tag(i), title: text(i.Title), link: s.link(i), kind: string(i.Worst), at: i.Opened, updated: latest(i.Updated, i.Opened), content: content.String(),
	}
}

// updates is an incident as one entry an update.
func (s Source) updates(i store.IncidentView) []*entry {
	list := i.Updates
	if len(list) == 0 {
		list = []store.UpdateView{{At: i.Opened, Phase: i.Phase}}
	}
	var all []*entry
	for n, u := range list {
		all = append(all, &entry{
			id:    fmt.Sprintf("%s/%d", s.tag(i), len(list)-n), // the first one is 1, and stays so
			title: "[" + word(u.Phase) + "] " + text(i.Title), link: s.link(i), kind: string(i.Worst), at: u.At, updated: u.At,
			content: "<p>" + paragraphs(u.Text) + "</p>" + s.affected(i),
		})
	}
	return all
}

// affected names the services.
func (s Source) affected(i store.IncidentView) string {
	var names []string
	for _, id := range i.Services {
		names = append(names, html.EscapeString(text(s.name(string(id)))))
	}
	if len(names) == 0 {
		return ""
	}
	return "<p>Services: " + strings.Join(names, ", ") + "</p>"
}

// name is how a service is called; its id where it is there no more.
func (s Source) name(id string) string {
	for _, v := range s.Snapshot.Services {
		if string(v.ID) == id {
			return v.Name
		}
	}
	return id
}

// changed is when the feed last did: of an empty one, since its day.
func (s Source) changed(entries []*entry) time.Time {
	at := time.Time{}
	for _, e := range entries {
		at = latest(at, e.updated)
	}
	if at.IsZero() {
		return s.Snapshot.Generated.UTC().Truncate(24 * time.Hour)
	}
	return at
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

var words = map[incident.Phase]string{
	incident.Investigating: "Investigating", incident.Identified: "Identified", incident.Monitoring: "Monitoring", incident.Done: "Resolved",
}

// word is a phase in words; one that this version does not know says least.
func word(p incident.Phase) string {
	if w, known := words[p]; known {
		return w
	}
	return "Update"
}

func clock(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// paragraphs is a text as HTML: its lines, and nothing else of it, are markup.
func paragraphs(s string) string {
	return strings.ReplaceAll(html.EscapeString(lines(s)), "\n", "<br>")
}

// text is a text in one line.
func text(s string) string { return strings.Join(strings.Fields(lines(s)), " ") }

// lines is a text without what XML 1.0 cannot hold, not even escaped, and with
// one kind of line end.
func lines(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r < ' ', r >= 0x7f && r < 0xa0, r == utf8.RuneError, r == 0xfffe, r == 0xffff:
			return -1
		}
		return r
	}, s)
}
