// Package gatus answers the read API of Gatus 5 from a snapshot, so that
// dashboards made for it (gethomepage and others) read Sonde. A service is what
// Gatus calls an endpoint.
//
// Gatus lists single checks. Sonde votes on the checks of several places, and
// lists what came of the votes: what the service was at each full minute of the
// last day. Minutes of which nothing is known, and those of planned maintenance,
// are left out, so that they count neither for nor against; but if it is so now,
// the newest result says so, and is no success.
package gatus

import (
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/api/sample"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// Endpoint is a service with its results, oldest first.
type Endpoint struct {
	Name    string   `json:"name"`
	Group   string   `json:"group,omitempty"`
	Key     string   `json:"key"`
	Results []Result `json:"results"`
	Events  []Event  `json:"events,omitempty"` // of one endpoint only
}

// Result is what a service was at one time.
type Result struct {
	Duration   time.Duration `json:"duration"` // nanoseconds; in the middle of that hour's checks, 0 where it is not known
	Errors     []string      `json:"errors,omitempty"`
	Conditions []Condition   `json:"conditionResults,omitempty"` // of the newest result: which monitors are up
	Success    bool          `json:"success"`
	Timestamp  time.Time     `json:"timestamp"`
}

// Condition is one of those a service stands on.
type Condition struct {
	Condition string `json:"condition"`
	Success   bool   `json:"success"`
}

// Event is a change.
type Event struct {
	Type      string    `json:"type"` // START, HEALTHY, UNHEALTHY
	Timestamp time.Time `json:"timestamp"`
}

// Paging, as Gatus has it: what is no number is the default.
const (
	DefaultSize = 20
	MaxSize     = 100
)

// Paging is which results are asked for.
type Paging struct{ Page, Size int }

// Clamp brings page and size into range. Page 1 holds the newest results.
func (p Paging) Clamp() Paging {
	p.Page = max(p.Page, 1)
	if p.Size < 1 {
		p.Size = DefaultSize
	}
	p.Size = min(p.Size, MaxSize)
	return p
}

var replaced = strings.NewReplacer("/", "-", "_", "-", ".", "-", ",", "-", " ", "-", "#", "-", "+", "-", "&", "-")

// Key is how Gatus makes one of a group and a name.
func Key(group, name string) string { return part(group) + "_" + part(name) }

func part(text string) string { return replaced.Replace(strings.ToLower(strings.TrimSpace(text))) }

// Keys gives each service a key, in their order; of several with one name and group, all but the
// first bear their id too.
func Keys(services []store.ServiceView) []string {
	taken := map[string]bool{}
	all := make([]string, len(services))
	for i, v := range services {
		all[i] = Key(v.Group, v.Name)
		if taken[all[i]] {
			all[i] += "-" + string(v.ID)
		}
		taken[all[i]] = true
	}
	return all
}

// Find returns the service of a key, or of that id, and its key.
func Find(s *store.Snapshot, key string) (store.ServiceView, string, bool) {
	all := Keys(s.Services)
	at := slices.Index(all, key)
	if at < 0 {
		at = slices.IndexFunc(s.Services, func(v store.ServiceView) bool { return string(v.ID) == key })
	}
	if at < 0 {
		return store.ServiceView{}, "", false
	}
	return s.Services[at], all[at], true
}

// Statuses lists all services. group, where given, picks one group.
func Statuses(s *store.Snapshot, group string, p Paging, now time.Time) []Endpoint {
	out := []Endpoint{}
	all := Keys(s.Services)
	for i, v := range s.Services {
		if group == "" || group == v.Group {
			out = append(out, Endpoint{Name: v.Name, Group: v.Group, Key: all[i], Results: results(v, s.Generated, p, now)})
		}
	}
	return out
}

// StatusOf is one service with its events.
func StatusOf(s *store.Snapshot, v store.ServiceView, key string, p Paging, now time.Time) Endpoint {
	return Endpoint{Name: v.Name, Group: v.Group, Key: key, Results: results(v, s.Generated, p, now), Events: events(v)}
}

func results(v store.ServiceView, generated time.Time, p Paging, now time.Time) []Result {
	p = p.Clamp()
	skip := (p.Page - 1) * p.Size
	list := []Result{}
	newest := true
	for one := range sample.Back(v, generated, now) {
		up, known := healthy(one.Status)
		if !known && !newest {
			continue
		}
		r := Result{Success: up, Timestamp: one.At.UTC()}
		if up {
			r.Duration = one.Latency
		} else {
			r.Errors = []string{why(one.Status)}
		}
		if newest {
			r.Conditions = conditions(v)
		}
		newest = false
		if skip > 0 {
			skip--
			continue
		}
		if list = append(list, r); len(list) == p.Size {
			break
		}
	}
	slices.Reverse(list)
	return list
}

// healthy is whether a service works, and whether that is known.
func healthy(s monitor.Status) (up, known bool) {
	switch {
	case s == monitor.Operational, s == monitor.AtRisk, s == monitor.DegradedPerf:
		return true, true
	case s.IsOutage():
		return false, true
	}
	return false, false
}

func why(s monitor.Status) string {
	switch s {
	case monitor.PartialOutage:
		return "partial outage"
	case monitor.MajorOutage:
		return "outage"
	case monitor.InMaintenance:
		return "maintenance is going on"
	}
	return "the state is not known"
}

func conditions(v store.ServiceView) []Condition {
	var list []Condition
	for _, m := range v.Counting() {
		list = append(list, Condition{m.Name + " is up", m.State == monitor.Up || m.State == monitor.Degraded})
	}
	return list
}

// events are the changes of the last day, oldest first.
func events(v store.ServiceView) []Event {
	var list []Event
	for _, turn := range v.Turns {
		up, known := healthy(turn.Status)
		kind := "UNHEALTHY"
		if up {
			kind = "HEALTHY"
		}
		switch {
		case !known, len(list) > 0 && list[len(list)-1].Type == kind:
			continue
		case len(list) == 0:
			list = append(list, Event{"START", turn.At.UTC()})
		}
		list = append(list, Event{kind, turn.At.UTC()})
	}
	return list
}

// Durations are the spans that Gatus knows.
var Durations = []string{"1h", "24h", "7d", "30d"}

// Uptime is the share of a span, 0 to 1, in which a service worked; false where
// it is not known.
func Uptime(v store.ServiceView, generated time.Time, duration string, now time.Time) (float64, bool) {
	if duration == "1h" {
		return lastHour(v, generated, now)
	}
	for _, w := range v.Uptime {
		if w.Window == duration && slices.Contains(Durations, duration) {
			return w.Uptime, w.Known
		}
	}
	return 0, false
}

// lastHour adds up what the service was between its changes.
func lastHour(v store.ServiceView, generated, now time.Time) (float64, bool) {
	w := uptime.Last(now, time.Hour)
	var up, down time.Duration
	for i, turn := range v.Turns {
		end := now
		if generated.Before(now) && v.Status == monitor.NotKnown {
			end = generated // since then nothing is known
		}
		if i+1 < len(v.Turns) {
			end = v.Turns[i+1].At
		}
		spent := w.Intersect(uptime.Window{From: turn.At, To: end}).Duration()
		switch works, known := healthy(turn.Status); {
		case works:
			up += spent
		case known:
			down += spent
		}
	}
	if up+down == 0 {
		return 0, false
	}
	return float64(up) / float64(up+down), true
}

// ResponseTime is the response time of a span: of the last hour in the middle,
// of a day the mean of its hours. Of longer spans, and where nothing answered,
// it is not known.
func ResponseTime(v store.ServiceView, duration string) (time.Duration, bool) {
	var d time.Duration
	switch {
	case duration == "1h" && v.Latency != nil:
		d = time.Duration(v.Latency.P50 * float64(time.Millisecond))
	case duration == "24h":
		d = sample.Mean(v)
	}
	return d, d > 0
}

// History is response times by the hour, oldest first.
type History struct {
	Timestamps []int64 `json:"timestamps"` // epoch milliseconds
	Values     []int64 `json:"values"`     // milliseconds
}

// HistoryOf is the response times that are known: those of the last day.
func HistoryOf(v store.ServiceView) History {
	h := History{Timestamps: []int64{}, Values: []int64{}}
	for _, p := range v.Series {
		h.Timestamps = append(h.Timestamps, p.At.UnixMilli())
		h.Values = append(h.Values, int64(p.P50+0.5))
	}
	return h
}
