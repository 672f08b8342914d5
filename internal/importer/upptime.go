package importer

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// The defaults of Upptime (upptime.js.org, Configuration).
const (
	upptimeEvery   = 5 * time.Minute
	upptimeTimeout = 60 // seconds
	upptimeSSLDays = 7
)

var (
	upptimeSecret = regexp.MustCompile(`\$([A-Z_][A-Z0-9_]*)`)
	everyMinutes  = regexp.MustCompile(`^\*/(\d{1,2}) \* \* \* \*$`)
)

// upptimeFile is an .upptimerc.yml that is being read.
type upptimeFile struct {
	*source
	every time.Duration
}

// upptime reads the .upptimerc.yml of Upptime.
func (b *builder) upptime(file File) error {
	s, root, err := b.open(file, false)
	if err != nil {
		return err
	}
	o := s.object(root, "")
	if o == nil {
		return ErrNothing
	}
	u := &upptimeFile{source: s, every: upptimeEvery}
	u.schedule(o.below("workflowSchedule"))
	u.website(o.below("status-website"))
	o.objects("sites", u.site)
	o.skip("owner", "repo", "user-agent", "PAT", "delay", "i18n", "commitMessages", "commitPrefixStatusUpdate", "commitPrefixStatusClose",
		"commitPrefixSummaryJson", "runner", "summaryStartHtmlComment", "summaryEndHtmlComment", "liveStatusHtmlComment", "skipTopicsUpdate",
		"skipHomepageUpdate", "skipDescriptionUpdate", "skipDeleteIssues", "skipGeneratingWebsite", "skipPoweredByReadme", "repositoryName",
		"customStatusWebsitePackage", "customStatusWebsiteRepo", "user-agent", "api", "alwaysKeepResults")
	o.lost("nobody is assigned to an incident", "use tiers: to tell people", "assignees")
	o.lost("notifications are not carried over, and none of their addresses and keys: Sonde tells tiers, each with a topic of Amazon SNS", "subscribe people, HTTPS or chat to the topic", "notifications")
	o.lost("secrets are not kept in a repository", "set them as environment variables where the checks run", "secrets")
	o.rest()
	return nil
}

// schedule reads how often sites are checked.
func (u *upptimeFile) schedule(o *object) {
	if o == nil {
		return
	}
	o.skip("graphs", "responseTime", "staticSite", "summary", "updateTemplate", "updates", "setup")
	text := o.text("uptime")
	m := everyMinutes.FindStringSubmatch(text)
	switch {
	case m != nil && m[1] != "0" && m[1] != "00":
		n, _ := strconv.Atoi(m[1])
		u.every = time.Duration(n) * time.Minute
	case text != "":
		u.warn(o.keys["uptime"], o.join("uptime"), "set defaults: every", "checks have an interval and no cron: %s is taken", span(u.every))
	}
	o.rest()
}

func (u *upptimeFile) website(o *object) {
	if o == nil {
		return
	}
	site := &siteOut{Name: line(o.text("name"))}
	if name := o.text("cname"); name != "" {
		site.URL = "https://" + name
		u.warn(o.keys["cname"], o.join("cname"), "point it at the new page, or set site: url", "the name leads to GitHub until its DNS record is changed")
	}
	if *site != (siteOut{}) {
		u.doc.Site = site
	}
	o.skip("publish", "baseUrl", "apiBaseUrl", "userAgent", "theme", "robotsText", "singleCommit", "introTitle", "introMessage", "favicon", "faviconSvg")
	o.lost("how the page looks is not part of monitors.yaml", "", "logoUrl", "navbar", "customHeadHtml", "customBodyHtml", "customFootHtml", "themeUrl", "css", "js", "scripts", "links", "metaTags", "navbarGitHub", "stylesheets")
	o.rest()
}

// ofSecrets makes references of $NAME.
func ofSecrets(text string) string { return upptimeSecret.ReplaceAllString(text, "$${env:$1}") }

// site is one site, and becomes one monitor.
func (u *upptimeFile) site(o *object) {
	name := o.text("name")
	slugged := o.text("slug")
	if slugged == "" {
		slugged = name
	}
	e := o.entry(slugged, name)
	if e.Name = line(name); e.Name == e.ID {
		e.Name = ""
	}
	raw := ofSecrets(o.text("url"))
	address, auth := u.address(o.values["url"], o.join("url"), e.ID, raw)
	if strings.HasPrefix(address, "${") && !strings.Contains(address, "://") {
		u.warn(o.values["url"], o.join("url"), "write the URL out up to its path, https://host/${env:NAME}", "the whole URL is a secret, and a monitor must say whom it asks: %q is left out", e.ID)
		return
	}
	kind := o.text("check")
	switch kind {
	case "", "http":
		kind = "http"
		u.http(o, e, address, auth)
	case "tcp-ping":
		e.TCP = &tcpOut{Address: u.hostPort(o, address, "80")}
	case "ws":
		e.WebSocket = &webSocketOut{URL: webSocketURL(address)}
		if body := u.body(o.values["body"], o.join("body"), e.ID, ofSecrets(o.text("body"))); body != "" {
			e.WebSocket.Dialogue = []turnOut{{Send: body}}
		}
	case "ssl":
		e.TLS = &tlsOut{Address: u.hostPort(o, address, "443")}
		e.expect(o.keys["check"], o.join("check"), fmt.Sprintf("cert_days >= %d", upptimeSSLDays), monitor.KindTLS)
	default:
		u.warn(o.values["check"], o.join("check"), "", "Sonde has no check %q: %q is left out", kind, e.ID)
		return
	}
	if kind != "http" {
		o.skip("port")
		o.lost("only http has it", "", "method", "headers", "expectedStatusCodes", "maxRedirects")
	}
	u.limits(o, e)
	o.lost("Sonde checks from its own locations", "add locations: to monitors.yaml", "location")
	if text := o.text("type"); text != "" && text != "local" {
		u.warn(o.keys["type"], o.join("type"), "add locations: to monitors.yaml", "%s is not carried over: Sonde checks from its own locations", text)
	}
	o.lost("nobody is assigned to an incident", "use tiers: to tell people", "assignees")
	o.lost("a service has one group, and no tags", "use services: with group", "tags")
	o.lost("the page has no icons", "", "icon")
	o.skip("verbose", "maxRetries")
	o.rest()
	u.add(e)
}

// limits is how long a check may take, and from when it is slow.
func (u *upptimeFile) limits(o *object, e *entry) {
	kind := monitor.KindHTTP
	switch {
	case e.TCP != nil:
		kind = monitor.KindTCP
	case e.TLS != nil:
		kind = monitor.KindTLS
	case e.WebSocket != nil:
		kind = monitor.KindWebSocket
	}
	if ms := o.number("maxResponseTime", 0); ms > 0 && ms < 60_000 {
		e.warnOf(o.values["maxResponseTime"], o.join("maxResponseTime"), fmt.Sprintf("total_ms < %d", ms), kind)
	}
	timeout := o.number("requestTimeout", upptimeTimeout)
	o.skip("connectTimeout")
	e.times(u.every, time.Duration(timeout)*time.Second)
	host := ""
	switch {
	case e.HTTP != nil:
		host = hostOf(e.HTTP.URL)
	case e.TCP != nil:
		host = e.TCP.Address
	case e.TLS != nil:
		host = e.TLS.Address
	case e.WebSocket != nil:
		host = hostOf(e.WebSocket.URL)
	}
	e.reach(host)
}

// hostOf is the host of a URL, with its port.
func hostOf(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		rest = rest[:at]
	}
	return rest
}

// hostPort is the address of a site that is no URL, or is one.
func (u *upptimeFile) hostPort(o *object, address, usual string) string {
	host := address
	if strings.Contains(address, "://") {
		host = hostOf(address)
		if parsed, err := url.Parse(address); err == nil && parsed.Scheme == "https" {
			usual = "443"
		}
	}
	host = strings.TrimSuffix(host, "/")
	port := o.text("port")
	if h, p, err := net.SplitHostPort(host); err == nil {
		host = h
		if port == "" {
			port = p
		}
	}
	if port == "" {
		port = usual
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// webSocketURL is an address with the scheme of WebSockets.
func webSocketURL(address string) string {
	switch {
	case strings.HasPrefix(address, "http"):
		return "ws" + strings.TrimPrefix(address, "http")
	case !strings.Contains(address, "://"):
		return "wss://" + address
	}
	return address
}
