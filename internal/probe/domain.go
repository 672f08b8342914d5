package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// rdapServer redirects to the registry of a name, by IANA's list (RFC 9224).
const rdapServer = "https://rdap.org/"

const (
	maxRDAP         = 1 << 20 // bytes of an answer
	maxRDAPRedirect = 5
	maxStates       = 20 // states of a registration that are kept
	maxRDAPText     = 200
)

// probeDomain asks by RDAP until when a name is registered, and in which states
// the registration is.
func probeDomain(ctx context.Context, m monitor.Monitor, env *Env) Observation {
	body, o := rdap(ctx, m, env)
	if o.Failure != nil || o.Outcome != "" {
		return o
	}
	found, err := parseRDAP(body)
	if err != nil {
		o.Failure = fail(monitor.FailHTTP, "answer of the RDAP server: %s", err)
		return o
	}
	now := env.Now()
	left := days(found.ends.Sub(now))
	o.Expires = found.ends
	o.Values = expect.Values{"days": left, "registrar": found.registrar, "status": found.states}
	o.Answers = found.lines(left)
	o.Failure = judgeRegistration(m.Domain.Name, found, now)
	return o
}

// lapsing are states in which a name does not work, or will soon not, whatever
// date the registry tells (RFC 8056, 2).
var lapsing = []string{"redemption period", "pending delete", "client hold", "server hold"}

func judgeRegistration(name string, found registration, now time.Time) *monitor.Failure {
	if found.name != "" && !strings.EqualFold(strings.TrimSuffix(found.name, "."), name) {
		return fail(monitor.FailHTTP, "answer of the RDAP server: it is about %q, not about %s", found.name, name)
	}
	for _, state := range found.states {
		if slices.Contains(lapsing, strings.ToLower(state)) {
			return fail(monitor.FailDomain, "the registration of %s is in the state %q", name, state)
		}
	}
	switch {
	case found.ends.IsZero():
		return fail(monitor.FailDomain, "the registry does not tell when the registration of %s ends: it cannot be watched", name)
	case !found.ends.After(now):
		return fail(monitor.FailDomain, "the registration of %s ended at %s", name, found.ends.Format("2006-01-02 15:04 UTC"))
	}
	return nil
}

// rdap fetches the answer of the registry. It is not run where a server asks for
// fewer queries: that says nothing of the name.
func rdap(ctx context.Context, m monitor.Monitor, env *Env) ([]byte, Observation) {
	base := m.Domain.Server
	if base == "" {
		base = rdapServer
	}
	m.HTTP = &monitor.HTTP{
		URL: strings.TrimSuffix(base, "/") + "/domain/" + m.Domain.Name, Method: http.MethodGet,
		Headers: map[string]string{"Accept": "application/rdap+json"}, CA: m.Domain.CA,
	}
	line, err := newWire(m, env)
	if err != nil {
		return nil, Observation{Result: monitor.Result{Failure: classify(err, "before the request", monitor.FailInternal)}}
	}
	defer line.close()
	trace := &hops{}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.HTTP.URL, nil)
	if err != nil {
		return nil, Observation{Result: monitor.Result{Failure: fail(monitor.FailInternal, "the request cannot be made: %s", innermost(err))}}
	}
	request.Header.Set("User-Agent", UserAgent)
	request.Header.Set("Accept", "application/rdap+json")
	c := http.Client{Transport: line.under(trace), CheckRedirect: onlyHTTPS}
	response, err := c.Do(request)
	if err != nil {
		if response != nil {
			_ = response.Body.Close()
		}
		o := trace.observation()
		o.Failure = rdapFailure(err, trace)
		return nil, o
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRDAP+1))
	trace.finished()
	o := trace.observation()
	switch {
	case err != nil:
		o.Failure = classify(err, fmt.Sprintf("body after %d bytes", len(body)), monitor.FailBody)
	case response.StatusCode == http.StatusNotFound:
		o.Failure = fail(monitor.FailDomain, "%s is not registered, or has no RDAP server: the answer is 404", m.Domain.Name)
	case response.StatusCode == http.StatusTooManyRequests:
		return nil, notRun("the RDAP server answers 429: it is asked too often, choose a longer interval or another server")
	case response.StatusCode != http.StatusOK:
		o.Failure = fail(monitor.FailHTTP, "the RDAP server answers %d", response.StatusCode)
	case len(body) > maxRDAP:
		o.Failure = fail(monitor.FailBody, "the answer of the RDAP server is longer than %d bytes", maxRDAP)
	}
	return body, o
}

var errNotHTTPS = errors.New("redirected to a URL that is not https")

func onlyHTTPS(next *http.Request, before []*http.Request) error {
	switch {
	case next.URL.Scheme != "https":
		return errNotHTTPS
	case len(before) > maxRDAPRedirect:
		return errRedirects
	}
	next.Header.Del("Referer")
	return nil
}

func rdapFailure(err error, trace *hops) *monitor.Failure {
	switch {
	case errors.Is(err, errNotHTTPS):
		return fail(monitor.FailHTTP, "the RDAP server %s", errNotHTTPS)
	case errors.Is(err, errRedirects):
		return fail(monitor.FailHTTP, "the RDAP server redirected more than %d times", maxRDAPRedirect)
	}
	return requestFailure(err, trace)
}

// registration is what a registry says of a name. Its texts are printable and
// bounded.
type registration struct {
	name      string
	ends      time.Time // UTC; zero if it is not told
	registrar string
	states    []string
}

// lines is a registration for people.
func (r registration) lines(left int) []string {
	var out []string
	if !r.ends.IsZero() {
		out = append(out, fmt.Sprintf("ends %s (%d days)", r.ends.Format("2006-01-02"), left))
	}
	if r.registrar != "" {
		out = append(out, "registrar "+r.registrar)
	}
	if len(r.states) > 0 {
		out = append(out, "status "+printable(strings.Join(r.states, ", "), maxDetail))
	}
	return out
}

// rdapDomain is the part of a domain object that is read (RFC 9083, 5.3).
type rdapDomain struct {
	Class  string   `json:"objectClassName"`
	Name   string   `json:"ldhName"`
	Status []string `json:"status"`
	Events []struct {
		Action string `json:"eventAction"`
		Date   string `json:"eventDate"`
	} `json:"events"`
	Entities []rdapEntity `json:"entities"`
}

type rdapEntity struct {
	Handle string            `json:"handle"`
	Roles  []string          `json:"roles"`
	Card   []json.RawMessage `json:"vcardArray"`
}

// parseRDAP reads the answer of a registry.
func parseRDAP(body []byte) (registration, error) {
	var d rdapDomain
	if err := json.Unmarshal(body, &d); err != nil {
		return registration{}, errors.New("it is not the JSON of RDAP")
	}
	if d.Class != "domain" {
		return registration{}, fmt.Errorf("it is about a %q, not a domain", printable(d.Class, 40))
	}
	r := registration{name: printable(d.Name, 255), states: []string{}}
	for _, state := range d.Status[:min(len(d.Status), maxStates)] {
		r.states = append(r.states, printable(state, maxRDAPText))
	}
	for _, event := range d.Events {
		if event.Action != "expiration" {
			continue
		}
		var err error
		if r.ends, err = rdapTime(event.Date); err != nil {
			return registration{}, fmt.Errorf("its date of expiration %q cannot be read", printable(event.Date, 40))
		}
	}
	for _, e := range d.Entities {
		if slices.Contains(e.Roles, "registrar") {
			r.registrar = printable(e.name(), maxRDAPText)
			break
		}
	}
	return r, nil
}

// rdapTime reads a date as the standard wants it (RFC 3339), or as some
// registries write it: without a zone, or without a time.
func rdapTime(text string) (t time.Time, err error) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err = time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, err
}

// name is the full name on the entity's card, ["vcard", [["fn", {}, "text",
// "Name"], …]] (RFC 7095), or its handle.
func (e rdapEntity) name() string {
	var properties [][]json.RawMessage
	if len(e.Card) < 2 || json.Unmarshal(e.Card[1], &properties) != nil {
		return e.Handle
	}
	for _, p := range properties {
		var key, value string
		if len(p) >= 4 && json.Unmarshal(p[0], &key) == nil && key == "fn" && json.Unmarshal(p[3], &value) == nil && value != "" {
			return value
		}
	}
	return e.Handle
}
