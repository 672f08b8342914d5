// Package subscribe takes subscriptions of visitors: what they sent, how often
// they may, and what they are told. It sends nothing itself: behind the port
// Topic stands a service that asks the address's owner first (double opt-in),
// and that writes every message with a link to leave.
//
// Nobody learns from it who is subscribed: the answer is the same whether the
// address is new, waits for its confirmation, is subscribed, or has asked too
// often. Nothing is kept of a visitor but counters under keyed hashes, which end
// by themselves.
//
// A forged request of another site (CSRF) gains nothing here: no cookie or other
// authority of the visitor is used, and the sender could as well ask directly.
package subscribe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Topic subscribes an address to a public tier: to the services named, or to all
// if none is. An address that is subscribed already is no error, and a repeat is
// safe.
type Topic interface {
	Subscribe(ctx context.Context, tier monitor.TierID, email string, services []monitor.ServiceID) error
}

// Counter counts uses over all processes; what counts, subject by whom. It
// reports false once there were more than limit in the window.
type Counter interface {
	Allow(ctx context.Context, what, subject string, limit int64, window time.Duration) (bool, error)
}

// The limits. An address behind a proxy is counted under the last address that
// the proxy names, which a visitor may invent; so the connection's own, which
// may be a proxy of many, has a limit too.
const (
	perVisitor    = 5 // an hour
	perConnection = 60
	perAddress    = 3 // a day: nobody's inbox is filled by others
	perSite       = 300
	maxBody       = 4 << 10
	maxServices   = 50 // SNS takes at most 150 values in a filter policy (SNS Developer Guide, "Filter policy constraints")
)

// Errors that a visitor is told of; all others are ours.
var (
	ErrAddress = errors.New("no e-mail address")
	ErrMany    = errors.New("too many requests from one network")
	ErrSize    = fmt.Errorf("more than %d bytes", maxBody)
	ErrForm    = errors.New("neither a form nor JSON")
	ErrService = errors.New("no such service")
)

// Request is what a visitor asks for.
type Request struct {
	Email    string              `json:"email"`
	Services []monitor.ServiceID `json:"services"` // empty: all
	Website  string              `json:"website"`  // a trap: people do not see the field
}

// Read reads a form or JSON. known reports whether visitors may see a service.
func Read(r *http.Request, known func(monitor.ServiceID) bool) (Request, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if len(body) > maxBody {
		return Request{}, ErrSize
	}
	var q Request
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/json":
		if err := json.Unmarshal(body, &q); err != nil {
			return Request{}, ErrForm
		}
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Request{}, ErrForm
		}
		q.Email, q.Website = form.Get("email"), form.Get("website")
		for _, id := range form["services"] {
			q.Services = append(q.Services, monitor.ServiceID(id))
		}
	default:
		return Request{}, ErrForm
	}
	return q.tidy(known)
}

func (q Request) tidy(known func(monitor.ServiceID) bool) (Request, error) {
	q.Email = strings.TrimSpace(q.Email)
	if !isAddress(q.Email) {
		return Request{}, ErrAddress
	}
	slices.Sort(q.Services)
	q.Services = slices.Compact(q.Services)
	for _, id := range q.Services {
		if !known(id) {
			return Request{}, ErrService
		}
	}
	if len(q.Services) > maxServices {
		q.Services = nil // so many are as good as all
	}
	return q, nil
}

// isAddress takes what a mail service can send to: name@domain in ASCII, with a
// dot in the domain, at most 254 characters (RFC 5321, 4.5.3.1.3).
func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text || a.Name != "" || len(text) > 254 || strings.ContainsAny(text, "\"()<>[]\\,;: \t") {
		return false
	}
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	_, domain, _ := strings.Cut(text, "@")
	at := strings.LastIndexByte(domain, '.')
	return at > 0 && at < len(domain)-1
}

// Desk takes requests.
type Desk struct {
	Topic   Topic
	Counter Counter
}

// Take subscribes, or only seems to: nil also stands for an address that has
// asked too often, and for one that walked into the trap. ErrMany depends on
// where the request comes from alone, never on the address in it.
func (d Desk) Take(ctx context.Context, tier monitor.TierID, from Source, q Request) error {
	for _, l := range []struct {
		what, subject string
		limit         int64
		window        time.Duration
	}{
		{"visitor", from.Visitor, perVisitor, time.Hour},
		{"connection", from.Connection, perConnection, time.Hour},
		{"site", "", perSite, time.Hour},
	} {
		if ok, err := d.Counter.Allow(ctx, l.what, l.subject, l.limit, l.window); err != nil {
			return err
		} else if !ok {
			return ErrMany
		}
	}
	if q.Website != "" {
		return nil
	}
	ok, err := d.Counter.Allow(ctx, "address", strings.ToLower(q.Email), perAddress, 24*time.Hour)
	if err != nil || !ok {
		return err
	}
	return d.Topic.Subscribe(ctx, tier, q.Email, q.Services)
}

// Source is where a request comes from.
type Source struct{ Visitor, Connection string }

// SourceOf names the networks of a request: an IPv4 address, or the /64 of an
// IPv6 one, of which a visitor has as many addresses as they like.
func SourceOf(r *http.Request) Source {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	s := Source{Connection: network(host)}
	s.Visitor = s.Connection
	forwarded := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	for _, hop := range slices.Backward(forwarded) {
		if n := network(hop); n != "" && n != s.Connection {
			s.Visitor = n
			break
		}
	}
	return s
}

func network(text string) string {
	a, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	prefix, err := a.Prefix(64)
	if err != nil {
		return ""
	}
	return prefix.String()
}
