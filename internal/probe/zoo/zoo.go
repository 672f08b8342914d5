// Package zoo is targets that misbehave, for tests of whoever checks targets or
// shows what was found: one file a family of protocols, each animal with the
// verdict that must come of it.
//
// All of them are servers on 127.0.0.1 that live as long as the test; none needs
// a network. They may be visited all at once, and more than once. What they send
// is meant to hurt: no result, page, message or terminal may show it as it came.
package zoo

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Timeouts of the animals: those that never come to an end are given up on soon;
// the others end by themselves, however slow the machine is.
const (
	Soon  = 2 * time.Second
	Amply = 12 * time.Second
)

// Animal is one target, and what must be said of it.
type Animal struct {
	Monitor monitor.Monitor // with an id and a name of its own: family/name

	// NameServers says where name servers listen, by their IP address, for
	// monitors that ask those of a zone.
	NameServers map[string]string

	// Ping is what is known of a heartbeat's job; nil of any other monitor.
	Ping *monitor.Ping

	Outcome monitor.Outcome
	Kind    monitor.FailureKind // empty when up
	Phase   string              // part of the detail that names what was under way
	Says    string              // another part of it
}

// All starts every animal. They live until the test ends.
func All(t testing.TB) []Animal {
	t.Helper()
	var all []Animal
	for family, fill := range map[string]func(*cage){
		"addresses": addresses, "body": bodies, "certificate": certificates, "dialogue": dialogues, "dns": resolvers, "domain": registries,
		"expect": expectations, "grpc": healths, "heartbeat": jobs, "http": connections, "http2": frames, "redirect": redirects, "ssh": shells,
		"starttls": upgrades, "steps": steps, "text": texts, "tls": handshakes, "token": tokens, "udp": datagrams, "websocket": sockets, "zone": zones,
	} {
		c := &cage{TB: t, family: family}
		fill(c)
		all = append(all, c.all...)
	}
	return all
}

// cage collects the animals of one family.
type cage struct {
	testing.TB
	family string
	all    []Animal
}

// put adds an animal that is down for a reason of this kind; that is up where
// there is none.
func (c *cage) put(name string, m monitor.Monitor, kind monitor.FailureKind, phase, says string) *Animal {
	m.Name = c.family + "/" + name
	m.ID = monitor.ID(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(m.Name)))
	if m.Timeout == 0 {
		m.Timeout = Amply
	}
	if kind == monitor.FailTimeout {
		m.Timeout = Soon
	}
	m.Private = true
	outcome := monitor.OutcomeDown
	if kind == "" {
		outcome = monitor.OutcomeUp
	}
	c.all = append(c.all, Animal{Monitor: m, Outcome: outcome, Kind: kind, Phase: phase, Says: says})
	return &c.all[len(c.all)-1]
}

// must ends the test where an animal cannot be made.
func (c *cage) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// serve answers every connection with f, and returns the address.
func (c *cage) serve(f func(net.Conn)) string {
	c.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	c.must(err)
	c.serveOn(l, f)
	return l.Addr().String()
}

func (c *cage) serveOn(l net.Listener, f func(net.Conn)) {
	ctx, cancel := context.WithCancel(context.Background())
	c.Cleanup(func() { cancel(); _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
				defer func() { _ = conn.Close() }()
				f(conn)
			}()
		}
	}()
}

// closed is an address at which nothing listens, and nothing can: it is the other
// end of a connection.
func (c *cage) closed() string {
	c.Helper()
	conn, err := net.Dial("tcp", c.serve(hold))
	c.must(err)
	c.Cleanup(func() { _ = conn.Close() })
	return conn.LocalAddr().String()
}

// hold reads until the other side closes.
func hold(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// reset makes the end of a connection a reset.
func reset(c net.Conn) {
	if t, is := c.(*net.TCPConn); is {
		_ = t.SetLinger(0)
	}
}

// trickle writes a byte a second.
func trickle(c net.Conn, text string) {
	for i := range len(text) {
		if _, err := c.Write([]byte{text[i]}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// flood writes a piece until nobody reads.
func flood(c net.Conn, piece string) {
	many := []byte(strings.Repeat(piece, max(1, 4096/len(piece))))
	for {
		if _, err := c.Write(many); err != nil {
			return
		}
	}
}

// Nasty is what a terminal, a mail header, a page or a line must not see as it
// is: escapes, NUL, bell, marks of direction and of no width, a line separator,
// broken UTF-8, and markup.
const Nasty = "\x1b[31m\x00\a\b\u202eevil\u200b\u2028\r\nBcc: all@example.com\x9b2J\xff\xc3</script><img src=x onerror=alert(1)>"

// Quick is the animals whose verdict takes no timeout: those whose answers are
// shown to people.
func Quick(t testing.TB) []Animal {
	t.Helper()
	return slices.DeleteFunc(All(t), func(a Animal) bool {
		return a.Kind == monitor.FailTimeout || a.Monitor.Timeout < Amply || a.NameServers != nil || a.Ping != nil
	})
}

// Checks is one check of each.
func Checks(animals []Animal) []monitor.Check {
	out := make([]monitor.Check, len(animals))
	for i, a := range animals {
		out[i] = monitor.Check{Monitor: a.Monitor, Location: monitor.Local, Scheduled: time.Now()}
	}
	return out
}
