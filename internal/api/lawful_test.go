package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

// full is a site with one of everything.
func full() *fake {
	f := night()
	f.snapshot.Site.URL = "https://status.example.com"
	svc := &f.snapshot.Services[0]
	svc.Added, svc.Description, svc.DependsOn = t0.AddDate(0, -2, 0), "What all traffic goes through.", []monitor.ServiceID{"web"}
	svc.Latency = &store.LatencyView{P50: 20.1, P95: 81.5, P99: 190, N: 120}
	svc.Monitors[0].Only = map[monitor.Location]monitor.Outcome{"eu-west-1": monitor.OutcomeDown}
	f.days = svc.Days
	f.series = []store.LatencyPoint{{At: t0.Truncate(time.Hour), P50: 20.1, P95: 81.5, P99: 190, N: 120}}
	f.snapshot.Services[0].Days, f.snapshot.Services[0].Part = nil, 1
	f.snapshot.Locations = []store.LocationView{{ID: "us-east-1", LastSeen: t0.Add(-time.Minute)}, {ID: "eu-west-1"}}
	f.snapshot.Incidents[0].Updates = append(f.snapshot.Incidents[0].Updates, store.UpdateView{At: t0.Add(-time.Minute), Phase: incident.Identified, Text: "Earlier."})
	work := func(id string, state store.MaintenanceState, starts time.Time) store.MaintenanceView {
		return store.MaintenanceView{ID: id, Title: "New disks", Text: "Short breaks.", State: state, Starts: starts, Ends: starts.Add(time.Hour),
			Created: starts.AddDate(0, 0, -2), Updated: starts.AddDate(0, 0, -1), Services: []monitor.ServiceID{"web"}}
	}
	f.snapshot.Maintenance = []store.MaintenanceView{
		work("going-on", store.MaintenanceInProgress, t0.Add(-10*time.Minute)),
		work("to-come", store.MaintenanceScheduled, t0.AddDate(0, 0, 1)),
		work("over", store.MaintenanceCompleted, t0.AddDate(0, 0, -1)),
	}
	f.snapshot.Maintenance[2].Updates = []store.UpdateView{{At: t0.AddDate(0, 0, -1).Add(time.Hour), Text: "Done."}, {At: t0.AddDate(0, 0, -1), Text: "Begun."}}
	for i := range 5 {
		at := t0.Add(-time.Duration(i+1) * 50 * time.Minute)
		r := monitor.Result{Monitor: "lb-primary", Location: "us-east-1", Scheduled: at, Outcome: monitor.OutcomeUp, Timing: monitor.Timing{Total: 20 * time.Millisecond}}
		if i == 0 {
			r.Outcome, r.Failure = monitor.OutcomeDown, &monitor.Failure{Kind: monitor.FailRefused, Detail: "secret detail"}
			r.Body, r.Address = "secret body", "10.0.0.1:443"
		}
		f.batches = append(f.batches, store.Batch{Scheduled: at, Location: "us-east-1", Results: []monitor.Result{r, {Monitor: "other", Scheduled: at}}})
	}
	return f
}

// stale, empty and broken are a site in bad times.
func stale() *fake {
	f := full()
	f.snapshot.Generated = t0.Add(-time.Hour)
	return f
}

func empty() *fake { return &fake{} }

// newer is a site whose snapshot a newer version wrote.
func newer() *fake {
	f := full()
	f.snapshot.Services[0].Status, f.snapshot.Services[0].Monitors[0].State = "splendid", "superb"
	f.snapshot.Incidents[0].State, f.snapshot.Incidents[0].Phase, f.snapshot.Incidents[0].Impact = "odd", "strange", "enormous"
	f.snapshot.Incidents[0].Updates[0].Phase = "strange"
	f.snapshot.Maintenance[0].State = "paused"
	f.days[0].Worst = "splendid"
	return f
}

func broken() *fake {
	f := full()
	f.err, f.batchErr = errors.New("secret internal text"), errors.New("secret internal text")
	return f
}

// lawful checks answers against the description.
type lawful struct {
	doc    *openapi3.T
	router routers.Router
	seen   map[string]bool // "operation status"
}

func newLawful(t testing.TB) *lawful {
	t.Helper()
	doc := spec(t)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &lawful{doc, router, map[string]bool{}}
}

// check holds an answer against what the description says of it. It reports
// whether the description knows the request.
func (l *lawful) check(r *http.Request, w *httptest.ResponseRecorder) (bool, error) {
	route, params, err := l.router.FindRoute(r)
	if err != nil {
		return false, nil
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 w.Code, Header: w.Result().Header, Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	l.seen[route.Operation.OperationID+" "+http.StatusText(w.Code)] = true
	return true, openapi3filter.ValidateResponse(context.Background(), input)
}

func (l *lawful) get(t *testing.T, f *fake, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := serve(f, "GET", path, header...)
	r := httptest.NewRequest("GET", path, nil)
	known, err := l.check(r, w)
	if !known {
		t.Errorf("GET %s is not described", path)
	}
	if err != nil {
		t.Errorf("GET %s: %v\n%s", path, err, w.Body)
	}
	return w
}
