package importer

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/monitor"
)

// Schemes is what a URL of Start may begin with.
var Schemes = []string{"https", "http", "tcp", "tls", "dns", "ssh", "grpc", "grpcs", "ws", "wss", "icmp", "domain"}

// Beginning is a first monitors.yaml.
type Beginning struct {
	Text []byte
	IDs  []string // of its monitors, in the order of the URLs
	Only bool     // something in it can only be checked by `sonde up`: ICMP, IPv6, port 25
}

// Start makes a first monitors.yaml of URLs, with a word on what each part does.
// schema is the file name of the JSON Schema for the first line; name is that of
// the page. An error says which URL is not one, and what was expected.
func Start(urls []string, name, schema string) (*Beginning, error) {
	b := newBuilder(Options{})
	s := &source{builder: b, file: "URL"}
	out := &Beginning{}
	var entries []*entry
	for _, text := range urls {
		e, err := s.fromURL(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		d := &document{Monitors: []*entry{e}}
		if why := problem(d, monitor.Local); why != "" {
			return nil, fmt.Errorf("%s: %s", text, why)
		}
		out.Only = out.Only || problem(d, "us-east-1") != ""
		entries, out.IDs = append(entries, e), append(out.IDs, e.ID)
	}
	if len(entries) == 0 {
		return nil, errors.New("no URL is given")
	}
	if name = line(name); name == "" {
		name = "Status"
	}
	text, err := startText(entries, name, schema)
	if err != nil {
		return nil, err
	}
	if _, err := config.Load("monitors.yaml", text, config.Options{Home: monitor.Local}); err != nil {
		return nil, fmt.Errorf("the file would not be valid: %w", err)
	}
	out.Text = text
	return out, nil
}

// fromURL makes a monitor of a URL; its scheme says of which kind.
func (s *source) fromURL(text string) (*entry, error) {
	scheme, _, is := strings.Cut(text, "://")
	if !is {
		return nil, fmt.Errorf("%q is no URL: did you mean https://%s?", text, text)
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is no URL: expected one such as https://example.com/health", text)
	}
	if u.User != nil {
		return nil, fmt.Errorf("%s://%s: a password does not belong in the file: leave it out of the URL, and add auth: with ${env:NAME} to the monitor", scheme, u.Host)
	}
	e := &entry{from: s, Private: isPrivate(u.Host)}
	host := strings.TrimPrefix(u.Hostname(), "www.")
	title := u.Host
	switch kind := strings.ToLower(scheme); kind {
	case "http", "https":
		e.ID = s.id(host, host+"-"+u.Port(), host+u.Path)
		title = u.Host + strings.TrimRight(u.Path, "/")
		e.HTTP, e.Expect = &httpOut{URL: text}, []string{"status < 400"}
		if kind == "https" {
			e.Warn = []string{"cert_days > 14"}
		}
	case "tcp", "tls":
		if u.Port() == "" {
			return nil, fmt.Errorf("%s: the port is missing: expected one such as %s://%s:443", text, kind, u.Hostname())
		}
		e.ID = s.id(host + "-" + u.Port())
		if kind == "tls" {
			e.TLS, e.Warn = &tlsOut{Address: u.Host}, []string{"cert_days > 14"}
		} else {
			e.TCP = &tcpOut{Address: u.Host}
		}
	case "ssh":
		e.ID, e.SSH = s.id(host+"-ssh"), monitor.WithPort(u.Host, "22")
	case "grpc", "grpcs":
		if u.Port() == "" {
			return nil, fmt.Errorf("%s: the port is missing: expected one such as %s://%s:443", text, kind, u.Hostname())
		}
		e.ID, e.GRPC = s.id(host+"-grpc"), &grpcOut{Address: u.Host, Plaintext: kind == "grpc", Service: strings.Trim(u.Path, "/")}
	case "ws", "wss":
		e.ID, e.WebSocket = s.id(host+"-ws"), &webSocketOut{URL: text}
	case "dns":
		if err := s.startDNS(e, u); err != nil {
			return nil, err
		}
		title = "DNS of " + e.DNS.Name
	case "icmp", "ping":
		e.ID, e.ICMP = s.id(host+"-ping"), &icmpOut{Address: u.Hostname()}
		title = "Ping of " + u.Hostname()
	case "domain":
		e.ID, e.Domain, e.Warn = s.id(host+"-registration"), u.Hostname(), []string{"days > 30"}
		title = "Registration of " + u.Hostname()
	default:
		return nil, fmt.Errorf("%s: %s: URLs cannot be watched: expected one of %s", text, scheme, strings.Join(Schemes, ", "))
	}
	if title != e.ID {
		e.Name = title
	}
	return e, nil
}

// startDNS reads dns://name, dns://resolver/name and dns://name?type=MX (after
// RFC 4501).
func (s *source) startDNS(e *entry, u *url.URL) error {
	e.DNS = &dnsOut{Name: u.Hostname(), Type: strings.ToUpper(u.Query().Get("type"))}
	if name := strings.Trim(u.Path, "/"); name != "" {
		server := u.Hostname()
		if _, err := netip.ParseAddr(server); err != nil {
			return fmt.Errorf("%s: expected dns://name, or dns://IP-OF-A-RESOLVER/name", u)
		}
		if port := u.Port(); port != "" {
			server = net.JoinHostPort(server, port)
		}
		e.DNS.Name, e.DNS.Resolvers = name, []string{server}
	}
	e.Private = len(e.DNS.Resolvers) > 0 && isPrivate(u.Host) // a name is asked for, not visited
	e.ID = s.id(e.DNS.Name+"-dns", e.DNS.Name+"-dns-"+e.DNS.Type)
	return nil
}

const startHead = `# yaml-language-server: $schema=%s
#
# What Sonde watches, what the public sees, and who is told. An editor with a YAML
# language server proposes keys and marks mistakes; ` + "`sonde validate`" + ` finds them all.

`

const startSite = `
# Where checks run from on AWS; the first Region is home. On one machine it is not
# needed. With several, an outage is one only if more than half of them agree.
# locations: [us-east-1, eu-west-1, ap-southeast-1]

# For every monitor that says nothing else. These are what holds anyway.
defaults:
  every: 1m # from one check to the next
  timeout: 10s # of one check, everything included
  confirm: 2 # failing results in a row that make an outage

# What is watched. Others than http are tcp, tls, udp, ssh, dns, domain, grpc,
# websocket, icmp, browser and heartbeat (jobs that report).
# expect: a false one is down; warn: a false one is degraded. In an http monitor
# they may use status, body.any.field, text, headers, total_ms, cert_days ...
monitors:
`

const startEnd = `
# What the public sees, where it is not one monitor each:
# services:
#   - id: web
#     name: Web site
#     monitors: [%s]
#     needs: 1 # how many of its monitors must be up

# Who is told, and when: each tier has a topic of Amazon SNS, and on one machine an
# inbox on the page.
tiers:
  - id: oncall
    name: On-call
    remind: 30m # until somebody acknowledges
  # - id: customers
  #   after: 20m # of an outage
  #   impact: major # or minor, critical
  #   public: true # hears of no internal service
`

// noted says of some settings what they do, where they stand first.
func noted(text string) string {
	for setting, note := range map[string]string{
		"- status < 400":   "a web server that answers with an error is down",
		"- cert_days > 14": "a certificate that ends within two weeks",
		"private: true":    "allow private and loopback addresses",
	} {
		text = strings.Replace(text, setting+"\n", setting+" # "+note+"\n", 1)
	}
	return text
}

// startText is the file, with its comments.
func startText(entries []*entry, name, schema string) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, startHead, schema)
	site, err := encode(map[string]any{"site": siteOut{Name: name, Zone: "UTC"}})
	if err != nil {
		return nil, err
	}
	b.Write(site)
	b.WriteString(startSite)
	d := &document{Monitors: entries}
	text, err := d.text("")
	if err != nil {
		return nil, err
	}
	b.WriteString(noted(strings.TrimPrefix(string(text), "\nmonitors:\n")))
	ids := make([]string, 0, 2)
	for _, e := range entries[:min(2, len(entries))] {
		ids = append(ids, e.ID)
	}
	fmt.Fprintf(&b, startEnd, strings.Join(ids, ", "))
	return []byte(b.String()), nil
}
