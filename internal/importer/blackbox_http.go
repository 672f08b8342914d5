package importer

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

func (p *blackboxProbe) http(o *object, target string) {
	h := &httpOut{URL: target, Auth: p.auth, Headers: map[string]string{}, Family: p.family(o)}
	p.e.HTTP = h
	if method := strings.ToUpper(o.text("method")); method != "GET" {
		h.Method = method
	}
	p.headers(o, h)
	if body := o.text("body"); body != "" {
		h.Body = p.body(o.values["body"], o.join("body"), p.e.ID, body)
	}
	p.credentials(o, h)
	p.statuses(o)
	p.versions(o, h)
	if o.text("follow_redirects") == "false" || o.truth("no_follow_redirects") {
		h.Redirects = "none"
	}
	if size := o.text("body_size_limit"); size != "" && size != "0" {
		var ok bool
		if h.MaxBody, ok = sizeOf(size); !ok {
			p.lost(o, "the size is not carried over", "set max_body:", "body_size_limit")
		}
	}
	p.onTLS(o, target)
	p.contents(o)
	if c := o.below("tls_config"); c != nil {
		p.tlsConfig(c, h)
	}
	p.lost(o, "Sonde reads no files", "put the text into body:", "body_file")
	p.lost(o, "conditions in CEL are not carried over", "write them into expect:, such as body.status == \"ok\"", "fail_if_body_json_matches_cel", "fail_if_body_json_not_matches_cel")
	p.lost(o, "Sonde goes straight to its targets", "run `sonde up` where the target can be reached", "proxy_url", "proxy_from_environment", "proxy_connect_header", "no_proxy")
	p.lost(o, "Sonde speaks HTTP/1.1 and HTTP/2", "", "enable_http3")
	p.lost(o, "bodies are inflated as the server compresses them", "", "compression")
	o.skip("skip_resolve_phase_with_proxy", "use_http_proxy")
	p.rest(o)
}

func (p *blackboxProbe) headers(o *object, h *httpOut) {
	if all := o.below("headers"); all != nil {
		for _, name := range all.names {
			h.Headers[name] = p.header(all.values[name], all.join(name), p.e.ID, name, all.text(name))
		}
	}
	if all := o.below("http_headers"); all != nil {
		for _, name := range all.names {
			one := all.below(name)
			if one == nil {
				continue
			}
			if values := one.texts("values"); len(values) > 0 {
				h.Headers[name] = p.header(one.values["values"], one.join("values"), p.e.ID, name, strings.Join(values, ", "))
			}
			if values := one.texts("secrets"); len(values) > 0 {
				h.Headers[name] = p.secret(one.values["secrets"], one.join("secrets"), strings.Join(values, ", "), p.e.ID, name)
			}
			if one.has("files") {
				one.skip("files")
				h.Headers[name] = p.secret(one.values["files"], one.join("files"), "files of "+one.path, p.e.ID, name)
			}
			p.rest(one)
		}
	}
}

// credentials are basic, a bearer token, or OAuth2.
func (p *blackboxProbe) credentials(o *object, h *httpOut) {
	file := func(c *object, key string) string { // what a file holds is a secret, too
		if name := c.text(key + "_file"); name != "" {
			return "file " + name
		}
		return c.text(key)
	}
	at := func(c *object, key string) *yaml.Node {
		if c.values[key] != nil {
			return c.values[key]
		}
		return c.values[key+"_file"]
	}
	if b := o.below("basic_auth"); b != nil {
		h.Auth = &authOut{Basic: &basicOut{User: b.text("username"), Password: p.secret(at(b, "password"), b.join("password"), file(b, "password"), p.e.ID, "password")}}
		p.rest(b)
	}
	if token := file(o, "bearer_token"); token != "" {
		h.Auth = &authOut{Bearer: p.secret(at(o, "bearer_token"), o.join("bearer_token"), token, p.e.ID, "bearer")}
	}
	if a := o.below("authorization"); a != nil {
		scheme, value := a.text("type"), p.secret(at(a, "credentials"), a.join("credentials"), file(a, "credentials"), p.e.ID, "credentials")
		if scheme == "" || strings.EqualFold(scheme, "bearer") {
			h.Auth = &authOut{Bearer: value}
		} else {
			h.Headers["Authorization"] = scheme + " " + value
		}
		p.rest(a)
	}
	if a := o.below("oauth2"); a != nil {
		h.Auth = &authOut{OAuth2: &oauth2Out{TokenURL: a.text("token_url"), ClientID: a.text("client_id"), Scopes: a.texts("scopes"),
			ClientSecret: p.secret(at(a, "client_secret"), a.join("client_secret"), file(a, "client_secret"), p.e.ID, "client secret")}}
		p.lost(a, "it is not carried over", "", "endpoint_params", "tls_config", "proxy_url")
		p.rest(a)
	}
}

func (p *blackboxProbe) statuses(o *object) {
	var codes []int
	for _, text := range o.texts("valid_status_codes") {
		if code, err := strconv.Atoi(text); err == nil {
			codes = append(codes, code)
		}
	}
	source := "status >= 200 && status < 300"
	if o.truth("accept_any_response") {
		return
	}
	if len(codes) > 0 {
		source = statusIn(codes)
	}
	p.e.expect(o.values["valid_status_codes"], o.join("valid_status_codes"), source, monitor.KindHTTP)
}

func (p *blackboxProbe) versions(o *object, h *httpOut) {
	texts := o.texts("valid_http_versions")
	switch {
	case len(texts) == 1 && strings.HasPrefix(texts[0], "HTTP/2"):
		h.Version = "2"
	case len(texts) == 1 && texts[0] == "HTTP/1.1", o.text("enable_http2") == "false":
		h.Version = "1.1"
	}
	for _, text := range texts {
		if text != "HTTP/1.1" && !strings.HasPrefix(text, "HTTP/2") {
			p.lost(o, "Sonde speaks HTTP/1.1 and HTTP/2", "set version:", "valid_http_versions")
		}
	}
	o.skip("enable_http2")
}

// onTLS: whether a URL is https, it says itself; a redirect can change that.
func (p *blackboxProbe) onTLS(o *object, target string) {
	secure := strings.HasPrefix(target, "https:")
	for _, key := range []string{"fail_if_not_ssl", "fail_if_ssl"} {
		if o.truth(key) && secure != (key == "fail_if_not_ssl") {
			p.t.from.warn(p.t.node, p.t.path, "give the other URL", "with %s the scheme of %s is wrong: not carried over", key, p.hide(target))
		}
	}
}

// contents is what body and headers must match, or must not.
func (p *blackboxProbe) contents(o *object) {
	add := func(key, format string) {
		o.list(key, func(n *yaml.Node, path string) {
			pattern := nodeText(n)
			if _, err := regexp.Compile(pattern); err != nil {
				p.warn(n, path, "", "it is no regular expression: not carried over")
				return
			}
			p.e.expect(n, path, fmt.Sprintf(format, quote(pattern)), monitor.KindHTTP)
		})
	}
	add("fail_if_body_matches_regexp", "not (text matches %s)")
	add("fail_if_body_not_matches_regexp", "text matches %s")
	add("fail_if_matches_regexp", "not (text matches %s)") // their older names
	add("fail_if_not_matches_regexp", "text matches %s")
	for _, key := range []string{"fail_if_header_matches", "fail_if_header_not_matches"} {
		not := key == "fail_if_header_matches"
		o.objects(key, func(c *object) {
			value := "headers[" + quote(strings.ToLower(c.text("header"))) + "]"
			pattern := c.text("regexp")
			source := value + " matches " + quote(pattern)
			missing := c.truth("allow_missing")
			switch {
			case not && missing:
				source = "not (" + source + ")"
			case not:
				source = value + ` != "" && not (` + source + ")"
			case missing:
				source = value + ` == "" || ` + source
			}
			p.rest(c)
			p.e.expect(c.at, c.path, source, monitor.KindHTTP)
		})
	}
}

var tlsVersions = map[string]string{"TLS10": "1.0", "TLS11": "1.1", "TLS12": "1.2", "TLS13": "1.3"}

func (p *blackboxProbe) tlsConfig(c *object, h *httpOut) {
	h.Insecure = c.truth("insecure_skip_verify")
	h.MinTLS = tlsVersions[c.text("min_version")]
	if h.MinTLS == "1.2" {
		h.MinTLS = ""
	}
	if ca := c.text("ca"); strings.Contains(ca, "BEGIN CERTIFICATE") {
		h.CA = ca
	}
	if c.has("cert") || c.has("cert_file") || c.has("key") || c.has("key_file") {
		h.Cert = &certOut{
			Cert: p.secret(c.at, c.path, "cert of "+c.path, p.m.path, "client cert"),
			Key:  p.secret(c.at, c.path, "key of "+c.path, p.m.path, "client key"),
		}
	}
	c.skip("cert", "cert_file", "key", "key_file", "max_version")
	p.lost(c, "Sonde reads no files", "put the certificates into ca:", "ca_file")
	p.lost(c, "the name that is asked for is that of the URL", "use address: with the name in the URL", "server_name")
	p.rest(c)
}
