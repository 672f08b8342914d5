package importer

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// blackboxProbe is one target, looked at as a module says.
type blackboxProbe struct {
	*source // of the modules
	m       *object
	t       probeTarget
	e       *entry
	auth    *authOut
}

// monitor makes one of the target.
func (p *blackboxProbe) monitor() {
	t, m := p.t, p.m
	place := hostOf(t.target) // names are made of it, so no password may be in it
	target, auth := t.from.address(t.node, t.path, slug(place[strings.LastIndexByte(place, '@')+1:]), t.target)
	p.auth = auth
	title := target
	if _, rest, is := strings.Cut(target, "://"); is {
		title, _, _ = strings.Cut(strings.TrimSuffix(rest, "/"), "?")
	}
	host := strings.TrimPrefix(title, "www.")
	short, _, _ := strings.Cut(host, "/")
	prober := m.text("prober")
	e := &entry{ID: p.id(short, host, short+"-"+prober, short+"-"+t.module), from: t.from, node: t.node, path: t.path, group: t.group}
	if title != e.ID {
		e.Name = line(title)
	}
	p.e = e
	if !p.prober(prober, target) {
		return
	}
	timeout := m.prometheusDuration("timeout", t.timeout)
	e.times(t.every, min(timeout, t.every))
	m.skip("http", "tcp", "dns", "icmp", "grpc", "websocket", "unix")
	p.rest(m)
	p.add(e)
}

// rest warns of what is left of a mapping once, however many targets a module has.
func (p *blackboxProbe) rest(o *object) {
	if key := "rest " + o.path; !p.told[key] {
		p.told[key] = true
		o.rest()
	}
}

// lost is lost of an object, once a module.
func (p *blackboxProbe) lost(o *object, message, hint string, keys ...string) {
	for _, key := range keys {
		o.skip(key)
		if once := "lost " + o.join(key); o.has(key) && !p.told[once] {
			p.told[once] = true
			p.warn(o.keys[key], o.join(key), hint, "%s", message)
		}
	}
}

// section is the settings of a prober; an empty one where there are none.
func (p *blackboxProbe) section(name string) *object {
	if o := p.m.below(name); o != nil {
		return o
	}
	return p.object(&yaml.Node{Kind: yaml.MappingNode}, p.m.join(name))
}

func (p *blackboxProbe) prober(prober, target string) bool {
	switch prober {
	case "http":
		if !strings.Contains(target, "://") {
			target = "http://" + target // as blackbox_exporter does
		}
		p.http(p.section("http"), target)
		p.e.reach(hostOf(target))
	case "tcp":
		p.tcp(p.section("tcp"), target)
		p.e.reach(target)
	case "dns":
		return p.dns(p.section("dns"), target)
	case "icmp":
		o := p.section("icmp")
		p.e.ICMP = &icmpOut{Address: strings.Trim(target, "[]"), Family: p.family(o)}
		p.lost(o, "an echo request is sent as it is", "", "source_ip_address", "dont_fragment", "payload_size", "ttl")
		p.rest(o)
		p.e.reach(target)
	case "grpc":
		p.grpc(p.section("grpc"), target)
		p.e.reach(target)
	case "websocket":
		o := p.section("websocket")
		p.e.WebSocket = &webSocketOut{URL: target}
		p.lost(o, "settings of WebSockets are not carried over", "add them to the monitor by hand", o.names...)
		p.e.reach(hostOf(target))
	default:
		p.once("prober "+p.m.path, p.m.keys["prober"], p.m.join("prober"), "", "Sonde has no monitor for the prober %q: its targets are left out", prober)
		return false
	}
	return true
}

// family is the only version of IP that is tried; empty where the other one will do.
func (p *blackboxProbe) family(o *object) string {
	preferred, fallback := o.text("preferred_ip_protocol"), o.text("ip_protocol_fallback")
	if fallback != "false" {
		return ""
	}
	return map[string]string{"ip4": "ipv4", "ip6": "ipv6", "": "ipv6"}[preferred]
}

func (p *blackboxProbe) tcp(o *object, target string) {
	t := &tcpOut{Address: target, TLS: o.truth("tls")}
	p.e.TCP = t
	start, sent := false, ""
	o.objects("query_response", func(q *object) {
		step := turnOut{Expect: q.text("expect"), Send: q.text("send")}
		if bytes := q.text("expect_bytes"); bytes != "" {
			step.ExpectHex = fmt.Sprintf("%x", bytes)
			if step.Expect != "" {
				t.Dialogue = append(t.Dialogue, turnOut{Expect: step.Expect})
				step.Expect = ""
			}
		}
		if strings.Contains(step.Send, "${") {
			p.lost(q, "what the server said cannot be sent back to it: the step sends nothing", "", "send")
			step.Send = ""
		}
		if step.Send != "" { // blackbox_exporter ends each with a new line
			step.Send = p.body(q.values["send"], q.join("send"), p.e.ID, step.Send) + "\n"
		}
		start, sent = q.truth("starttls") || start, sent+q.text("send")+"\n"
		q.skip("labels")
		p.rest(q)
		// It expects first, then sends; a step here sends first.
		if (step.Expect != "" || step.ExpectHex != "") && step.Send != "" {
			t.Dialogue = append(t.Dialogue, turnOut{Expect: step.Expect, ExpectHex: step.ExpectHex})
			step.Expect, step.ExpectHex = "", ""
		}
		if step != (turnOut{}) {
			t.Dialogue = append(t.Dialogue, step)
		}
	})
	if start {
		p.e.TCP, p.e.TLS = nil, &tlsOut{Address: target, StartTLS: spokenBefore(sent, target)}
		p.once("starttls "+o.path, o.keys["query_response"], o.join("query_response"), "", "Sonde speaks the STARTTLS of %s itself: the dialogue is not carried over", p.e.TLS.StartTLS)
	}
	if c := o.below("tls_config"); c != nil {
		if c.truth("insecure_skip_verify") {
			p.lost(c, "a tcp monitor always verifies the certificate", "", "insecure_skip_verify")
		}
		p.lost(c, "Sonde reads no files, and a tcp monitor shows no client certificate", "put the certificates into ca:", "ca", "ca_file", "cert", "cert_file", "key", "key_file", "key_ref", "cert_ref", "ca_ref")
		if name := c.text("server_name"); name != "" && p.e.TLS != nil {
			p.e.TLS.ServerName = name
		} else {
			p.lost(c, "the name that is verified is that of the address", "use a tls monitor with server_name", "server_name")
		}
		c.skip("min_version", "max_version")
		p.rest(c)
	}
	p.family(o)
	p.lost(o, "connections go out from any address", "", "source_ip_address")
	p.rest(o)
}

// spokenBefore is the protocol that a dialogue up to STARTTLS is of.
func spokenBefore(sent, target string) string {
	switch sent = strings.ToUpper(sent); {
	case strings.Contains(sent, "EHLO"), strings.Contains(sent, "HELO"):
		return "smtp"
	case strings.Contains(sent, "STLS"):
		return "pop3"
	case strings.Contains(sent, "AUTH TLS"):
		return "ftp"
	case strings.Contains(sent, " STARTTLS"): // IMAP's commands have a tag
		return "imap"
	}
	return startTLSOf(target)
}

func (p *blackboxProbe) grpc(o *object, target string) {
	g := &grpcOut{Address: target, Service: o.text("service"), Plaintext: !o.truth("tls")}
	p.e.GRPC = g
	if md := o.below("metadata"); md != nil {
		g.Metadata = map[string]string{}
		for _, name := range md.names {
			if values := md.texts(name); len(values) > 0 {
				g.Metadata[strings.ToLower(name)] = p.header(md.keys[name], md.join(name), p.e.ID, name, strings.Join(values, ","))
			}
		}
	}
	if c := o.below("tls_config"); c != nil {
		g.ServerName = c.text("server_name")
		p.lost(c, "a grpc monitor always verifies the certificate", "", "insecure_skip_verify")
		p.lost(c, "Sonde reads no files", "put the certificates into ca: and client_cert:", "ca", "ca_file", "cert", "cert_file", "key", "key_file")
		p.rest(c)
	}
	p.family(o)
	p.rest(o)
}

func (p *blackboxProbe) dns(o *object, target string) bool {
	d := &dnsOut{Name: strings.TrimSuffix(o.text("query_name"), "."), Type: strings.ToUpper(o.text("query_type"))}
	if d.Name == "" {
		d.Name = "."
	}
	p.e.DNS = d
	if d.Type == "" || d.Type == "ANY" {
		p.once("any "+o.path, o.at, o.path, "set type: to the record that matters", "Sonde does not ask for ANY: A is asked for")
		d.Type = ""
	}
	if d.Type == "A" {
		d.Type = ""
	}
	secure := o.truth("dns_over_tls")
	if server, ok := resolverOf(target); ok && !secure {
		d.Resolvers = []string{server}
	} else if secure {
		d.Resolvers = []string{"tls://" + strings.TrimSuffix(target, ":853")}
	} else {
		p.t.from.warn(p.t.node, p.t.path, "give its IP address in resolvers:", "a resolver is an IP address: the system's are asked instead of %s", target)
	}
	if name := strings.TrimSuffix(d.Name, "."); p.e.Name == "" || p.e.Name == target {
		if host, _, err := net.SplitHostPort(target); err == nil {
			target = host
		}
		p.e.Name = strings.TrimSpace(name + " at " + target)
	}
	p.e.reachResolvers()
	p.rcodes(o, d)
	for _, key := range []string{"validate_answer_rrs", "validate_authority_rrs", "validate_additional_rrs"} {
		p.lost(o, "records are judged without name, class and TTL here: the expressions are not carried over", "use matches: or contains: of the dns monitor", key)
	}
	p.lost(o, "only class IN is asked for", "", "query_class")
	o.skip("transport_protocol", "recursion_desired", "preferred_ip_protocol", "ip_protocol_fallback", "tls_config", "source_ip_address")
	p.rest(o)
	return true
}

func (p *blackboxProbe) rcodes(o *object, d *dnsOut) {
	codes := o.texts("valid_rcodes")
	switch {
	case len(codes) == 0, len(codes) == 1 && codes[0] == "NOERROR":
	case len(codes) == 1:
		d.RCode = codes[0]
	default:
		p.once("rcodes "+o.path, o.values["valid_rcodes"], o.join("valid_rcodes"), "make a monitor of each, with rcode:", "a monitor expects one code: of %s the first is taken", strings.Join(codes, ", "))
		if codes[0] != "NOERROR" {
			d.RCode = codes[0]
		}
	}
}

// sizeOf is a size of Prometheus (units.Base2Bytes) as it is written here.
func sizeOf(text string) (string, bool) {
	for _, unit := range []struct{ theirs, ours string }{{"KiB", "KiB"}, {"KB", "KiB"}, {"MiB", "MiB"}, {"MB", "MiB"}, {"B", ""}} {
		if number, is := strings.CutSuffix(strings.TrimSpace(text), unit.theirs); is {
			n, err := strconv.Atoi(number)
			return strconv.Itoa(n) + unit.ours, err == nil && n > 0
		}
	}
	return "", false
}
