package importer

import (
	"net"
	"net/netip"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// gatusEndpoint is one endpoint on its way to a monitor.
type gatusEndpoint struct {
	*gatusFile
	o         *object
	e         *entry
	kind      monitor.Kind
	url, host string
	body      string
	headers   map[string]string
	auth      *authOut
	data      func(string) string // what [CONTEXT].x stands for in a suite
}

// endpoint makes a monitor of an endpoint; the scheme of its URL says of which
// kind.
func (g *gatusFile) endpoint(o *object) {
	name := o.plain("name")
	p := &gatusEndpoint{gatusFile: g, o: o, e: o.entry(name, nodeText(o.values["group"])+"-"+name)}
	if !p.target() {
		return
	}
	g.add(p.e) // before what its conditions add
	timeout := p.client()
	p.conditions()
	g.common(o, p.e)
	p.e.times(o.duration("interval", gatusEvery), timeout)
	if p.e.DNS == nil {
		p.e.reach(p.host)
	} else {
		p.e.reachResolvers()
	}
	o.rest()
}

// sending reads headers and body.
func (p *gatusEndpoint) sending() {
	p.body = p.source.body(p.o.values["body"], p.o.join("body"), p.e.ID, p.placeholders(p.o, "body", p.o.sent("body")))
	h := p.o.below("headers")
	if h == nil {
		return
	}
	p.headers = map[string]string{}
	for _, name := range h.names {
		p.headers[name] = p.header(h.keys[name], h.join(name), p.e.ID, name, p.placeholders(h, name, h.sent(name)))
	}
}

// placeholders warns of what Gatus would fill in.
func (p *gatusEndpoint) placeholders(o *object, key, text string) string {
	for _, name := range []string{"[ENDPOINT_NAME]", "[ENDPOINT_GROUP]", "[ENDPOINT_URL]"} {
		with := map[string]string{"[ENDPOINT_NAME]": p.o.text("name"), "[ENDPOINT_GROUP]": p.o.text("group"), "[ENDPOINT_URL]": p.url}[name]
		text = strings.ReplaceAll(text, name, with)
	}
	if strings.Contains(text, "[RANDOM_STRING_") {
		p.warn(o.keys[key], o.join(key), "", "Sonde makes no random strings: [RANDOM_STRING_N] is sent as it stands")
	}
	if p.data != nil {
		text = p.data(text)
	}
	return text
}

// target reads the URL, and makes the kind of monitor that its scheme says.
func (p *gatusEndpoint) target() bool {
	o, e := p.o, p.e
	raw := o.sent("url")
	at, path := o.values["url"], o.join("url")
	if at == nil {
		p.warn(o.at, o.path, "", "an endpoint without url: it is not carried over")
		return false
	}
	p.url, p.auth = p.address(at, path, e.ID, raw)
	p.sending()
	if o.values["dns"] != nil {
		return p.dns(raw)
	}
	scheme, rest, _ := strings.Cut(p.url, "://")
	p.host = rest
	if cut := strings.IndexAny(p.host, "/?#"); cut >= 0 {
		p.host = p.host[:cut]
	}
	hostPort := p.host
	switch strings.ToLower(scheme) {
	case "http", "https":
		p.web()
	case "tcp":
		p.kind, e.TCP = monitor.KindTCP, &tcpOut{Address: hostPort}
		if p.body != "" {
			e.TCP.Dialogue = []turnOut{{Send: p.body}}
		}
	case "tls":
		p.kind, e.TLS = monitor.KindTLS, &tlsOut{Address: hostPort}
	case "starttls":
		p.kind, e.TLS = monitor.KindTLS, &tlsOut{Address: hostPort, StartTLS: startTLSOf(hostPort)}
	case "udp":
		if p.body == "" {
			p.warn(at, path, "write a udp monitor with send: what the server answers", "a datagram without text says nothing of whether anybody hears it: %q is left out", e.ID)
			return false
		}
		p.kind, e.UDP = monitor.KindUDP, &udpOut{Address: hostPort, Send: p.body}
	case "icmp":
		p.kind, e.ICMP = monitor.KindICMP, &icmpOut{Address: strings.Trim(hostPort, "[]")}
	case "ssh":
		p.ssh(hostPort)
	case "ws", "wss":
		p.kind, e.WebSocket = monitor.KindWebSocket, &webSocketOut{URL: p.url, Headers: p.headers}
		if p.body != "" { // Gatus sends it, and waits for a message
			e.WebSocket.Dialogue = []turnOut{{Send: p.body, Expect: anyMessage}}
		}
	case "grpc", "grpcs":
		p.kind, e.GRPC = monitor.KindGRPC, &grpcOut{Address: hostPort, Plaintext: strings.EqualFold(scheme, "grpc"), Metadata: lowerKeys(p.headers)}
		if body := strings.TrimSpace(p.body); body != "" && body != "{}" {
			p.warn(o.keys["body"], o.join("body"), "set service:", "Sonde asks grpc.health.v1.Health/Check: the body is not carried over")
		}
	case "domain":
		p.kind, e.Domain = monitor.KindDomain, hostPort
	default:
		if !strings.Contains(raw, "://") || strings.Contains(scheme, "$") {
			p.warn(at, path, "write the URL out, at least up to its ://", "the scheme of the URL says what is checked, and it has none: %q is left out", e.ID)
			return false
		}
		p.warn(at, path, "", "Sonde has no monitor for %s: %q is left out", strings.ToUpper(scheme), e.ID)
		return false
	}
	p.unused()
	return true
}

// unused warns of what is set and has no meaning for the kind.
func (p *gatusEndpoint) unused() {
	if p.kind != monitor.KindSSH {
		p.o.skip("ssh")
	}
	if p.kind == monitor.KindHTTP {
		return
	}
	p.o.skip("method", "graphql")
	if len(p.headers) > 0 && p.kind != monitor.KindWebSocket && p.kind != monitor.KindGRPC {
		p.warn(p.o.keys["headers"], p.o.join("headers"), "", "a %s monitor sends no headers", p.kind)
	}
}

func (p *gatusEndpoint) web() {
	h := &httpOut{URL: p.url, Headers: p.headers, Body: p.body, Auth: p.auth}
	p.kind, p.e.HTTP = monitor.KindHTTP, h
	if method := strings.ToUpper(p.o.text("method")); method != "GET" {
		h.Method = method
	}
	if p.o.truth("graphql") && p.body != "" {
		h.JSON, h.Body = map[string]string{"query": p.body}, ""
		if h.Method == "" {
			h.Method = "POST"
		}
	}
	basicOf(h.Headers, &h.Auth)
}

// basicOf makes auth of an Authorization header that holds nothing but a bearer's
// reference.
func basicOf(headers map[string]string, auth **authOut) {
	for name, value := range headers {
		if token, is := strings.CutPrefix(value, "Bearer "); is && strings.EqualFold(name, "authorization") && *auth == nil && isReference(token) {
			*auth = &authOut{Bearer: token}
			delete(headers, name)
		}
	}
}

func isReference(text string) bool {
	_, err := monitor.ReadReference(text)
	return err == nil
}

func (p *gatusEndpoint) ssh(hostPort string) {
	p.kind, p.e.SSH = monitor.KindSSH, monitor.WithPort(hostPort, "22")
	if s := p.o.below("ssh"); s != nil {
		login := s.has("username") || s.has("password") || s.has("private-key")
		s.skip("username", "password", "private-key")
		s.rest()
		if !login {
			return
		}
		p.warn(p.o.keys["ssh"], p.o.join("ssh"), "let the machine report: a heartbeat monitor", "Sonde reads the banner and the host key, and logs nobody in: no command is run")
		p.body = ""
	}
}

func (p *gatusEndpoint) dns(raw string) bool {
	d := p.o.below("dns")
	if d == nil {
		return false
	}
	p.kind = monitor.KindDNS
	out := &dnsOut{Name: strings.TrimSuffix(d.plain("query-name"), "."), Type: strings.ToUpper(d.plain("query-type"))}
	if out.Type == "A" {
		out.Type = ""
	}
	d.rest()
	_, rest, is := strings.Cut(raw, "://")
	if !is {
		rest = raw
	}
	if server, ok := resolverOf(rest); ok {
		out.Resolvers = []string{server}
	} else {
		p.warn(p.o.values["url"], p.o.join("url"), "add resolvers: with its IP address", "a resolver is an IP address: the system's are asked instead of %s", rest)
	}
	p.e.DNS = out
	p.unused()
	return true
}

// resolverOf is a DNS server as an IP address, without the usual port.
func resolverOf(text string) (string, bool) {
	text = strings.TrimSuffix(text, "/")
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.String(), true
	}
	if a, err := netip.ParseAddrPort(text); err == nil {
		if a.Port() == 53 {
			return a.Addr().String(), true
		}
		return a.String(), true
	}
	return "", false
}

// startTLSOf is the protocol that usually speaks on a port.
func startTLSOf(hostPort string) string {
	_, port, _ := net.SplitHostPort(hostPort)
	if name := map[string]string{"143": "imap", "110": "pop3", "21": "ftp", "389": "ldap", "5432": "postgres", "3306": "mysql"}[port]; name != "" {
		return name
	}
	return "smtp"
}

func lowerKeys(in map[string]string) map[string]string {
	if in == nil {
		return nil
	}
	out := map[string]string{}
	for name, value := range in {
		out[strings.ToLower(name)] = value
	}
	return out
}
