package probe

import (
	"context"
	"net"
	"net/http/httptrace"
	"net/netip"
	"sync"
	"time"
)

// names are look-ups that checks of one batch share, where their monitors allow
// it. They end with the batch: no check hears what DNS said to an earlier one.
type names struct {
	mu    sync.Mutex
	asked map[question]*lookup
}

// question is what is asked of whom.
type question struct{ resolver, network, host string }

// lookup is one that is under way or done.
type lookup struct {
	done  chan struct{}
	found []netip.Addr // none: it failed
}

type namesKey struct{}

// withNames begins a batch.
func withNames(ctx context.Context) context.Context {
	return context.WithValue(ctx, namesKey{}, &names{asked: map[question]*lookup{}})
}

// addresses asks once for all who ask. A failure is nobody else's: who waited for
// it asks for itself.
func (n *names) addresses(ctx context.Context, q question, ask func(context.Context) ([]netip.Addr, error)) ([]netip.Addr, error) {
	n.mu.Lock()
	l, known := n.asked[q]
	if !known {
		l = &lookup{done: make(chan struct{})}
		n.asked[q] = l
	}
	n.mu.Unlock()
	if known {
		select {
		case <-l.done:
			if len(l.found) > 0 {
				return l.found, nil
			}
			return ask(ctx)
		case <-ctx.Done():
			return nil, &net.DNSError{Err: ctx.Err().Error(), Name: q.host, IsTimeout: true}
		}
	}
	defer close(l.done)
	found, err := ask(ctx)
	l.found = found
	if len(found) == 0 {
		n.mu.Lock()
		delete(n.asked, q)
		n.mu.Unlock()
	}
	return found, err
}

// dialShared connects to the first address of a host that answers, with the time
// that is left shared among them, as net's dialer does.
func dialShared(ctx context.Context, d *net.Dialer, q question, port string) (net.Conn, error) {
	shared, has := ctx.Value(namesKey{}).(*names)
	if _, err := netip.ParseAddr(q.host); err == nil || !has {
		return d.DialContext(ctx, q.network, net.JoinHostPort(q.host, port))
	}
	trace := httptrace.ContextClientTrace(ctx)
	trace.DNSStart(httptrace.DNSStartInfo{Host: q.host})
	found, err := shared.addresses(ctx, q, func(ctx context.Context) ([]netip.Addr, error) {
		return d.Resolver.LookupNetIP(ctx, "ip"+q.network[len("tcp"):], q.host)
	})
	trace.DNSDone(httptrace.DNSDoneInfo{Err: err})
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: q.network, Err: err}
	}
	var first error
	for i, a := range found {
		conn, err := dialPart(ctx, d, q.network, net.JoinHostPort(a.Unmap().String(), port), len(found)-i)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = &net.OpError{Op: "dial", Net: q.network, Err: errNoAddress}
	}
	return nil, first
}

// leastPart is how much time an address has at least, if so much is left.
const leastPart = 2 * time.Second

func dialPart(ctx context.Context, d *net.Dialer, network, address string, left int) (net.Conn, error) {
	if deadline, has := ctx.Deadline(); has && left > 1 {
		part, cancel := context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(left), leastPart))
		defer cancel()
		return d.DialContext(part, network, address)
	}
	return d.DialContext(ctx, network, address)
}
