package importer

import (
	"strings"
	"time"
)

// client reads the settings of Gatus' client, and returns its timeout.
func (p *gatusEndpoint) client() time.Duration {
	c := p.o.below("client")
	if c == nil {
		return gatusTimeout
	}
	h := p.e.HTTP
	c.skip("store-cookies")
	network := c.text("network")
	switch family := map[string]string{"ip4": "ipv4", "ip6": "ipv6"}[network]; {
	case network == "" || network == "ip":
	case family != "" && h != nil:
		h.Family = family
	case family != "" && p.e.ICMP != nil:
		p.e.ICMP.Family = family
	default:
		p.warn(c.keys["network"], c.join("network"), "", "the network %s is not carried over", network)
	}
	insecure, noRedirect := c.truth("insecure"), c.truth("ignore-redirect")
	if h != nil {
		h.Insecure = insecure
		if noRedirect {
			h.Redirects = "none"
		}
	} else if insecure {
		p.warn(c.keys["insecure"], c.join("insecure"), "for an own CA give ca:", "a certificate is always verified by a %s monitor", p.kind)
	}
	p.clientResolver(c)
	p.clientAuth(c)
	p.clientCert(c)
	c.lost("Sonde goes straight to its targets", "run `sonde up` where the target can be reached", "proxy-url", "tunnel")
	c.lost("Sonde has no identity-aware proxy", "use auth: with oauth2", "identity-aware-proxy")
	timeout := c.duration("timeout", gatusTimeout)
	c.rest()
	return timeout
}

func (p *gatusEndpoint) clientResolver(c *object) {
	text := c.sent("dns-resolver")
	if text == "" {
		return
	}
	_, rest, _ := strings.Cut(text, "://")
	server, ok := resolverOf(rest)
	if !ok || p.e.HTTP == nil {
		p.warn(c.keys["dns-resolver"], c.join("dns-resolver"), "", "only an http monitor asks another DNS server, an IP address: it is not carried over")
		return
	}
	p.e.HTTP.Resolver = server
	p.e.reach(server)
}

func (p *gatusEndpoint) clientAuth(c *object) {
	a := c.below("oauth2")
	if a == nil {
		return
	}
	if p.e.HTTP == nil || p.e.HTTP.Auth != nil {
		p.warn(c.keys["oauth2"], c.join("oauth2"), "", "only an http monitor fetches tokens, and has one kind of auth: oauth2 is not carried over")
		return
	}
	p.e.HTTP.Auth = &authOut{OAuth2: &oauth2Out{TokenURL: a.sent("token-url"), ClientID: a.sent("client-id"),
		ClientSecret: p.secret(a.values["client-secret"], a.join("client-secret"), a.sent("client-secret"), p.e.ID, "client secret"), Scopes: a.texts("scopes")}}
	a.rest()
}

func (p *gatusEndpoint) clientCert(c *object) {
	t := c.below("tls")
	if t == nil {
		return
	}
	cert, key := t.text("certificate-file"), t.text("private-key-file")
	t.skip("renegotiation")
	t.rest()
	if cert == "" && key == "" {
		return
	}
	own := &certOut{Cert: p.reference(p.variable(p.e.ID, "client cert")), Key: p.reference(p.variable(p.e.ID, "client key"))}
	switch {
	case p.e.HTTP != nil:
		p.e.HTTP.Cert = own
	case p.e.TLS != nil:
		p.e.TLS.Cert = own
	case p.e.GRPC != nil && !p.e.GRPC.Plaintext:
		p.e.GRPC.Cert = own
	default:
		p.warn(c.keys["tls"], c.join("tls"), "", "a %s monitor shows no client certificate", p.kind)
		return
	}
	p.warn(c.keys["tls"], c.join("tls"), "set them to the texts (PEM) of the two files", "Sonde reads no files: the client certificate and its key are %s and %s", own.Cert, own.Key)
}
