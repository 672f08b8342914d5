package page

import (
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/store"
)

// chartHours is how much of the past the response times show.
const chartHours = 24

// curve is the points of a chart: for each hour with checks, where it lies (0 to
// chartHours-1) and its value.
type curve struct {
	hours  []int
	values []float64
}

// hoursOf places the points by their hours, so that an hour without checks is a
// gap and not bridged.
func hoursOf(series []store.LatencyPoint, now time.Time, value func(store.LatencyPoint) float64) curve {
	var c curve
	first := now.Truncate(time.Hour).Add(-(chartHours - 1) * time.Hour)
	for _, p := range series {
		at := int(math.Floor(p.At.Sub(first).Hours()))
		if at < 0 || at >= chartHours || p.N == 0 || len(c.hours) > 0 && at <= c.hours[len(c.hours)-1] {
			continue
		}
		c.hours, c.values = append(c.hours, at), append(c.values, value(p))
	}
	return c
}

func median(p store.LatencyPoint) float64 { return p.P50 }

func p95(p store.LatencyPoint) float64 { return p.P95 }

// path draws a curve into a box of chartHours-1 by height units, its top at top.
// A lone hour is a short line.
func (c curve) path(top float64, height int) string {
	var b strings.Builder
	for i, hour := range c.hours {
		y := strconv.Itoa(height - int(math.Round(min(max(c.values[i]/top, 0), 1)*float64(height))))
		begins := i == 0 || c.hours[i-1] != hour-1
		ends := i+1 == len(c.hours) || c.hours[i+1] != hour+1
		switch {
		case begins && ends:
			b.WriteString("M" + strconv.FormatFloat(float64(hour)-.3, 'f', 1, 64) + " " + y + "h.6")
		case begins:
			b.WriteString("M" + strconv.Itoa(hour) + " " + y)
		default:
			b.WriteString("L" + strconv.Itoa(hour) + " " + y)
		}
	}
	return b.String()
}

// ceiling is the round number at or above a value that a chart ends at.
func ceiling(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8} {
		if v <= step*unit {
			return step * unit
		}
	}
	return 10 * unit
}

func highest(values []float64) float64 {
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	return top
}

// spark is the medians of the last hours as a small line, without a scale: the
// figure stands beside it.
func (s *sheet) spark(svc *store.ServiceView) template.HTML {
	c := hoursOf(svc.Series, s.Now, median)
	if len(c.hours) < 2 {
		return ""
	}
	// From half of the least to the most: a service that is steady looks so.
	top, bottom := highest(c.values), slices.Min(c.values)/2
	if !(top > bottom) {
		return ""
	}
	var b strings.Builder
	x, y := 0, 0
	for i, hour := range c.hours {
		at := 9 - int(math.Round(9*(c.values[i]-bottom)/(top-bottom)))
		switch {
		case i == 0 || x != hour-1:
			b.WriteString("M" + strconv.Itoa(2*hour) + " " + strconv.Itoa(at) + "l")
		default:
			b.WriteString("2" + relative(at-y))
		}
		x, y = hour, at
	}
	return template.HTML(`<svg class="l" viewBox="0 0 46 9"><path d="` + b.String() + `"/></svg>`)
}

// relative writes a coordinate after another one, as short as paths have it.
func relative(d int) string {
	if d < 0 {
		return strconv.Itoa(d) + " "
	}
	return " " + strconv.Itoa(d) + " "
}

// chart is the response times of a service's page.
type chart struct {
	Label  string
	Median string // paths
	Upper  string
	Marks  []string // of the scale, from the top
	Hours  []template.HTML
	Rows   []chartRow
}

type chartRow struct {
	At            template.HTML
	P50, P95, P99 string
	N             int64
}

const chartHeight = 160

// chart returns nil where there is nothing to draw.
func (s *sheet) chart(svc *store.ServiceView) *chart {
	middle, upper := hoursOf(svc.Series, s.Now, median), hoursOf(svc.Series, s.Now, p95)
	if len(middle.hours) == 0 {
		return nil
	}
	most := highest(upper.values)
	top := ceiling(max(most, highest(middle.values)))
	c := &chart{
		Label:  s.T("response.label", "n", len(middle.hours), "p50", s.lang.MS(middle.values[len(middle.values)-1]), "max", s.lang.MS(most)),
		Median: middle.path(top, chartHeight), Upper: upper.path(top, chartHeight),
		Marks: []string{s.lang.MS(top), s.lang.MS(top / 2), s.lang.MS(0)},
	}
	first := s.Now.Truncate(time.Hour).Add(-(chartHours - 1) * time.Hour)
	for _, hour := range []int{0, 8, 16, chartHours - 1} {
		at := first.Add(time.Duration(hour) * time.Hour).In(s.zone)
		c.Hours = append(c.Hours, stamp(at, at.Format("15:04")))
	}
	for i := len(svc.Series) - 1; i >= 0; i-- {
		p := svc.Series[i]
		c.Rows = append(c.Rows, chartRow{s.At(p.At), s.lang.MS(p.P50), s.lang.MS(p.P95), s.lang.MS(p.P99), p.N})
	}
	return c
}
