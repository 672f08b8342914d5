package api

import (
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
		{"GET /badge/{id}/uptime/{file}", s.give(uptimeBadge)},
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

func uptimeBadge(v page.View, r *http.Request) (reply, error) {
	window, form, err := formOf(r.PathValue("file"))
	if err != nil {
		return reply{}, err
	}
	if !slices.Contains(uptime.Names(), window) {
		return reply{}, badRequest{fmt.Errorf("window is %q; expected one of %s", window, strings.Join(uptime.Names(), ", "))}
	}
	return drawn(v, r, r.PathValue("id"), form, func(s badge.Subject) badge.Badge { return badge.Uptime(s, window) })
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
