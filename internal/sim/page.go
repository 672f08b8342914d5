package sim

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

// Page is what the status page shows at a time.
type Page struct {
	Status    monitor.Status  `json:"status"`
	Banner    string          `json:"banner"`
	Services  []PlayedService `json:"services"`
	Incidents []PageIncident  `json:"incidents"` // those that are open, then the last ones that are over
	Planned   []PagePlan      `json:"maintenance,omitempty"`

	// Resolvers is, while a name moves, what each resolver that a DNS monitor asks
	// says; empty once all answer as is expected. (Operators see it in
	// `sonde check`; the page has the end of it, in DNSUntil.)
	Resolvers []PageResolver `json:"resolvers,omitempty"`
}

// PlayedService is a service on the page.
type PlayedService struct {
	ID     monitor.ServiceID `json:"id"`
	Name   string            `json:"name"`
	Status monitor.Status    `json:"status"`
}

// PageIncident is an incident on the page.
type PageIncident struct {
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	State    incident.State `json:"state"`
	Phase    incident.Phase `json:"phase"`
	Latest   string         `json:"latest,omitempty"`   // the newest update
	Next     time.Time      `json:"next,omitzero"`      // when the next one is promised
	DNSUntil time.Time      `json:"dns_until,omitzero"` // until when cached DNS may fail
}

// PagePlan is planned maintenance on the page.
type PagePlan struct {
	Title string                 `json:"title"`
	State store.MaintenanceState `json:"state"`
}

// PageResolver is what a resolver answers.
type PageResolver struct {
	Monitor monitor.ID `json:"monitor"`
	Server  string     `json:"server"`
	Says    string     `json:"says"`
	New     bool       `json:"new"` // as is expected now
}

// shows are the kinds of rows that change what the page shows.
var shows = map[string]bool{"state": true, "incident": true, "update": true, "run": true, "plan": true, "config": true}

// looks is for how many snapshots the page is looked at after something was written:
// one that was begun before may come first.
const looks = 2

// wrote watches the table for what the page shows.
func (p *playing) wrote(ops []table.Op) {
	snapshot := false
	for _, op := range ops {
		switch {
		case op.Verb != table.Put:
		case shows[op.Row.Kind]:
			p.stale = looks
		case op.Row.Kind == "snapshot":
			snapshot = true
		}
	}
	if p.net.turned {
		p.stale, p.net.turned = looks, false
	}
	if snapshot && p.stale > 0 {
		p.stale--
		p.renewed = true
	}
	p.called()
}

// called looks at a page that is new, once nobody is at work: who has written it knows
// what it says, and need not decode it.
func (p *playing) called() {
	if p.renewed && p.world.inside == 0 {
		p.renewed = false
		p.look()
	}
}

// look logs the page if it shows something else than before.
func (p *playing) look() {
	w := p.world
	snapshot, version, err := w.shared.Snapshot(w.ctx)
	if err != nil {
		w.failure = errors.Join(w.failure, err)
		return
	}
	now := p.page(snapshot, version)
	if p.out.Page != nil && reflect.DeepEqual(*p.out.Page, now) {
		return
	}
	p.out.Page = &now
	p.out.Log = append(p.out.Log, Happening{At: w.now.In(p.scenario.Zone), Who: "page", Text: now.Banner, Page: &now})
}

// pageOver is how many incidents that are over are told of.
const pageOver = 3

func (p *playing) page(s store.Snapshot, version int64) Page {
	status, banner := page.Overall(page.View{Snapshot: s, Now: p.world.now, Empty: version == 0, Stale: s.IsStale(p.world.now)})
	out := Page{Status: status, Banner: banner, Services: []PlayedService{}, Incidents: []PageIncident{}}
	for _, v := range s.Services {
		out.Services = append(out.Services, PlayedService{v.ID, v.Name, v.Status})
	}
	over := 0
	for _, v := range s.Incidents {
		if v.State == incident.Resolved {
			if over++; over > pageOver {
				continue
			}
		}
		one := PageIncident{ID: v.ID, Title: v.Title, State: v.State, Phase: v.Phase, Next: p.in(v.Next), DNSUntil: p.in(v.DNSUntil)}
		if len(v.Updates) > 0 {
			one.Latest = v.Updates[0].Text
		}
		out.Incidents = append(out.Incidents, one)
	}
	for _, m := range s.Maintenance {
		out.Planned = append(out.Planned, PagePlan{m.Title, m.State})
	}
	for _, id := range slices.Sorted(maps.Keys(p.net.answers)) {
		out.Resolvers = append(out.Resolvers, resolvers(id, p.net.answers[id])...)
	}
	return out
}

// in is a time in the scenario's zone.
func (p *playing) in(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(p.scenario.Zone)
}

// resolvers are those of a monitor, while one of them does not answer as expected.
func resolvers(id monitor.ID, all map[string]resolves) []PageResolver {
	var out []PageResolver
	behind := false
	for _, server := range slices.Sorted(maps.Keys(all)) {
		out = append(out, PageResolver{id, server, all[server].says, all[server].good})
		behind = behind || !all[server].good
	}
	if !behind {
		return nil
	}
	return out
}
