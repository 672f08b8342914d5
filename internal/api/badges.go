package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/api/badge"
	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/uptime"
)

func (s *server) badges() []route {
	return []route{
		{"GET /badge/{file}", s.give(statusBadge)},
		{"GET /badge/{id}/{file}", s.give(responseTimeBadge)},
		{"GET /badge/{id}/uptime/{file}", s.give(s.uptimeBadge)},
	}
}

func statusBadge(v page.View, r *http.Request) (reply, error) {
	id, form, err := formOf(r.PathValue("file"))
	if err != nil {
		return reply{}, err
	}
	return drawn(v, r, id, form, badge.Status)
}

func responseTimeBadge(v page.View, r *http.Request) (reply, error) {
	name, form, err := formOf(r.PathValue("file"))
	if err != nil {
		return reply{}, err
	}
	if name != "response-time" {
		return reply{}, notFound{fmt.Errorf("there is no badge %q; there are /badge/{id}.svg, /badge/{id}/uptime/{window}.svg and /badge/{id}/response-time.svg", name)}
	}
	return drawn(v, r, r.PathValue("id"), form, badge.ResponseTime)
}

// uptimeBadge is of a window that the snapshot holds, or of a calendar month of a
// service or a monitor.
func (s *server) uptimeBadge(v page.View, r *http.Request) (reply, error) {
	name, form, err := formOf(r.PathValue("file"))
	if err != nil {
		return reply{}, err
	}
	window, err := uptime.ParseWindow(name, v.Now, zoneOf(v.Site))
	if err != nil {
		return reply{}, badRequest{fmt.Errorf("window is %q; expected one of %s, or a month that has begun, such as 2026-11", clip(name), strings.Join(uptime.Names(), ", "))}
	}
	var failed error
	out, err := drawn(v, r, r.PathValue("id"), form, func(subject badge.Subject) badge.Badge {
		if !slices.Contains(uptime.Names(), name) {
			subject, failed = s.ofMonth(r.Context(), v, subject, name, window)
		}
		return badge.Uptime(subject, name)
	})
	return out, errors.Join(failed, err)
}

// ofMonth puts the uptime of a calendar month into what a badge is about. Of the
// whole page there is none.
func (s *server) ofMonth(ctx context.Context, v page.View, subject badge.Subject, name string, w uptime.Window) (badge.Subject, error) {
	service := v.Service(subject.Service)
	if service.ID == "" {
		return subject, badRequest{fmt.Errorf("window is %q; of the whole page there are %s", name, strings.Join(uptime.Names(), ", "))}
	}
	f, err := s.month(ctx, v, service, name, w)
	if subject.Monitor != "" {
		f, _ = ofMonitor(f, subject.Monitor)
	}
	subject.Uptime = map[string]float64{}
	if share, known := f.Adjusted.Uptime(); known {
		subject.Uptime[name] = share
	}
	return subject, err
}

// formOf splits a file name into what is asked for, and .svg or .json.
func formOf(file string) (name, form string, err error) {
	for _, form := range []string{".svg", ".json"} {
		if name, ok := strings.CutSuffix(file, form); ok {
			return name, form, nil
		}
	}
	return "", "", notFound{fmt.Errorf("a badge ends in .svg, or in .json for shields.io")}
}

// drawn is the badge of what an id names. Whatever the state, it is answered
// with 200: to a reader anything else is a broken picture. A name that there is
// not is one too, but says so where a browser shows it.
func drawn(v page.View, r *http.Request, id, form string, of func(badge.Subject) badge.Badge) (reply, error) {
	style, ok := badge.ParseStyle(r.URL.Query().Get("style"))
	if !ok {
		return reply{}, badRequest{fmt.Errorf("style is %q; expected %s or %s", clip(r.URL.Query().Get("style")), badge.Flat, badge.Square)}
	}
	subject, found := badge.Find(&v.Snapshot, v.Status, id)
	if !found {
		if form == ".svg" {
			b := badge.Badge{Label: "status", Message: "there is no " + id, Colour: badge.Grey, Style: style}
			return reply{contentType: svg, body: b.SVG(), caching: "no-store", status: http.StatusNotFound}, nil
		}
		return reply{}, notFound{fmt.Errorf("there is no service or monitor %q; /api/v1/status lists them", clip(id))}
	}
	b := of(subject)
	b.Style = style
	if r.URL.Query().Has("label") {
		b.Label = r.URL.Query().Get("label")
	}
	return picture(b, form)
}

const svg = "image/svg+xml; charset=utf-8"

func picture(b badge.Badge, form string) (reply, error) {
	if form == ".json" {
		return jsonAnswer(b.Shields(), aMinute)
	}
	return reply{contentType: svg, body: b.SVG(), caching: aMinute}, nil
}

// clip keeps what somebody typed at a length that fits into an error.
func clip(text string) string {
	if utf8.RuneCountInString(text) > 80 {
		return string([]rune(text)[:80]) + "…"
	}
	return text
}
