package kuma

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/api/badge"
	"github.com/sondehq/sonde/internal/api/sample"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/uptime"
)

// PageBadge is the badge of the whole page.
func PageBadge(s *store.Snapshot, q url.Values) badge.Badge {
	seen := map[int]bool{}
	for _, v := range s.Services {
		seen[StatusOf(v.Status)] = true
	}
	b := badge.Badge{Label: q.Get("label"), Known: true}
	switch {
	case seen[Maintenance]:
		b.Message, b.Colour = "Maintenance", colour(q, "maintenanceColor", badge.Grey)
	case seen[Up] && seen[Down]:
		b.Message, b.Colour = "Degraded", colour(q, "partialColor", badge.Orange)
	case seen[Down]:
		b.Message, b.Colour = "Down", colour(q, "downColor", badge.Red)
	case seen[Up] && !seen[Pending]:
		b.Message, b.Colour = "Up", colour(q, "upColor", badge.Green)
	default: // Uptime Kuma passes over what is pending; here it is not called up
		return notKnown(q)
	}
	return styled(b, q)
}

// Badge is a badge of one service: status, uptime, ping, avg-response, response
// or cert-exp. id is its number, or its own id. It reports false if there is no
// such kind. What is not known is N/A and grey, as in Uptime Kuma; so is a
// service that there is not.
func Badge(s *store.Snapshot, id, kind, duration string, q url.Values, now time.Time) (badge.Badge, bool) {
	v, found := Find(s, id)
	if !found {
		v = store.ServiceView{Status: monitor.NotKnown}
	}
	switch kind {
	case "status":
		return status(v, q), true
	case "uptime":
		return uptimeBadge(v, duration, q), true
	case "ping", "avg-response":
		name := map[string]string{"ping": "Avg. Ping", "avg-response": "Avg. Response"}[kind]
		return response(average(v, hours(duration)), fmt.Sprintf("%s (%dh)", name, hours(duration)), q), true
	case "response":
		return response(sample.Latency(v, now, now), "Response", q), true
	case "cert-exp":
		return certificate(v, q, now), true
	}
	return badge.Badge{}, false
}

// Find returns the service of a number, or of that id.
func Find(s *store.Snapshot, id string) (store.ServiceView, bool) {
	ids := IDs(s.Services)
	for _, v := range s.Services {
		if string(v.ID) == id || strconv.Itoa(ids[v.ID]) == id {
			return v, true
		}
	}
	return store.ServiceView{}, false
}

func status(v store.ServiceView, q url.Values) badge.Badge {
	b := badge.Badge{Label: or(q, "label", "Status"), Known: true}
	switch {
	case v.Status == monitor.NotKnown:
		return notKnown(q)
	case StatusOf(v.Status) == Up:
		b.Message, b.Colour = or(q, "upLabel", "Up"), colour(q, "upColor", badge.Green)
	case StatusOf(v.Status) == Down:
		b.Message, b.Colour = or(q, "downLabel", "Down"), colour(q, "downColor", badge.Red)
	case StatusOf(v.Status) == Maintenance:
		b.Message, b.Colour = or(q, "maintenanceLabel", "Maintenance"), colour(q, "maintenanceColor", badge.Blue)
	default:
		return notKnown(q)
	}
	return styled(b, q)
}

func uptimeBadge(v store.ServiceView, duration string, q url.Values) badge.Badge {
	n := hours(duration)
	for _, w := range v.Uptime {
		if w.Known && w.Window == windows[n] {
			b := badge.Uptime(badge.Subject{Uptime: map[string]float64{w.Window: w.Uptime}}, w.Window)
			b.Colour = colour(q, "color", b.Colour)
			b.Label = around(q, "label", fmt.Sprintf("Uptime (%d%s)", n, or(q, "labelSuffix", "h")), "")
			b.Message = around(q, "", uptime.Percent(w.Uptime, 2), "%")
			return styled(b, q)
		}
	}
	return notKnown(q)
}

// windows are the figures there are, by hours.
var windows = map[int]string{24: "24h", 7 * 24: "7d", 30 * 24: "30d", 90 * 24: "90d"}

// hours reads a duration: "24", "24h", "30d"; a day by default, 0 if it is none.
func hours(text string) int {
	if text == "" {
		return 24
	}
	factor := 1
	number := strings.TrimSuffix(text, "h")
	if days, ok := strings.CutSuffix(text, "d"); ok {
		number, factor = days, 24
	}
	n, err := strconv.ParseUint(number, 10, 12)
	if err != nil {
		return 0
	}
	return int(n) * factor
}

// average is the response time over so many hours: of the last one, or of the
// last day. Of more, nothing is known.
func average(v store.ServiceView, hours int) time.Duration {
	switch {
	case hours == 1 && v.Latency != nil:
		return time.Duration(v.Latency.P50 * float64(time.Millisecond))
	case hours == 24:
		return sample.Mean(v)
	}
	return 0
}

func response(d time.Duration, label string, q url.Values) badge.Badge {
	if d <= 0 {
		return notKnown(q)
	}
	b := badge.Badge{Label: around(q, "label", label, ""), Colour: colour(q, "color", badge.Blue), Known: true}
	b.Message = around(q, "", strconv.FormatInt(max(d.Milliseconds(), 1), 10), "ms")
	return styled(b, q)
}

// certificate is how many days the certificate that ends first is good for.
func certificate(v store.ServiceView, q url.Values, now time.Time) badge.Badge {
	ends := v.FirstEnd(store.MonitorView.CertificateEnds)
	if ends.IsZero() || v.Status == monitor.NotKnown {
		return notKnown(q)
	}
	days := int(ends.Sub(now).Hours() / 24)
	b := badge.Badge{Label: around(q, "label", "Cert Exp.", ""), Known: true, Colour: colour(q, "upColor", badge.Green)}
	switch {
	case days <= limit(q, "downDays", 7):
		b.Colour = colour(q, "downColor", badge.Red)
	case days <= limit(q, "warnDays", 14):
		b.Colour = colour(q, "warnColor", badge.Yellow)
	}
	b.Message = around(q, "", strconv.Itoa(days), " days")
	if q.Has("date") {
		b.Message = around(q, "", ends.UTC().Format(time.DateOnly), "")
	}
	return styled(b, q)
}

func limit(q url.Values, name string, usual int) int {
	if n, err := strconv.Atoi(q.Get(name)); err == nil {
		return n
	}
	return usual
}

func or(q url.Values, name, usual string) string {
	if q.Has(name) {
		return q.Get(name)
	}
	return usual
}

// around puts what the reader asks for before and after a text. label names the
// parameter that replaces it; empty: a value, which has none.
func around(q url.Values, label, text, suffix string) string {
	if label == "" {
		return q.Get("prefix") + text + or(q, "suffix", suffix)
	}
	if q.Get("labelPrefix") != "" {
		return q.Get("labelPrefix") + " " + or(q, label, text)
	}
	return or(q, label, text)
}

// colour is the one that the reader asks for, if it is one.
func colour(q url.Values, name string, usual badge.Colour) badge.Colour {
	if c, ok := badge.ParseColour(q.Get(name)); ok {
		return c
	}
	return usual
}

func notKnown(q url.Values) badge.Badge {
	return styled(badge.Badge{Message: "N/A", Colour: badge.Grey}, q)
}

// styled gives the badge the form asked for; one that Sonde does not draw is the
// usual one.
func styled(b badge.Badge, q url.Values) badge.Badge {
	b.Style, _ = badge.ParseStyle(q.Get("style"))
	if c, ok := badge.ParseColour(q.Get("labelColor")); ok {
		b.Under = &c
	}
	return b
}
