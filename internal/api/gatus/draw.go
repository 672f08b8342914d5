package gatus

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/api/badge"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// Health is up, down, or ? where it is not known or maintenance is going on.
func Health(s monitor.Status) string {
	switch up, known := healthy(s); {
	case up:
		return "up"
	case known:
		return "down"
	}
	return "?"
}

// HealthBadge says whether a service works.
func HealthBadge(v store.ServiceView) badge.Badge {
	word := Health(v.Status)
	colour := map[string]badge.Colour{"up": badge.Green, "down": badge.Red, "?": badge.Grey}[word]
	return badge.Badge{Label: "health", Message: word, Colour: colour, Known: word != "?"}
}

// Shields is the health for shields.io, in the words and colours of Gatus.
func Shields(v store.ServiceView) badge.Shields {
	s := HealthBadge(v).Shields()
	s.Color = map[string]string{"up": "brightgreen", "down": "red", "?": "lightgrey"}[s.Message]
	return s
}

// UptimeBadge is the uptime of a span.
func UptimeBadge(v store.ServiceView, generated time.Time, duration string, now time.Time) badge.Badge {
	s := badge.Subject{Uptime: map[string]float64{}}
	if share, known := Uptime(v, generated, duration, now); known {
		s.Uptime[duration] = share
	}
	return badge.Uptime(s, duration)
}

// ResponseTimeBadge is the response time of a span.
func ResponseTimeBadge(v store.ServiceView, duration string) badge.Badge {
	d, _ := ResponseTime(v, duration)
	b := badge.ResponseTime(badge.Subject{Latency: d})
	b.Label += " " + duration
	return b
}

// The chart, in pixels: Gatus' size.
const (
	width, height            = 1280, 300
	left, right, top, bottom = 70, 20, 20, 30
)

// Chart draws the response times of the last day by the hour, in the middle of
// each hour's checks. Hours without any leave a gap. It can be read on a light
// and on a dark ground.
func Chart(v store.ServiceView, now time.Time) []byte {
	var out bytes.Buffer
	title := "Response time, last 24 hours: no data"
	if n := len(v.Series); n > 0 {
		title = fmt.Sprintf("Response time, last 24 hours: %.0f ms at last", v.Series[n-1].P50)
	}
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-label="%s"><title>%[3]s</title>`, width, height, title)
	fmt.Fprintf(&out, `<g font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="14" fill="#767676" stroke="none">`)
	from := now.UTC().Truncate(time.Hour).Add(-24 * time.Hour)
	most := ceiling(v.Series)
	for i := range 5 {
		y := float64(top) + float64(i)*(height-top-bottom)/4
		fmt.Fprintf(&out, `<path d="M%d %.1fH%d" stroke="#767676" stroke-opacity=".3"/><text x="%d" y="%.1f" text-anchor="end">%.4g ms</text>`, left, y, width-right, left-6, y+5, most*float64(4-i)/4)
	}
	for h := 0; h <= 24; h += 4 {
		fmt.Fprintf(&out, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, across(from, from.Add(time.Duration(h)*time.Hour)), height-8, from.Add(time.Duration(h)*time.Hour).Format("15:04"))
	}
	out.WriteString(`</g>`)
	for _, d := range lines(v.Series, from, most) {
		fmt.Fprintf(&out, `<path d="%s" fill="none" stroke="#2f81f7" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>`, d)
	}
	out.WriteString(`</svg>`)
	return out.Bytes()
}

// ceiling is the least round number that all points are below.
func ceiling(points []store.LatencyPoint) float64 {
	most := 1.0
	for _, p := range points {
		most = max(most, p.P50)
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, n := range []float64{1, 2, 4, 5, 10} {
		if n*step >= most {
			return n * step
		}
	}
	return 10 * step
}

func across(from, at time.Time) float64 {
	return left + at.Sub(from).Hours()/25*(width-left-right)
}

// lines are paths, one for each run of hours without a gap.
func lines(points []store.LatencyPoint, from time.Time, most float64) []string {
	var all []string
	var line strings.Builder
	var last time.Time
	for _, p := range points {
		if p.At.Before(from) {
			continue
		}
		verb := "L"
		if last.IsZero() || p.At.Sub(last) > time.Hour {
			if line.Len() > 0 {
				all = append(all, line.String())
				line.Reset()
			}
			verb = "M"
		}
		x, y := across(from, p.At.Add(30*time.Minute)), float64(height-bottom)-p.P50/most*(height-top-bottom)
		fmt.Fprintf(&line, "%s%.1f %.1f", verb, x, y)
		if verb == "M" {
			line.WriteString("h.1") // a lone hour is a dot
		}
		last = p.At
	}
	if line.Len() > 0 {
		all = append(all, line.String())
	}
	return all
}
