package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// name is what the demo's customers type.
const name = "app.sonde.test"

// Fleet is the running targets.
type Fleet struct {
	ca        *authority
	balancers [4]*webServer // two pairs: the present one and the next
	fronts    [4]string     // ip that the name points at while the balancer is in use
	front     *webServer    // where several loopback addresses cannot be had: who answers at the shared port
	port      string        // of the name's URL
	names     *nameServer
	queue     *tcpService
	reports   *webServer
	slow      *slowPage
	legacy    *webServer
	silent    atomic.Bool // the heartbeat job does not report

	mu   sync.Mutex
	pair int // which pair is in use: 0 or 1
	beat sync.WaitGroup
}

// Start starts every target. Close stops them.
func Start(now time.Time) (f *Fleet, err error) {
	f = &Fleet{slow: new(slowPage)}
	defer func() {
		if err != nil {
			f.Close()
			f = nil
		}
	}()
	if f.ca, err = newAuthority(now); err != nil {
		return f, err
	}
	if err = f.startBalancers(); err != nil {
		return f, err
	}
	if f.names, err = newNameServer(name, f.fronts[0]); err != nil {
		return f, err
	}
	if f.queue, err = newTCPService(); err != nil {
		return f, err
	}
	if f.reports, err = f.web("report page", "127.0.0.1:0", f.slow, "reports.sonde.test"); err != nil {
		return f, err
	}
	f.legacy, err = f.web("old site", "127.0.0.1:0", health("old site"), "old.sonde.test")
	return f, err
}

func (f *Fleet) web(what, address string, handler http.Handler, names ...string) (*webServer, error) {
	cert, err := f.ca.issue(90*24*time.Hour, names...)
	if err != nil {
		return nil, err
	}
	w := &webServer{name: what, address: address, handler: handler}
	w.cert.Store(&cert)
	return w, w.start()
}

// startBalancers gives every balancer an address of its own, all at one port,
// so that moving the name moves the traffic. Where the system has one loopback
// address only, each has a port, and the one in use also answers at a shared
// port.
func (f *Fleet) startBalancers() error {
	several := bindable("127.0.0.2") && bindable("127.0.0.5")
	port := "0"
	for i := range f.balancers {
		ip := "127.0.0.1"
		if several {
			ip = "127.0.0." + strconv.Itoa(i+2)
		}
		w, err := f.web("balancer "+strconv.Itoa(i+1), net.JoinHostPort(ip, port), health("balancer "+strconv.Itoa(i+1)), name)
		if err != nil {
			return err
		}
		f.balancers[i], f.fronts[i] = w, ip
		if several && i == 0 {
			_, port, _ = net.SplitHostPort(w.address)
		}
	}
	if several {
		f.port = port
		return nil
	}
	w, err := f.web("front", "127.0.0.1:0", health("balancer 1"), name)
	if err != nil {
		return err
	}
	f.front = w
	_, f.port, err = net.SplitHostPort(w.address)
	return err
}

// Several reports whether the balancers have addresses of their own.
func (f *Fleet) Several() bool { return f.front == nil }

// Beat starts the job that pings a heartbeat URL every few seconds, until ctx
// ends.
func (f *Fleet) Beat(ctx context.Context, url string, every time.Duration) {
	f.beat.Go(func() { beat(ctx, url, every, &f.silent) })
}

// Close stops every target and waits for the heartbeat job, whose context must
// have ended.
func (f *Fleet) Close() {
	for _, w := range append(f.balancers[:], f.front, f.reports, f.legacy) {
		if w != nil {
			w.kill()
		}
	}
	if f.names != nil {
		f.names.close()
	}
	if f.queue != nil {
		f.queue.close()
	}
	f.beat.Wait()
}

// inUse returns the primary and the secondary balancer of the present pair.
func (f *Fleet) inUse() (primary, secondary int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return 2 * f.pair, 2*f.pair + 1
}

func (f *Fleet) killBalancer(i int) {
	f.balancers[i].kill()
	if primary, secondary := f.inUse(); f.front != nil && i == secondary && i != primary {
		f.front.kill()
	}
}

// move brings the other pair up and points the name at it.
func (f *Fleet) move() error {
	f.mu.Lock()
	f.pair = 1 - f.pair
	f.mu.Unlock()
	primary, secondary := f.inUse()
	for _, i := range []int{primary, secondary} {
		if err := f.balancers[i].start(); err != nil {
			return err
		}
	}
	if f.front != nil {
		if err := f.front.start(); err != nil {
			return err
		}
	}
	f.names.point(f.fronts[primary])
	return nil
}

// failOver points the name at the secondary balancer, as its health check does.
func (f *Fleet) failOver() {
	_, secondary := f.inUse()
	f.names.point(f.fronts[secondary])
}

// certify gives the old site a certificate that is valid for so long.
func (f *Fleet) certify(valid time.Duration) error {
	cert, err := f.ca.issue(valid, "old.sonde.test")
	if err != nil {
		return fmt.Errorf("renew certificate: %w", err)
	}
	f.legacy.cert.Store(&cert)
	return nil
}
