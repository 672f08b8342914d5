package importer

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// kumaFile is a list of monitors of Uptime Kuma that is being read.
type kumaFile struct {
	*source
	parents map[string]*object // by id
	remind  time.Duration
}

// kuma reads the JSON backup of Uptime Kuma 1.x, and the lists of monitors that
// its API of 1.x and 2.x gives (get_monitors of uptime-kuma-api).
func (b *builder) kuma(file File) error {
	s, root, err := b.open(file, true)
	if err != nil {
		return err
	}
	k := &kumaFile{source: s, parents: map[string]*object{}}
	monitors, path := k.monitors(root)
	if monitors == nil {
		return fmt.Errorf("%s: %w: expected a backup with monitorList, or a list of monitors", file.Name, ErrNothing)
	}
	var all []*object
	s.each(monitors, path, func(o *object) {
		all = append(all, o)
		k.parents[o.text("id")] = o
	})
	for _, o := range all {
		k.monitor(o)
	}
	if k.remind > 0 && len(b.doc.Tiers) == 0 {
		b.doc.Tiers = append(b.doc.Tiers, &tierOut{ID: "oncall", Name: "On-call", Remind: span(min(max(k.remind, time.Minute), 7*24*time.Hour))})
	}
	return nil
}

// each calls for every mapping of a list, or of a mapping by id.
func (s *source) each(n *yaml.Node, path string, call func(*object)) {
	for i, one := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				continue
			}
			at = path + "." + n.Content[i-1].Value
		}
		if o := s.object(one, strings.TrimPrefix(at, ".")); o != nil {
			call(o)
		}
	}
}

// monitors finds the list in a file.
func (k *kumaFile) monitors(root *yaml.Node) (*yaml.Node, string) {
	if root.Kind == yaml.SequenceNode {
		return root, ""
	}
	if root.Kind != yaml.MappingNode {
		return nil, ""
	}
	o := k.object(root, "")
	list, path := (*yaml.Node)(nil), ""
	for _, key := range []string{"monitorList", "monitors"} {
		if n := o.take(key); n != nil && n.Kind != yaml.ScalarNode {
			list, path = n, key
		}
	}
	if list == nil { // by id
		for _, name := range o.names {
			if _, err := strconv.Atoi(name); err != nil {
				return nil, ""
			}
		}
		return root, ""
	}
	o.skip("version")
	k.others(o, "notificationList", "notification", "Sonde tells tiers, each with a topic of Amazon SNS", "subscribe people, HTTPS or chat to the topic")
	k.others(o, "proxyList", "proxy", "Sonde goes straight to its targets", "run `sonde up` where the target can be reached")
	o.rest()
	return list, path
}

// others warns of what stands beside the monitors.
func (k *kumaFile) others(o *object, key, what, why, hint string) {
	n := o.take(key)
	if n == nil {
		return
	}
	k.each(n, key, func(one *object) {
		name := one.text("name")
		if name == "" {
			name = one.text("id")
		}
		k.warn(one.at, one.path, hint, "the %s %q is not carried over: %s", what, name, why)
	})
}

// beside is what a monitor holds of other kinds, of its last results, and of the
// looks of Kuma.
var kumaBeside = strings.Fields(`id name type url hostname port method headers body httpBodyEncoding interval retryInterval maxretries resendInterval timeout
	keyword invertKeyword jsonPath jsonPathOperator expectedValue accepted_statuscodes accepted_statuscodes_json ignoreTls upsideDown maxredirects expiryNotification
	dns_resolve_type dns_resolve_server dns_last_result authMethod basic_auth_user basic_auth_pass authDomain authWorkstation
	oauth_client_id oauth_client_secret oauth_token_url oauth_scopes oauth_auth_method oauth_audience bearer_token tlsCert tlsKey tlsCa
	grpcUrl grpcServiceName grpcEnableTls grpcMethod grpcProtobuf grpcBody grpcMetadata pushToken parent childrenIDs tags notificationIDList active forceInactive
	weight ipFamily description packetSize path pathName user_id created_date maintenance screenshot includeSensitiveData remote_browser remoteBrowsersToggle
	docker_container docker_host mqttTopic mqttSuccessMessage mqttUsername mqttPassword mqttCheckType mqttWebsocketPath databaseConnectionString databaseQuery
	radiusUsername radiusPassword radiusSecret radiusCalledStationId radiusCallingStationId game gamedigGivenPortOnly kafkaProducerBrokers kafkaProducerTopic
	kafkaProducerMessage kafkaProducerSsl kafkaProducerSaslOptions kafkaProducerAllowAutoTopicCreation snmpOid snmpVersion snmp_v3_username rabbitmqNodes rabbitmqUsername rabbitmqPassword
	smtpSecurity wsSubprotocol wsIgnoreSecWebsocketAcceptHeader ping_count ping_numeric ping_per_request_timeout humanReadableInterval globalpingTime
	domainExpiryNotification retryOnlyOnStatusCodeFailure retry_only_on_status_code_failure manual_status uptime heartbeat avgPing saveResponse saveErrorResponse responseMaxLength certInfo expected_tls_alert`)

// monitor makes one of one.
func (k *kumaFile) monitor(o *object) {
	kind, name := o.text("type"), o.text("name")
	if kind == "group" {
		return // a heading on the page
	}
	e := o.entry(name)
	if !k.kind(o, e, kind) {
		return
	}
	if o.truth("upsideDown") {
		k.warn(o.keys["upsideDown"], o.join("upsideDown"), "write an expectation of what is right", "Sonde turns no verdict around: %q is left out", e.ID)
		return
	}
	e.description = o.text("description")
	if p := k.parents[o.text("parent")]; p != nil && o.text("parent") != "" {
		e.group = p.text("name")
	}
	active := o.text("active")
	e.Paused = active == "false" || active == "0"
	k.times(o, e)
	if n := o.values["tags"]; n != nil && o.has("tags") {
		k.once("tags", o.keys["tags"], o.join("tags"), "use services: with group", "tags are not carried over, here and elsewhere")
	}
	o.lost("Sonde goes straight to its targets", "run `sonde up` where the target can be reached", "proxyId")
	o.lost("conditions are not carried over", "write them by hand into expect:", "conditions")
	o.lost("a URL is asked for as it is", "", "cacheBust")
	o.skip(kumaBeside...)
	o.rest()
	k.add(e)
	if e.HTTP != nil && o.truth("domainExpiryNotification") {
		k.registration(o, hostOf(e.HTTP.URL), 14)
	}
}

// times is interval, timeout, retries and reminders.
func (k *kumaFile) times(o *object, e *entry) {
	every := seconds(o.number("interval", 60))
	if again := o.number("resendInterval", 0); again > 0 && again < 10_000 {
		if each := every * time.Duration(again); k.remind == 0 || each < k.remind {
			k.remind = each
		}
	}
	if e.Heartbeat != nil {
		return
	}
	timeout := o.number("timeout", 0)
	if timeout <= 0 {
		timeout = 10
	}
	e.times(every, min(seconds(timeout), every))
	e.Confirm = bounded(o.number("maxretries", 0)+1, 1, 10, 2)
	if retry := seconds(o.number("retryInterval", 60)); retry != every && retry > 0 && retry <= time.Minute {
		e.Recheck = span(retry)
	}
}

func seconds(n int) time.Duration { return time.Duration(min(max(n, 0), 1e8)) * time.Second }

// kind reads what the type of a monitor says, and reports whether there is such a
// monitor.
func (k *kumaFile) kind(o *object, e *entry, kind string) bool {
	host, port := o.text("hostname"), o.text("port")
	at := net.JoinHostPort(strings.Trim(host, "[]"), port)
	switch kind {
	case "http", "keyword", "json-query":
		k.http(o, e, kind)
		return true
	case "real-browser":
		e.Browser, _ = k.address(o.values["url"], o.join("url"), e.ID, o.text("url"))
		return true
	case "port":
		e.TCP = &tcpOut{Address: at}
	case "ping", "tailscale-ping":
		e.ICMP = &icmpOut{Address: strings.Trim(host, "[]"), Family: familyOf(o.text("ipFamily"))}
		if n := o.number("ping_count", 0); n > 0 && n <= 20 {
			e.ICMP.Count = n
		}
	case "dns":
		k.dns(o, e, host, port)
	case "push":
		k.push(o, e)
	case "grpc-keyword":
		k.grpc(o, e)
		host = e.GRPC.Address
	case "websocket-upgrade":
		u, _ := k.address(o.values["url"], o.join("url"), e.ID, o.text("url"))
		e.WebSocket = &webSocketOut{URL: u}
		host = hostOf(u)
		if p := o.text("wsSubprotocol"); p != "" {
			e.WebSocket.Subprotocols = strings.FieldsFunc(p, func(r rune) bool { return r == ',' || r == ' ' })
		}
	case "smtp":
		k.smtp(o, e, at)
	case "redis", "postgres", "mysql", "sqlserver", "mongodb":
		return k.database(o, e, kind)
	case "mqtt", "rabbitmq", "steam", "gamedig", "radius", "snmp", "ntp", "kafka-producer", "docker", "manual", "globalping", "":
		return k.other(o, e, kind, host, port)
	default:
		k.warn(o.values["type"], o.join("type"), "", "Sonde has no monitor of the type %q: %q is left out", kind, e.ID)
		return false
	}
	switch {
	case e.DNS != nil:
		e.reachResolvers()
	case e.Heartbeat == nil:
		e.reach(host)
	}
	return true
}

func familyOf(text string) string {
	switch text {
	case "ipv4", "4":
		return "ipv4"
	case "ipv6", "6":
		return "ipv6"
	}
	return ""
}
