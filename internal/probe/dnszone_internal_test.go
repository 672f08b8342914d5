package probe

import (
	"slices"
	"testing"

	"github.com/sondehq/sonde/internal/monitor"
)

// TestWithoutMissingIPv6: where there is no IPv6, that is no fault of a zone;
// where there is, an IPv6 address without a way is one.
func TestWithoutMissingIPv6(t *testing.T) {
	at := func(address string, kind monitor.FailureKind) reply {
		r := reply{server: server{address: address}}
		if kind != "" {
			r.failure = &monitor.Failure{Kind: kind}
		}
		return r
	}
	four, six, other := "192.0.2.1:53", "[2001:db8::1]:53", "[2001:db8::2]:53"
	for _, c := range []struct {
		name    string
		replies []reply
		want    []string
	}{
		{"no IPv6 here", []reply{at(four, ""), at(six, monitor.FailUnreachable), at(other, monitor.FailUnreachable)}, []string{four}},
		{"one has a way", []reply{at(four, ""), at(six, monitor.FailUnreachable), at(other, "")}, []string{four, six, other}},
		{"one has a way, and is silent", []reply{at(four, ""), at(six, monitor.FailTimeout)}, []string{four, six}},
		{"IPv6 only", []reply{at(six, monitor.FailUnreachable)}, []string{six}},
		{"IPv4 without a way", []reply{at(four, monitor.FailUnreachable), at(six, monitor.FailUnreachable)}, []string{four}},
	} {
		var got []string
		for _, r := range withoutMissingIPv6(c.replies) {
			got = append(got, r.address)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
