package api

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sondehq/sonde/internal/api/gatus"
	"github.com/sondehq/sonde/internal/api/kuma"
	"github.com/sondehq/sonde/internal/api/page"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// likenesses are the public questions of Gatus and Uptime Kuma.
func (s *server) likenesses() []route {
	const one = "GET /api/v1/endpoints/{key}"
	return []route{
		{"GET /api/v1/endpoints/statuses", s.give(gatusStatuses)},
		{one + "/statuses", s.give(gatusStatus)},
		{one + "/uptimes/{duration}", s.give(gatusUptime)},
		{one + "/uptimes/{duration}/badge.svg", s.give(gatusUptimeBadge)},
		{one + "/response-times/{duration}", s.giveOf(gatusWhose, gatusResponseTime)},
		{one + "/response-times/{duration}/badge.svg", s.giveOf(gatusWhose, gatusResponseTimeBadge)},
		{one + "/response-times/{duration}/chart.svg", s.giveOf(gatusWhose, gatusChart)},
		{one + "/response-times/{duration}/history", s.giveOf(gatusWhose, gatusHistory)},
		{one + "/health/badge.svg", s.give(gatusHealth)},
		{one + "/health/badge.shields", s.give(gatusShields)},

		{"GET /api/status-page/{slug}", s.give(kumaPage)},
		{"GET /api/status-page/{slug}/{what}", s.give(kumaMore)},
		{"GET /api/badge/{id}/{kind}", s.giveOf(kumaWhose, kumaBadge)},
		{"GET /api/badge/{id}/{kind}/{duration}", s.giveOf(kumaWhose, kumaBadge)},
	}
}

func gatusWhose(v page.View, r *http.Request) monitor.ServiceID {
	service, _, _ := gatus.Find(&v.Snapshot, r.PathValue("key"))
	return service.ID
}

func kumaWhose(v page.View, r *http.Request) monitor.ServiceID {
	if kind := r.PathValue("kind"); kind != "ping" && kind != "avg-response" {
		return ""
	}
	service, _ := kuma.Find(&v.Snapshot, r.PathValue("id"))
	return service.ID
}

func pagingOf(r *http.Request) gatus.Paging {
	page, _ := strconv.Atoi(r.URL.Query().Get("page")) // what is no number is the default, as in Gatus
	size, _ := strconv.Atoi(r.URL.Query().Get("pageSize"))
	return gatus.Paging{Page: min(page, 100_000), Size: size}.Clamp()
}

func gatusStatuses(v page.View, r *http.Request) (reply, error) {
	return jsonAnswer(gatus.Statuses(&v.Snapshot, r.URL.Query().Get("group"), pagingOf(r), v.Now), "")
}

func endpoint(v page.View, r *http.Request) (store.ServiceView, string, error) {
	service, key, found := gatus.Find(&v.Snapshot, r.PathValue("key"))
	if !found {
		return service, "", notFound{fmt.Errorf("there is no endpoint %q; /api/v1/endpoints/statuses lists them", clip(r.PathValue("key")))}
	}
	return service, key, nil
}

// spanned is the service and the span that are asked for.
func spanned(v page.View, r *http.Request, spans ...string) (store.ServiceView, string, error) {
	service, _, err := endpoint(v, r)
	if err != nil {
		return service, "", err
	}
	span := r.PathValue("duration")
	if !slices.Contains(spans, span) {
		return service, "", badRequest{fmt.Errorf("the duration is %q; expected one of %s", clip(span), strings.Join(spans, ", "))}
	}
	return service, span, nil
}

func gatusStatus(v page.View, r *http.Request) (reply, error) {
	service, key, err := endpoint(v, r)
	if err != nil {
		return reply{}, err
	}
	return jsonAnswer(gatus.StatusOf(&v.Snapshot, service, key, pagingOf(r), v.Now), "")
}

const plain = "text/plain; charset=utf-8"

func gatusUptime(v page.View, r *http.Request) (reply, error) {
	service, span, err := spanned(v, r, gatus.Durations...)
	if err != nil {
		return reply{}, err
	}
	share, known := gatus.Uptime(service, v.Generated, span, v.Now)
	if !known {
		return reply{}, notFound{fmt.Errorf("nothing is known of the uptime in the last %s", span)}
	}
	return reply{contentType: plain, body: fmt.Appendf(nil, "%f", math.Floor(share*1e6)/1e6)}, nil // never rounded up
}

func gatusUptimeBadge(v page.View, r *http.Request) (reply, error) {
	service, span, err := spanned(v, r, gatus.Durations...)
	if err != nil {
		return reply{}, err
	}
	return picture(gatus.UptimeBadge(service, v.Generated, span, v.Now), ".svg")
}

func gatusResponseTime(v page.View, r *http.Request) (reply, error) {
	service, span, err := spanned(v, r, gatus.Durations...)
	if err != nil {
		return reply{}, err
	}
	d, known := gatus.ResponseTime(service, span)
	if !known {
		return reply{}, notFound{fmt.Errorf("nothing is known of the response time in the last %s", span)}
	}
	return reply{contentType: plain, body: fmt.Appendf(nil, "%d", d.Milliseconds())}, nil
}

func gatusResponseTimeBadge(v page.View, r *http.Request) (reply, error) {
	service, span, err := spanned(v, r, gatus.Durations...)
	if err != nil {
		return reply{}, err
	}
	return picture(gatus.ResponseTimeBadge(service, span), ".svg")
}

func gatusChart(v page.View, r *http.Request) (reply, error) {
	service, _, err := spanned(v, r, "24h", "7d", "30d")
	if err != nil {
		return reply{}, err
	}
	return reply{contentType: svg, body: gatus.Chart(service, v.Now), caching: aMinute}, nil
}

func gatusHistory(v page.View, r *http.Request) (reply, error) {
	service, _, err := spanned(v, r, "24h", "7d", "30d")
	if err != nil {
		return reply{}, err
	}
	return jsonAnswer(gatus.HistoryOf(service), "")
}

func gatusHealth(v page.View, r *http.Request) (reply, error) {
	service, _, err := endpoint(v, r)
	if err != nil {
		return reply{}, err
	}
	return picture(gatus.HealthBadge(service), ".svg")
}

func gatusShields(v page.View, r *http.Request) (reply, error) {
	service, _, err := endpoint(v, r)
	if err != nil {
		return reply{}, err
	}
	return jsonAnswer(gatus.Shields(service), aMinute)
}

func kumaPage(v page.View, r *http.Request) (reply, error) {
	return jsonAnswer(kuma.PageOf(&v.Snapshot, clip(r.PathValue("slug"))), "")
}

// kumaMore is /heartbeat/{slug} and /{slug}/badge, which no two patterns tell
// apart.
func kumaMore(v page.View, r *http.Request) (reply, error) {
	switch {
	case r.PathValue("slug") == "heartbeat":
		return jsonAnswer(kuma.HeartbeatsOf(&v.Snapshot, v.Now), "")
	case r.PathValue("what") == "badge":
		return picture(kuma.PageBadge(&v.Snapshot, r.URL.Query()), ".svg")
	}
	return reply{}, notFound{fmt.Errorf("of Uptime Kuma's page there are /api/status-page/{slug}, /api/status-page/heartbeat/{slug} and /api/status-page/{slug}/badge")}
}

func kumaBadge(v page.View, r *http.Request) (reply, error) {
	b, known := kuma.Badge(&v.Snapshot, r.PathValue("id"), r.PathValue("kind"), r.PathValue("duration"), r.URL.Query(), v.Now)
	if !known {
		return reply{}, notFound{fmt.Errorf("there is no badge %q; there are status, uptime, ping, avg-response, response and cert-exp", clip(r.PathValue("kind")))}
	}
	return picture(b, ".svg")
}
