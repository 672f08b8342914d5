package cost

import (
	"slices"
	"strings"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/schedule"
)

// Options are what a configuration does not say.
type Options struct {
	Regions   int     // check from so many Regions instead of those configured; 0: as configured
	Wait      float64 // milliseconds that the slowest target of a batch takes; 0: 300
	Views     float64 // of the status page, a month
	Incidents float64 // a month
	Readers   float64 // e-mail subscribers of each tier; 0: 10
}

// Line is one line of the bill.
type Line struct {
	Price
	Quantity float64 `json:"quantity"`
	Gross    float64 `json:"gross"` // dollars, without the free part
	Net      float64 `json:"net"`   // dollars, after the free part
}

// Bill is what a configuration costs in a month of 730 hours.
type Bill struct {
	Monitors  int     `json:"monitors"`
	Locations int     `json:"locations"`
	Checks    float64 `json:"checks"` // a month, from all locations
	Lines     []Line  `json:"lines"`
	Gross     float64 `json:"gross"`
	Net       float64 `json:"net"`
	Others    []Line  `json:"others"` // what the same checks cost elsewhere
	AsOf      string  `json:"as_of"`
}

// What a month has, and what the templates deploy.
const (
	hours        = 730
	minutes      = hours * 60
	idlePolling  = 650_000 // requests a month of an idle queue mapping (Lambda Developer Guide, "Using Lambda with Amazon SQS")
	homeAlarms   = 27      // infra/alarms.yaml
	placeAlarms  = 12      // infra/location.yaml
	trackAlarms  = 4       // infra/browser.yaml
	imageGB      = 0.5     // of it, an estimate: Debian, Chromium and fonts, compressed
	ownMetrics   = 1       // ChecksRun; the others are billed by the hour, when they are emitted
	core         = 1769.0  // MB that give one whole core (Lambda Developer Guide, "Configure Lambda function memory")
	probeMB      = 512
	browserMB    = 2048
	sweepMB      = 256
	rollupMB     = 256
	detectMB     = 256
	apiMB        = 256
	dispatchMB   = 128
	keepDays     = 14.0 // batches
	packetHeader = 40.0 // IPv4 and TCP, bytes
	perIncident  = 60.0 // write units: states, flips, evidence, time line, receipts
	messagesEach = 3.0  // a tier and incident: beginning, an update, end
)

// Monthly works out the bill.
func Monthly(cfg *monitor.Config, u Usage, opts Options) Bill {
	if opts.Wait == 0 {
		opts.Wait = 300
	}
	if opts.Readers == 0 {
		opts.Readers = 10
	}
	locations := locationsOf(cfg, opts.Regions)
	m := model{cfg: cfg, u: u, opts: opts, places: float64(len(locations)), services: float64(len(cfg.Services))}
	for _, location := range locations {
		m.add(location)
	}
	b := Bill{Monitors: len(cfg.Monitors), Locations: len(locations), Checks: m.checks, AsOf: AsOf, Lines: m.lines()}
	for _, l := range b.Lines {
		b.Gross += l.Gross
		b.Net += l.Net
	}
	b.Others = m.others()
	return b
}

// locationsOf are where checks run from: those of the file, or as many as are
// asked for.
func locationsOf(cfg *monitor.Config, regions int) []monitor.Location {
	if regions <= 0 {
		return cfg.Locations
	}
	out := make([]monitor.Location, regions)
	for i := range out {
		out[i] = cfg.Locations[min(i, len(cfg.Locations)-1)]
	}
	return out
}

type model struct {
	cfg      *monitor.Config
	u        Usage
	opts     Options
	places   float64
	services float64

	checks, batches, bytesOut   float64 // a month
	stored                      float64 // write units a month of batches
	bytes                       float64 // a month of batches
	probeGBs, detectGBs, looked float64
	journeys                    bool // there are some
}

// add counts what a location does in a month.
func (m *model) add(location monitor.Location) {
	plan := schedule.NewPlan(m.cfg, location)
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	services := map[monitor.ID]monitor.ServiceID{}
	for _, mon := range m.cfg.Monitors {
		services[mon.ID] = mon.Service
	}
	const day = 24.0
	span, times := time.Hour, float64(hours)
	if slices.ContainsFunc(m.cfg.Monitors, func(mon monitor.Monitor) bool { return mon.Every > time.Hour }) {
		span, times = day*time.Hour, hours/day
	}
	for h := time.Duration(0); h < span; h += time.Hour {
		for _, b := range plan.Due(from.Add(h), from.Add(h+time.Hour)) {
			n := float64(len(b.Monitors))
			size := m.u.Batch.Bytes.Of(n)
			m.checks += n * times
			m.batches += times
			m.bytes += size * times
			m.stored += float64(int((size+1023)/1024)) * times
			if b.Browser {
				m.journeys = true
				m.probeGBs += times * n * gbs(browserMB, m.u.Journey.CPU, m.u.Journey.Wait+2*m.u.Call)
			} else {
				m.probeGBs += times * gbs(probeMB, m.u.Batch.CPU.Of(n), m.opts.Wait+2*m.u.Call)
			}
			touched := map[monitor.ServiceID]bool{}
			for _, id := range b.Monitors {
				mon, _ := m.cfg.Monitor(id)
				m.bytesOut += m.out(mon) * times
				touched[services[id]] = true
			}
			k := float64(len(touched))
			m.looked += times * m.u.Detect.Reads.Of(k)
			m.detectGBs += times * gbs(detectMB, m.u.Detect.CPU.Of(k), m.u.Call)
		}
	}
}

func (m *model) out(mon monitor.Monitor) float64 {
	switch {
	case mon.Kind() == monitor.KindHeartbeat:
		return 0
	case mon.HTTP != nil && strings.HasPrefix(mon.HTTP.URL, "https:"):
		return m.u.HTTPS + packetHeader*m.u.Packets
	}
	return m.u.Out[mon.Kind()] + packetHeader*m.u.Packets
}

// gbs is what a run bills: memory for as long as it computes, on its share of a
// core, and waits.
func gbs(mb, cpu, wait float64) float64 {
	return mb / 1024 * (cpu*core/min(mb, core) + wait) / 1000
}

func (m *model) lines() []Line {
	u := m.u
	const sweeps, rollups = float64(minutes), float64(minutes) / 5
	tiers := float64(max(len(m.cfg.Tiers), 1))
	messages := m.opts.Incidents * tiers * messagesEach
	shards := float64(m.cfg.Shards())
	dispatches := sweeps * m.places

	compute := m.probeGBs + m.detectGBs +
		dispatches*gbs(dispatchMB, u.Dispatch.CPU.Of(m.batches/dispatches), 2*u.Call) +
		sweeps*gbs(sweepMB, u.Sweep.CPU.Of(m.services), u.Call*(8+2*shards)) +
		rollups*gbs(rollupMB, u.Rollup.CPU.Of(m.services), u.Call*(4+4*m.services)) +
		m.opts.Views*gbs(apiMB, u.View.CPU, u.Call)
	requests := m.batches + m.batches + dispatches + sweeps + rollups + m.opts.Views
	writes := m.stored + sweeps*u.Sweep.Writes.Of(m.services) + rollups*u.Rollup.Writes.Of(m.services) + m.opts.Incidents*perIncident
	interval := hours * 3600 * m.places / max(m.batches, 1) * shards
	reads := m.batches*min(u.Batch.Reads.Of(interval), 1) + m.looked + dispatches +
		sweeps*(u.Sweep.Reads.Of(m.services)+m.batchReads(3*time.Minute)) +
		rollups*(u.Rollup.Reads.Of(m.services)+m.batchReads(40*time.Minute)) + m.opts.Views*u.View.Reads
	logged := m.batches*u.Batch.Log + dispatches*u.Dispatch.Log
	browsers := 0.0 // stacks of them
	if m.journeys {
		browsers = m.places
	}
	lines := []Line{
		line(lambdaRequests, requests),
		line(lambdaCompute, compute),
		line(tableWrites, writes),
		line(tableReads, reads),
		line(tableStorage, m.bytes*keepDays/(hours/24.0)/1e9),
		line(queueRequests, (m.places+browsers)*idlePolling+m.batches*2.2), // sent by tens, received, deleted
		line(publishes, messages),
		line(emails, messages*m.opts.Readers),
		line(schedules, dispatches+sweeps+rollups),
		line(apiRequests, m.opts.Views),
		line(logs, logged/1e9),
		line(metrics, ownMetrics*m.places),
		line(alarms, homeAlarms+placeAlarms*(m.places-1)+trackAlarms*browsers),
		line(keys, m.places),
		line(dataOut, (m.bytesOut+m.opts.Views*u.View.Bytes)/1e9),
	}
	if m.journeys {
		lines = append(lines, line(images, imageGB*browsers))
	}
	return lines
}

// batchReads is what reading back the batches of a span costs: strongly
// consistent, 4 KB a unit.
func (m *model) batchReads(span time.Duration) float64 {
	return m.bytes / (hours * float64(time.Hour)) * float64(span) / 4096
}

func line(p Price, quantity float64) Line {
	return Line{Price: p, Quantity: quantity, Gross: quantity * p.Dollar, Net: max(quantity-p.Free, 0) * p.Dollar}
}

// others is what the same checks cost elsewhere: a canary run for each check,
// and a Route 53 health check for each monitor over HTTP or TCP, which checks from
// many places at once, every 30 s, and knows neither bodies, votes nor people.
func (m *model) others() []Line {
	var checks, options float64
	for _, mon := range m.cfg.Monitors {
		switch mon.Kind() {
		case monitor.KindHTTP:
			checks++
			if strings.HasPrefix(mon.HTTP.URL, "https:") {
				options++
			}
		case monitor.KindTCP:
			checks++
		}
	}
	return []Line{line(syntheticsRun, m.checks), line(healthCheck, checks), line(healthOption, options)}
}
