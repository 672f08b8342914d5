package config

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

// file is a monitors.yaml as it stands, before defaults and references.
type file struct {
	site      monitor.Site
	locations []named
	defaults  settings
	monitors  []entry
	services  []service
	tiers     []tier
	hasTiers  bool
	plans     []plan
	rehearsal *monitor.Rehearsal
	rehearse  named // its cron
	rehearsed []named
}

// named is an id or a reference, with where it stands.
type named struct {
	name string
	node *yaml.Node
	path string
}

// settings are what a monitor may leave to the defaults.
type settings struct {
	every, timeout, recheck *time.Duration
	confirm, recover        *int
	window                  *int // with confirm: of so many
	flapping                *monitor.Flap
	expiry                  *[]int
	quorum                  *int
	private                 *bool
	everyNode, timeoutNode  *yaml.Node
	quorumNode              *yaml.Node
}

// entry is one monitor.
type entry struct {
	id named
	settings
	m         monitor.Monitor
	locations []named
	expect    []named
	warn      []named
	kinds     []named // those that are set; exactly one is right
}

type service struct {
	id        named
	s         monitor.Service
	monitors  []named
	dependsOn []named
	needs     *int
	needsNode *yaml.Node
	overrides []named // the tiers that have other settings for it
}

type tier struct {
	id       named
	t        monitor.Tier
	holdNode *yaml.Node

	eventsNode  *yaml.Node
	machineNode *yaml.Node
	nagNode     *yaml.Node
}

var fileKeys = keys[file]{
	{"$schema", "where the JSON Schema of this file is, for editors", func(r *reader, c cursor, _ *file) { var s string; r.text(c, &s) }},
	{"site", "what the status page says about itself", func(r *reader, c cursor, f *file) {
		r.mapping(c.node, c.path, func(c cursor) { siteKeys.read(r, c, f) })
	}},
	{"locations", "where checks run from: AWS Regions; the first is the home of the table", func(r *reader, c cursor, f *file) { f.locations = r.names(c) }},
	{"defaults", "settings of every monitor that has none of its own", func(r *reader, c cursor, f *file) {
		r.mapping(c.node, c.path, func(c cursor) { defaultKeys.read(r, c, &f.defaults) })
	}},
	{"monitors", "what is watched", func(r *reader, c cursor, f *file) {
		r.list(c, false, func(c cursor) {
			e := entry{id: named{node: c.node, path: c.path}}
			if r.mapping(c.node, c.path, func(c cursor) { monitorKeys.read(r, c, &e) }) {
				f.monitors = append(f.monitors, e)
			}
		})
	}},
	{"services", "what the public sees: one or more monitors each", func(r *reader, c cursor, f *file) {
		r.list(c, false, func(c cursor) {
			s := service{id: named{node: c.node, path: c.path}}
			if r.mapping(c.node, c.path, func(c cursor) { serviceKeys.read(r, c, &s) }) {
				f.services = append(f.services, s)
			}
		})
	}},
	{"tiers", "who is told, and when", func(r *reader, c cursor, f *file) {
		f.hasTiers = true
		r.list(c, false, func(c cursor) {
			t := tier{id: named{node: c.node, path: c.path}, t: monitor.Tier{Impact: monitor.ImpactMinor}}
			if r.mapping(c.node, c.path, func(c cursor) { tierKeys.read(r, c, &t) }) {
				f.tiers = append(f.tiers, t)
			}
		})
	}},
	{"rehearse", "when the way to people is tried: cron, time_zone, tiers", func(r *reader, c cursor, f *file) { f.readRehearsal(r, c) }},
	{"maintenance", "planned work: mutes alerts, and does not count as downtime", func(r *reader, c cursor, f *file) { f.readMaintenance(r, c) }},
}

var siteKeys = keys[file]{
	{"name", "the name on the page and in messages", func(r *reader, c cursor, f *file) { r.text(c, &f.site.Name) }},
	{"url", "where the page is served to the public", func(r *reader, c cursor, f *file) { r.webURL(c, &f.site.URL) }},
	{"time_zone", "IANA time zone of the page, of days and of months", func(r *reader, c cursor, f *file) { r.zone(c, &f.site.TimeZone) }},
	{"embed", "origins whose pages may show /embed in a frame; any by default", func(r *reader, c cursor, f *file) { r.origins(c, &f.site.Embed) }},
}

// Bounds of settings.
const (
	maxEvery   = 24 * time.Hour
	maxTimeout = time.Minute
	maxRecheck = time.Minute
	maxRuns    = 10
	maxQuorum  = 40
)

func (s *settings) readEvery(r *reader, c cursor) {
	var d time.Duration
	r.duration(c, &d, monitor.MinEvery, maxEvery)
	if d%time.Second != 0 {
		r.report(c.node, c.path, "", "an interval is in whole seconds, found %s", d)
	}
	if d > 0 {
		s.every, s.everyNode = &d, c.node
	}
}

func durationKey(r *reader, c cursor, least, most time.Duration) *time.Duration {
	d := time.Duration(-1)
	r.duration(c, &d, least, most)
	if d < 0 {
		return nil
	}
	return &d
}

func integerKey(r *reader, c cursor, least, most int) *int {
	v := least - 1
	r.integer(c, &v, least, most)
	if v < least {
		return nil
	}
	return &v
}

var defaultKeys = keys[settings]{
	{"every", "from one check to the next; 1m by default, at least 5s", func(r *reader, c cursor, s *settings) { s.readEvery(r, c) }},
	{"timeout", "of one check, everything included; 10s by default", func(r *reader, c cursor, s *settings) {
		s.timeout, s.timeoutNode = durationKey(r, c, 100*time.Millisecond, maxTimeout), c.node
	}},
	{"confirm", "failing results in a row that make an outage, or x of y such as 3 of 5; 2 by default", func(r *reader, c cursor, s *settings) { s.readConfirm(r, c) }},
	{"recover", "good results in a row that end it; 2 by default", func(r *reader, c cursor, s *settings) { s.recover = integerKey(r, c, 1, maxRuns) }},
	{"recheck", "the wait before a re-check is repeated; 3s by default", func(r *reader, c cursor, s *settings) { s.recheck = durationKey(r, c, 0, maxRecheck) }},
	{"quorum", "how many locations must agree; more than half by default", func(r *reader, c cursor, s *settings) {
		s.quorum, s.quorumNode = integerKey(r, c, 1, maxQuorum), c.node
	}},
	{"flapping", "after how many changes within how long it is said to flap, or off; 6 within 30m by default", func(r *reader, c cursor, s *settings) { s.readFlapping(r, c) }},
	{"expiry", "how many days before a certificate or registration ends people are told, or off; 30, 14, 7, 3 and 1 by default", func(r *reader, c cursor, s *settings) { s.readExpiry(r, c) }},
	{"private", "allow private and loopback addresses", func(r *reader, c cursor, s *settings) { v := false; r.boolean(c, &v); s.private = &v }},
}

var monitorKeys = append(keys[entry]{
	{"id", "unique name: lower-case letters, digits, hyphens", func(r *reader, c cursor, e *entry) { e.id = r.id(c) }},
	{"name", "for people; the id by default", func(r *reader, c cursor, e *entry) { r.text(c, &e.m.Name) }},
	{"locations", "where it is checked from; all locations by default", func(r *reader, c cursor, e *entry) { e.locations = r.names(c) }},
	{"paused", "not checked", func(r *reader, c cursor, e *entry) { r.boolean(c, &e.m.Paused) }},
	{"shadow", "checked and shown, and counts for nothing: an old address, or a new one on trial", func(r *reader, c cursor, e *entry) { r.boolean(c, &e.m.Shadow) }},
	{"expect", "expressions; a false one is down", func(r *reader, c cursor, e *entry) { e.expect = r.names(c) }},
	{"warn", "expressions; a false one is degraded", func(r *reader, c cursor, e *entry) { e.warn = r.names(c) }},
	{"http", "asks for a URL", func(r *reader, c cursor, e *entry) { e.readHTTP(r, c) }},
	{"tcp", "opens a connection, and may hold a dialogue", func(r *reader, c cursor, e *entry) { e.readTCP(r, c) }},
	{"tls", "shakes hands and judges the certificate", func(r *reader, c cursor, e *entry) { e.readTLS(r, c) }},
	{"udp", "sends a datagram and waits for one", func(r *reader, c cursor, e *entry) { e.readUDP(r, c) }},
	{"ssh", "reads the banner and the host key", func(r *reader, c cursor, e *entry) { e.readSSH(r, c) }},
	{"dns", "asks for a name", func(r *reader, c cursor, e *entry) { e.readDNS(r, c) }},
	{"domain", "asks the registry until when a name is registered", func(r *reader, c cursor, e *entry) { e.readDomain(r, c) }},
	{"grpc", "asks a gRPC server for its health", func(r *reader, c cursor, e *entry) { e.readGRPC(r, c) }},
	{"websocket", "opens a WebSocket, and may hold a dialogue", func(r *reader, c cursor, e *entry) { e.readWebSocket(r, c) }},
	{"icmp", "sends echo requests; not from Lambda", func(r *reader, c cursor, e *entry) { e.readICMP(r, c) }},
	{"browser", "takes a journey through a web page, as a visitor would", func(r *reader, c cursor, e *entry) { e.readBrowser(r, c) }},
	{"heartbeat", "expects to be pinged", func(r *reader, c cursor, e *entry) { e.readHeartbeat(r, c) }},
}, ofSettings(defaultKeys)...)

// ofSettings makes the defaults' keys those of a monitor.
func ofSettings(from keys[settings]) keys[entry] {
	var out keys[entry]
	for _, k := range from {
		out = append(out, key[entry]{k.name, k.doc, func(r *reader, c cursor, e *entry) { k.read(r, c, &e.settings) }})
	}
	return out
}

var serviceKeys = keys[service]{
	{"id", "unique name: lower-case letters, digits, hyphens", func(r *reader, c cursor, s *service) { s.id = r.id(c) }},
	{"name", "for people; the id by default", func(r *reader, c cursor, s *service) { r.text(c, &s.s.Name) }},
	{"description", "one sentence for the page", func(r *reader, c cursor, s *service) { r.text(c, &s.s.Description) }},
	{"group", "heading that it stands under on the page", func(r *reader, c cursor, s *service) { r.text(c, &s.s.Group) }},
	{"monitors", "ids of its monitors", func(r *reader, c cursor, s *service) { s.monitors = r.names(c) }},
	{"needs", "how many of its monitors must be up; all by default", func(r *reader, c cursor, s *service) {
		s.needs, s.needsNode = integerKey(r, c, 1, maxServiceMonitors), c.node
	}},
	{"depends_on", "services without which it cannot work", func(r *reader, c cursor, s *service) { s.dependsOn = r.names(c) }},
	{"check_from_browser", "what \"Am I affected?\" lets a visitor's browser try", func(r *reader, c cursor, s *service) { s.readBrowser(r, c) }},
	{"internal", "not on the public page, not told to public tiers", func(r *reader, c cursor, s *service) { r.boolean(c, &s.s.Internal) }},
	{"tiers", "what of a tier's settings is another for this service: after, impact, never", func(r *reader, c cursor, s *service) { s.readOverrides(r, c) }},
}

const maxAfter = 7 * 24 * time.Hour

var tierKeys = keys[tier]{
	{"id", "unique name: lower-case letters, digits, hyphens", func(r *reader, c cursor, t *tier) { t.id = r.id(c) }},
	{"name", "for people; the id by default", func(r *reader, c cursor, t *tier) { r.text(c, &t.t.Name) }},
	{"after", "how long after the beginning it is told; at once by default", func(r *reader, c cursor, t *tier) { r.duration(c, &t.t.After, 0, maxAfter) }},
	{"impact", "the least impact it hears of: minor, major or critical; minor by default", func(r *reader, c cursor, t *tier) {
		r.choice(c, (*string)(&t.t.Impact), string(monitor.ImpactMinor), string(monitor.ImpactMajor), string(monitor.ImpactCritical))
	}},
	{"remind", "repeat until acknowledged; never by default", func(r *reader, c cursor, t *tier) { r.duration(c, &t.t.Remind, time.Minute, maxAfter) }},
	{"public", "customers: hears of no internal service", func(r *reader, c cursor, t *tier) { r.boolean(c, &t.t.Public) }},
	{"hold", "how long a message to a public tier waits for an operator", func(r *reader, c cursor, t *tier) {
		r.duration(c, &t.t.Hold, 0, maxAfter)
		t.holdNode = c.node
	}},
	{"chat", "its messages are for Slack, Teams or Chime, by Amazon Q Developer in chat applications", func(r *reader, c cursor, t *tier) { r.boolean(c, &t.t.Chat) }},
	{"machine", "its messages are for programs such as PagerDuty, which open and close an alarm for each incident: no digests", func(r *reader, c cursor, t *tier) {
		r.boolean(c, &t.t.Machine)
		t.machineNode = c.node
	}},
	{"nag", "remind it once that nobody outside has been told of a major incident for so long, or off; by default for tiers that are told at once, where there is a public one: 30m, or 10m after that is told", func(r *reader, c cursor, t *tier) { t.readNag(r, c) }},
	{"quiet", "hours in which lesser impacts wait: from, to, time_zone, below", func(r *reader, c cursor, t *tier) { t.readQuiet(r, c) }},
	{"events", "what it hears of: opened, escalated, reminder, updated, resolved, maintenance; by default all about incidents, and maintenance if it is public", func(r *reader, c cursor, t *tier) { t.readEvents(r, c) }},
}
