package api

import (
	"fmt"
	"net/http"

	"github.com/sondehq/sonde/internal/api/feed"
	"github.com/sondehq/sonde/internal/api/page"
)

func (s *server) feeds() []route {
	return []route{
		{"GET /history.atom", s.give(history(feed.AtomType, feed.Atom))},
		{"GET /history.rss", s.give(history(feed.RSSType, feed.RSS))},
		{"GET /maintenance.ics", s.give(calendar)},
	}
}

func history(contentType string, write func(feed.Source) ([]byte, error)) func(page.View, *http.Request) (reply, error) {
	return func(v page.View, r *http.Request) (reply, error) {
		source := sourceOf(v, r)
		switch per := r.URL.Query().Get("per"); per {
		case "", "incident":
		case "update":
			source.Each = true
			source.Self += "?per=update"
		default:
			return reply{}, badRequest{fmt.Errorf("per is %q; expected incident or update", clip(per))}
		}
		body, err := write(source)
		return reply{contentType: contentType, body: body, caching: whileDownToo}, err
	}
}

func calendar(v page.View, r *http.Request) (reply, error) {
	return reply{contentType: feed.CalendarType, body: feed.Calendar(sourceOf(v, r)), caching: whileDownToo}, nil
}

func sourceOf(v page.View, r *http.Request) feed.Source {
	address := base(v, r)
	return feed.Source{Snapshot: &v.Snapshot, Base: address, Self: address + r.URL.EscapedPath()}
}
