package browser

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

// failure says why a step failed, as far as it can be known: what the network said
// goes before what the page did not show.
func (t *trip) failure(ctx, looking context.Context, name string, step monitor.BrowserStep, err error, took time.Duration) *monitor.Failure {
	t.record.mu.Lock()
	crashed, greedy := t.record.crashed, t.record.greedy
	t.record.mu.Unlock()
	var missing *notYet
	switch {
	case greedy:
		return probe.Fail(monitor.FailBrowser, "%s: the page takes more than %d MiB of memory", name, maxMemory>>20)
	case crashed:
		return probe.Fail(monitor.FailBrowser, "%s: the page crashed", name)
	case errors.Is(err, errScheme):
		return probe.Fail(monitor.FailBlocked, "%s: %s", name, errScheme)
	case errors.As(err, &missing):
		return probe.Fail(monitor.FailBrowser, "%s: %s", name, missing.what)
	case strings.Contains(err.Error(), "net::"):
		return t.unreached(name, step, err)
	case ctx.Err() != nil && step.Goto != "":
		return probe.Fail(monitor.FailTimeout, "%s: the page had not loaded after %s", name, took.Round(10*time.Millisecond))
	case ctx.Err() != nil:
		asking, done := context.WithTimeout(looking, 400*time.Millisecond)
		defer done()
		return probe.Fail(monitor.FailBrowser, "%s: %s within %s", name, absent(asking, step.Click+step.Fill+step.Wait), took.Round(10*time.Millisecond))
	}
	return probe.Fail(monitor.FailBrowser, "%s: %s", name, err)
}

// kinds are failures of the network by Chromium's names (net_error_list.h).
var kinds = []struct {
	part string
	kind monitor.FailureKind
	says string
}{
	{"ERR_CERT", monitor.FailCertificate, "the certificate is not good"}, {"ERR_SSL", monitor.FailTLS, "the TLS hand-shake failed"},
	{"ERR_TOO_MANY_REDIRECTS", monitor.FailHTTP, "redirected without end"}, {"ERR_INVALID_RESPONSE", monitor.FailHTTP, "the answer is not HTTP"},
	{"ERR_INCOMPLETE_CHUNKED", monitor.FailBody, "the body broke off"}, {"ERR_CONTENT_LENGTH_MISMATCH", monitor.FailBody, "the body broke off"},
	{"ERR_EMPTY_RESPONSE", monitor.FailReset, "the connection was closed without an answer"}, {"ERR_CONNECTION_RESET", monitor.FailReset, "the connection was reset"},
	{"ERR_TIMED_OUT", monitor.FailTimeout, "no answer in time"}, {"ERR_NAME_NOT_RESOLVED", monitor.FailDNS, "the name does not resolve"},
}

// unreached is a page that could not be had. What the proxy knows of its host is
// more than what the browser was told.
func (t *trip) unreached(name string, step monitor.BrowserStep, err error) *monitor.Failure {
	t.record.mu.Lock()
	document := t.record.document
	t.record.mu.Unlock()
	for _, raw := range []string{document, step.Goto} {
		u, bad := url.Parse(raw)
		if bad != nil || u.Host == "" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
		}
		if why := t.proxy.why(u.Hostname(), port); why != nil {
			return probe.Fail(why.Kind, "%s: %s", name, why.Detail)
		}
	}
	for _, k := range kinds {
		if strings.Contains(err.Error(), k.part) {
			return probe.Fail(k.kind, "%s: %s", name, k.says)
		}
	}
	_, code, _ := strings.Cut(err.Error(), "net::")
	return probe.Fail(monitor.FailBrowser, "%s: the page could not be loaded (%s)", name, code)
}
