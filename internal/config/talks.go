package config

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

func (e *entry) readGRPC(r *reader, c cursor) {
	e.is(c)
	g := &monitor.GRPC{}
	e.m.GRPC = g
	shorthand(r, c, g, grpcKeys, func(c cursor) { r.hostPort(c, &g.Address) })
	switch {
	case r.reported(c.path):
	case g.Address == "":
		r.report(c.key, c.path, "", "address is missing")
	case g.Plaintext && (g.CA != "" || g.ClientCert != nil):
		r.report(c.key, c.path, "leave one of them out", "plaintext is without TLS, and ca and client_cert are for TLS")
	}
}

var grpcKeys = keys[monitor.GRPC]{
	{"address", "host:port", func(r *reader, c cursor, g *monitor.GRPC) { r.hostPort(c, &g.Address) }},
	{"service", "name of the service, such as shop.Orders; the server as a whole by default", func(r *reader, c cursor, g *monitor.GRPC) { r.text(c, &g.Service) }},
	{"plaintext", "without TLS", func(r *reader, c cursor, g *monitor.GRPC) { r.boolean(c, &g.Plaintext) }},
	{"metadata", "names and values sent with the call", func(r *reader, c cursor, g *monitor.GRPC) { r.metadata(c, g) }},
	{"server_name", "name to ask for and to verify; the host by default", func(r *reader, c cursor, g *monitor.GRPC) { r.text(c, &g.ServerName) }},
	{"ca", "PEM certificates to trust instead of the system's", func(r *reader, c cursor, g *monitor.GRPC) { r.certificates(c, &g.CA) }},
	{"client_cert", "cert and key in PEM, shown to the server", func(r *reader, c cursor, g *monitor.GRPC) { r.clientCert(c, &g.ClientCert) }},
}

// metadataName: gRPC over HTTP2, "Custom-Metadata".
var metadataName = regexp.MustCompile(`^[0-9a-z_.-]{1,100}$`)

func (r *reader) metadata(c cursor, g *monitor.GRPC) {
	g.Metadata = map[string]string{}
	r.mapping(c.node, c.path, func(c cursor) {
		name := c.key.Value
		if !metadataName.MatchString(name) || strings.HasPrefix(name, "grpc-") || reservedMetadata[name] {
			hint := ""
			if lower := strings.ToLower(name); lower != name && metadataName.MatchString(lower) {
				hint = "did you mean \"" + lower + "\"?"
			}
			r.report(c.key, c.path, hint, "expected a metadata name of lower-case letters, digits, - _ . that gRPC does not use itself, found %q", name)
			return
		}
		n := r.scalar(c, "text")
		if n == nil {
			return
		}
		r.secrets(c, n.Value)
		if strings.ContainsFunc(n.Value, func(c rune) bool { return c < ' ' || c > '~' }) && !strings.HasSuffix(name, "-bin") {
			r.report(n, c.path, "a name that ends in -bin may have any value", "a value is printable ASCII")
			return
		}
		g.Metadata[name] = n.Value
	})
}

var reservedMetadata = map[string]bool{"te": true, "content-type": true, "user-agent": true, "host": true, "connection": true, "content-length": true, "transfer-encoding": true}

func (e *entry) readWebSocket(r *reader, c cursor) {
	e.is(c)
	w := &monitor.WebSocket{}
	e.m.WebSocket = w
	shorthand(r, c, w, webSocketKeys, func(c cursor) { r.urlOf(c, &w.URL, "wss", "ws") })
	if w.URL == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "", "url is missing")
	}
}

var webSocketKeys = keys[monitor.WebSocket]{
	{"url", "ws or wss", func(r *reader, c cursor, w *monitor.WebSocket) { r.urlOf(c, &w.URL, "wss", "ws") }},
	{"headers", "names and values sent with the opening request", func(r *reader, c cursor, w *monitor.WebSocket) { r.headers(c, &w.Headers) }},
	{"subprotocols", "of which the server must choose one", func(r *reader, c cursor, w *monitor.WebSocket) {
		for _, name := range r.names(c) {
			if !token.MatchString(name.name) {
				r.report(name.node, name.path, "", "expected a subprotocol such as graphql-transport-ws, found %q", name.name)
			}
			w.Subprotocols = append(w.Subprotocols, name.name)
		}
	}},
	{"dialogue", "messages to send and to expect, in order", func(r *reader, c cursor, w *monitor.WebSocket) { r.dialogue(c, &w.Dialogue) }},
	{"close_code", "with which the server must close, after the dialogue", func(r *reader, c cursor, w *monitor.WebSocket) { r.integer(c, &w.CloseCode, 1000, 4999) }},
	{"ca", "PEM certificates to trust instead of the system's", func(r *reader, c cursor, w *monitor.WebSocket) { r.certificates(c, &w.CA) }},
}

// token is a token of HTTP (RFC 9110, 5.6.2).
var token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")

const maxPings = 20

func (e *entry) readICMP(r *reader, c cursor) {
	e.is(c)
	p := &monitor.ICMP{Count: 3}
	e.m.ICMP = p
	shorthand(r, c, p, icmpKeys, func(c cursor) { r.host(c, &p.Address) })
	if p.Address == "" && !r.reported(c.path) {
		r.report(c.key, c.path, "", "address is missing")
	}
}

var icmpKeys = keys[monitor.ICMP]{
	{"address", "host or IP address", func(r *reader, c cursor, p *monitor.ICMP) { r.host(c, &p.Address) }},
	{"count", "requests, one after the other; 3 by default", func(r *reader, c cursor, p *monitor.ICMP) { r.integer(c, &p.Count, 1, maxPings) }},
	{"family", "ipv4 or ipv6; either by default", func(r *reader, c cursor, p *monitor.ICMP) { r.choice(c, &p.Family, "ipv4", "ipv6") }},
}

func (r *reader) host(c cursor, into *string) {
	n := r.scalar(c, "a host")
	if n == nil {
		return
	}
	if _, err := netip.ParseAddr(n.Value); err != nil && (len(n.Value) > 253 || !hostName.MatchString(n.Value)) {
		hint := ""
		if strings.Contains(n.Value, "://") || strings.Contains(n.Value, ":") {
			hint = "without a scheme and without a port"
		}
		r.report(n, c.path, hint, "expected a host such as example.com, or an IP address, found %q", shorten(n.Value))
		return
	}
	*into = n.Value
}
