package importer

import (
	"net"
	"net/url"
	"strings"
	"time"
)

func (k *kumaFile) dns(o *object, e *entry, host, port string) {
	d := &dnsOut{Name: strings.TrimSuffix(host, "."), Type: strings.ToUpper(o.text("dns_resolve_type"))}
	if d.Type == "A" {
		d.Type = ""
	}
	e.DNS = d
	for _, server := range strings.FieldsFunc(o.text("dns_resolve_server"), func(r rune) bool { return r == ',' || r == ' ' }) {
		if port != "" && port != "53" {
			server = net.JoinHostPort(strings.Trim(server, "[]"), port)
		}
		address, ok := resolverOf(server)
		if !ok {
			k.warn(o.values["dns_resolve_server"], o.join("dns_resolve_server"), "give its IP address in resolvers:", "a resolver is an IP address: %q is not carried over", server)
			continue
		}
		d.Resolvers = append(d.Resolvers, address)
	}
	if len(d.Resolvers) > 1 {
		d.Needs = "any" // Kuma asks the next one when one is silent
	}
}

// push is a heartbeat. Kuma waits for as many intervals as it retries.
func (k *kumaFile) push(o *object, e *entry) {
	every := max(seconds(o.number("interval", 60)), time.Second)
	e.Heartbeat = &heartbeatOut{Every: span(min(every, 366*24*time.Hour))}
	if retries := o.number("maxretries", 0); retries > 0 && retries < 1000 {
		e.Heartbeat.Grace = span(min(time.Duration(retries)*seconds(o.number("retryInterval", 60)), 366*24*time.Hour))
	}
	k.once("token", o.at, o.path, "make a new token with `sonde heartbeat "+e.ID+"`, and let the job ping /ping/TOKEN",
		"push tokens are not carried over, and the address to ping is another")
}

func (k *kumaFile) grpc(o *object, e *entry) {
	target := o.text("grpcUrl")
	if at := strings.Index(target, "://"); at >= 0 {
		target = target[at+3:]
	}
	e.GRPC = &grpcOut{Address: strings.TrimSuffix(target, "/"), Plaintext: !o.truth("grpcEnableTls")}
	k.warn(o.keys["type"], o.join("type"), "set service: if the server tells the health of several; a job that makes the call can be a heartbeat",
		"Sonde asks grpc.health.v1.Health/Check: method, message and keyword are not carried over")
}

func (k *kumaFile) smtp(o *object, e *entry, at string) {
	switch o.text("smtpSecurity") {
	case "secure":
		e.TLS = &tlsOut{Address: at}
	case "starttls":
		e.TLS = &tlsOut{Address: at, StartTLS: "smtp"}
	default:
		e.TCP = &tcpOut{Address: at, Dialogue: []turnOut{{Expect: "^220 "}, {Send: "QUIT\r\n", Expect: "^221 "}}}
	}
}

// databasePorts is where databases listen if nothing else is said.
var databasePorts = map[string]string{"redis": "6379", "postgres": "5432", "mysql": "3306", "sqlserver": "1433", "mongodb": "27017"}

// database is a connection to one; only Redis is spoken to.
func (k *kumaFile) database(o *object, e *entry, kind string) bool {
	text := o.text("databaseConnectionString")
	host, password := "", ""
	if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
		host = net.JoinHostPort(u.Hostname(), orText(u.Port(), databasePorts[kind]))
		password, _ = u.User.Password()
	} else if kind == "sqlserver" { // Server=host,port;Password=...
		for pair := range strings.SplitSeq(text, ";") {
			if name, value, is := strings.Cut(pair, "="); is && strings.EqualFold(strings.TrimSpace(name), "server") {
				h, p, _ := strings.Cut(strings.TrimSpace(value), ",")
				host = net.JoinHostPort(h, orText(p, databasePorts[kind]))
			}
		}
	}
	if host == "" {
		k.warn(o.keys["databaseConnectionString"], o.join("databaseConnectionString"), "write a tcp monitor by hand", "no host is found in the connection string: %q is left out", e.ID)
		return false
	}
	e.TCP = &tcpOut{Address: host}
	e.reach(host)
	if kind != "redis" {
		k.warn(o.keys["type"], o.join("type"), "let a job that asks the database be a heartbeat", "Sonde asks no database: that %s takes connections is all that %q says", host, e.ID)
		return true
	}
	e.TCP.TLS = strings.HasPrefix(text, "rediss:")
	if password != "" {
		e.TCP.Dialogue = append(e.TCP.Dialogue, turnOut{Send: "AUTH " + k.secret(o.values["databaseConnectionString"], o.join("databaseConnectionString"), password, e.ID, "password") + "\r\n", Expect: `^\+OK`})
	}
	e.TCP.Dialogue = append(e.TCP.Dialogue, turnOut{Send: "PING\r\n", Expect: `^\+PONG`})
	return true
}

func orText(text, usual string) string {
	if text == "" {
		return usual
	}
	return text
}

// other is what Sonde has no monitor for; that a port answers can be said of some.
func (k *kumaFile) other(o *object, e *entry, kind, host, port string) bool {
	if kind == "mqtt" {
		if _, rest, is := strings.Cut(host, "://"); is {
			host = rest
		}
		e.TCP = &tcpOut{Address: net.JoinHostPort(strings.Trim(host, "[]"), orText(port, "1883"))}
		e.reach(host)
		k.warn(o.keys["type"], o.join("type"), "let a subscriber be a heartbeat", "Sonde subscribes to no topic: that %s takes connections is all that %q says", e.TCP.Address, e.ID)
		return true
	}
	hint := "a job that checks it can be a heartbeat monitor"
	if kind == "docker" {
		hint = "watch what the container serves, or let it report: a heartbeat monitor"
	}
	k.warn(o.values["type"], o.join("type"), hint, "Sonde has no monitor of the type %q: %q is left out", kind, e.ID)
	return false
}
