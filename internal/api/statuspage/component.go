package statuspage

import (
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// ComponentStatus is one of Statuspage's five.
type ComponentStatus string

// The statuses of a component.
const (
	Operational ComponentStatus = "operational"
	Maintenance ComponentStatus = "under_maintenance"
	Degraded    ComponentStatus = "degraded_performance"
	Partial     ComponentStatus = "partial_outage"
	Major       ComponentStatus = "major_outage"
)

// severity orders the statuses, worst last.
var severity = []ComponentStatus{Operational, Maintenance, Degraded, Partial, Major}

func worse(a, b ComponentStatus) ComponentStatus {
	if slices.Index(severity, b) > slices.Index(severity, a) {
		return b
	}
	return a
}

// componentStatus maps a service's status.
//
// Statuspage has no word for what is not known. It is shown as a partial outage:
// operational and degraded_performance both claim that the service works, which
// nobody knows, and major_outage claims that it does not. The page's description
// then says that the state is not known. A status that this version does not
// know counts as that too.
//
// A service at risk works, without redundancy. It is shown as degraded, as
// yellow as on Sonde's own page: green would hide what its operator should see.
func componentStatus(s monitor.Status) ComponentStatus {
	switch s {
	case monitor.Operational:
		return Operational
	case monitor.InMaintenance:
		return Maintenance
	case monitor.AtRisk, monitor.DegradedPerf:
		return Degraded
	case monitor.MajorOutage:
		return Major
	}
	return Partial
}

// isKnown reports whether anything is known of a service in that status.
func isKnown(s monitor.Status) bool {
	switch s {
	case monitor.Operational, monitor.InMaintenance, monitor.AtRisk, monitor.DegradedPerf, monitor.PartialOutage, monitor.MajorOutage:
		return true
	}
	return false
}

// Component is a service, or a group of them.
type Component struct {
	ID                 string          `json:"id"`
	Name               string          `json:"name"`
	Status             ComponentStatus `json:"status"`
	CreatedAt          Time            `json:"created_at"`
	UpdatedAt          Time            `json:"updated_at"`
	Position           int             `json:"position"` // from 1, among the page's or the group's
	Description        *string         `json:"description"`
	Showcase           bool            `json:"showcase"`
	StartDate          *string         `json:"start_date"` // 2006-01-02
	GroupID            *string         `json:"group_id"`
	PageID             string          `json:"page_id"`
	Group              bool            `json:"group"`
	OnlyShowIfDegraded bool            `json:"only_show_if_degraded"`
	Components         []string        `json:"components,omitempty"` // of a group: the ids of its services
}

// Components are all services in the page's order, each group before its own.
func (s *Site) Components() []Component { return s.components }

func (s *Site) list() []Component {
	list, groups := []Component{}, map[string][]Component{}
	for _, svc := range s.Services {
		one := s.component(svc)
		if svc.Group == "" {
			list = append(list, one)
			continue
		}
		if groups[svc.Group] == nil {
			list = append(list, Component{Group: true, Name: svc.Group})
		}
		one.Position = len(groups[svc.Group]) + 1
		groups[svc.Group] = append(groups[svc.Group], one)
	}
	out := []Component{}
	for i, one := range list {
		members := groups[one.Name]
		if one.Group {
			one = s.group(one.Name, members)
		}
		one.Position = i + 1
		out = append(out, one)
		if one.Group {
			out = append(out, members...)
		}
	}
	return out
}

func (s *Site) component(svc store.ServiceView) Component {
	c := Component{
		ID: componentID(svc.ID), Name: svc.Name, Status: componentStatus(svc.Status), PageID: s.pageID(),
		CreatedAt: first(svc.Added, svc.Since, s.Generated, s.now), UpdatedAt: first(svc.Since, svc.Added, s.Generated, s.now),
	}
	if svc.Description != "" {
		c.Description = &svc.Description
	}
	if !svc.Added.IsZero() {
		date := svc.Added.UTC().Format(time.DateOnly)
		c.StartDate = &date
	}
	if svc.Group != "" {
		id := groupID(svc.Group)
		c.GroupID = &id
	}
	return c
}

// group is as bad as the worst of its members, as old as the oldest, and changed
// when one of them has last.
func (s *Site) group(name string, members []Component) Component {
	g := Component{
		ID: groupID(name), Name: name, Status: Operational, PageID: s.pageID(), Group: true,
		CreatedAt: members[0].CreatedAt, UpdatedAt: members[0].UpdatedAt,
	}
	for _, m := range members {
		g.Components = append(g.Components, m.ID)
		g.Status = worse(g.Status, m.Status)
		if time.Time(m.CreatedAt).Before(time.Time(g.CreatedAt)) {
			g.CreatedAt = m.CreatedAt
		}
		if time.Time(m.UpdatedAt).After(time.Time(g.UpdatedAt)) {
			g.UpdatedAt = m.UpdatedAt
		}
	}
	return g
}

func componentID(id monitor.ServiceID) string { return newID("component", string(id)) }

func groupID(name string) string { return newID("group", name) }
