package page

import (
	"html/template"

	"github.com/sondehq/sonde/internal/monitor"
)

// follow is how a reader can hear of news without looking at the page.
type follow struct {
	*sheet
	ID    monitor.ServiceID // of the one service; empty: all
	About string
	Feeds template.HTML // empty: there are none
}

// Follow offers news of everything.
func (s *sheet) Follow() follow {
	return follow{sheet: s, About: s.T("subscribe.all"), Feeds: s.feeds()}
}

// Follow offers news of the one service.
func (p servicePage) Follow() follow {
	f := p.sheet.Follow()
	f.ID, f.About = p.Row.ID, p.T("subscribe.one", "service", p.Row.Name)
	return f
}

func (s *sheet) feeds() template.HTML {
	var links []string
	add := func(there bool, path, name string) {
		if there {
			links = append(links, `<a href="`+path+`">`+template.HTMLEscapeString(name)+`</a>`)
		}
	}
	add(s.Links.Atom, "/history.atom", "Atom")
	add(s.Links.RSS, "/history.rss", "RSS")
	add(s.Links.Calendar, "/maintenance.ics", s.T("calendar"))
	add(true, "/api/v1/status", s.T("json"))
	return s.H("feeds", "links", template.HTML(s.lang.List(links)))
}

// The commands that make a system forget DNS answers, as code.

// FlushWindows is for the Command Prompt.
func (s *sheet) FlushWindows() template.HTML { return "<code>ipconfig /flushdns</code>" }

// FlushMac is for the Terminal.
func (s *sheet) FlushMac() template.HTML {
	return "<code>sudo dscacheutil -flushcache; sudo killall -HUP mDNSResponder</code>"
}

// FlushLinux is for systems with systemd-resolved.
func (s *sheet) FlushLinux() template.HTML { return "<code>resolvectl flush-caches</code>" }
