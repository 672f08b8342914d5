// Package browser takes journeys through web pages in a headless Chromium, by
// chromedp. It is the one package that links chromedp: probe.Options.More takes its
// Probe.
//
// Every check has a browser of its own, with a profile that is thrown away. All
// that it asks of the network goes through a proxy of the check's own, which
// connects under the same guard as every other probe: no page, redirect or DNS
// answer leads it to an address that the monitor may not speak to. Downloads,
// permissions, WebRTC past the proxy and dialogues are denied. When the check is
// over, or its time, the browser and all its children are killed.
package browser

import (
	"context"
	"os"
	"os/exec"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

// Browser runs journeys. It may be used from several goroutines.
type Browser struct {
	path  string
	slots chan struct{} // journeys side by side
}

// names are what Chromium is called, in the order they are looked for.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless-shell"}

// Find returns the path of a Chromium: that of SONDE_CHROMIUM, or the first on the
// PATH; empty if there is none.
func Find() string {
	if path := os.Getenv("SONDE_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// New returns what runs journeys in the Chromium at path, at most so many side by
// side. With an empty path no journey is run, and its result says why.
func New(path string, sideBySide int) *Browser {
	return &Browser{path: path, slots: make(chan struct{}, max(sideBySide, 1))}
}

// Local is probe.Local and journeys, with the Chromium of this machine.
func Local() map[monitor.Kind]probe.Func {
	more := map[monitor.Kind]probe.Func{monitor.KindBrowser: New(Find(), 2).Probe}
	for kind, f := range probe.Local {
		more[kind] = f
	}
	return more
}

// Probe implements probe.Func.
func (b *Browser) Probe(ctx context.Context, m monitor.Monitor, env *probe.Env) probe.Observation {
	if b.path == "" {
		return probe.NotRun("Chromium was not found: install it, or set SONDE_CHROMIUM to its path")
	}
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return probe.NotRun("other journeys kept the browser busy")
	}
	return journey(ctx, b.path, m, env)
}
