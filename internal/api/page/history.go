package page

import (
	"html/template"
	"slices"
	"time"

	"github.com/sondehq/sonde/internal/store"
)

// historyPage is all incidents, by month.
type historyPage struct {
	*sheet
	Months []month
}

type month struct {
	ID        string // 2006-01, of the element
	Name      string
	Count     string
	Incidents []pastIncident
}

// pastIncident is an incident with when it began.
type pastIncident struct {
	incidentCard
	Began template.HTML
}

func (s *sheet) months(incidents []store.IncidentView) []month {
	var list []month
	newest := func(a, b store.IncidentView) int { return b.Opened.Compare(a.Opened) }
	for _, inc := range slices.SortedStableFunc(slices.Values(incidents), newest) {
		at := inc.Opened.In(s.zone)
		id := at.Format("2006-01")
		if len(list) == 0 || list[len(list)-1].ID != id {
			list = append(list, month{ID: id, Name: s.lang.Month(at)})
		}
		m := &list[len(list)-1]
		m.Incidents = append(m.Incidents, pastIncident{s.incident(inc), s.dayTime(at)})
	}
	for i := range list {
		list[i].Count = s.T("history.count", "n", len(list[i].Incidents))
	}
	return list
}

// dayTime is a date and a time of day, also of today.
func (s *sheet) dayTime(t time.Time) template.HTML {
	return stamp(t, s.lang.At(t, t.AddDate(0, 0, 1)))
}

// noticePage says that there is no page to show.
type noticePage struct {
	*sheet
	Text string
}
