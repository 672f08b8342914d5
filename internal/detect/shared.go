package detect

import (
	"net/netip"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// shared is what a failing check may have in common with those of other
// services: the address that it failed at, with the port where that is this
// machine's own; the certificate that is bad; the resolver that does not answer.
func shared(r *monitor.Result) []string {
	if r.Failure == nil {
		return nil
	}
	var out []string
	if at, err := netip.ParseAddrPort(r.Address); err == nil {
		if at.Addr().IsLoopback() {
			out = append(out, "address "+at.String())
		} else {
			out = append(out, "address "+at.Addr().String())
		}
	}
	// Many certificates have no subject by now, and names only (RFC 5280, 4.1.2.6):
	// that they have in common with half the world.
	if r.Certificate != nil && r.Certificate.Subject != "" && r.Failure.Kind == monitor.FailCertificate {
		out = append(out, "certificate "+r.Certificate.Subject)
	}
	if r.Resolver != "" && r.Failure.Kind == monitor.FailDNS {
		out = append(out, "resolver "+r.Resolver)
	}
	return out
}

// drainStep is by how much an end of old DNS answers must be later to be news:
// every check sees another.
const drainStep = 30 * time.Second

// maxTTL is the longest TTL that is believed: resolvers keep nothing for longer
// than a day or two.
const maxTTL = 48 * time.Hour

// drains is until when a result says that old DNS answers last; zero if it says
// nothing of that.
func drains(r *monitor.Result) time.Time {
	if r.Cutover == nil {
		return time.Time{}
	}
	return r.Cutover.Ends
}
