package probe

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe/expect"
)

// Probes is the kinds of monitors and what runs them.
var Probes = map[monitor.Kind]Func{
	monitor.KindHTTP:      probeHTTP,
	monitor.KindTCP:       probeTCP,
	monitor.KindTLS:       probeTLS,
	monitor.KindUDP:       probeUDP,
	monitor.KindSSH:       probeSSH,
	monitor.KindDNS:       probeDNS,
	monitor.KindDomain:    probeDomain,
	monitor.KindGRPC:      probeGRPC,
	monitor.KindWebSocket: probeWebSocket,
	monitor.KindHeartbeat: probeHeartbeat,
}

// Options bound an engine.
type Options struct {
	// Concurrency is how many checks run side by side in one Run; by default
	// 64 for each core.
	Concurrency int

	// More is probes that not every machine can run, by kind: they go before
	// those of Probes. What a function does not name here, it does not link.
	More map[monitor.Kind]Func
}

// margin is what is left before a deadline to write results.
const margin = 500 * time.Millisecond

// Engine runs checks. It may be used from several goroutines.
type Engine struct {
	env      Env
	slots    int
	more     map[monitor.Kind]Func
	pace     pacer
	mu       sync.Mutex
	programs map[programKey]compiled
}

type programKey struct {
	source string
	kind   monitor.Kind
	value  bool // it may give anything
}

type compiled struct {
	program *expect.Program
	err     error
}

// maxPrograms bounds the cache of compiled expectations.
const maxPrograms = 10_000

// New returns an engine.
func New(env Env, opts Options) *Engine {
	if opts.Concurrency <= 0 {
		opts.Concurrency = 64 * runtime.GOMAXPROCS(0)
	}
	e := &Engine{env: env, slots: opts.Concurrency, more: opts.More, pace: pacer{slots: opts.Concurrency}, programs: map[programKey]compiled{}}
	e.env.tokens = &tokens{}
	e.env.judge = e.judge
	e.env.save = func(source string) (*expect.Program, error) {
		return e.program(programKey{source: source, kind: monitor.KindHTTP, value: true})
	}
	return e
}

// Run runs checks side by side, as many as the machine can do without measuring
// itself. Every check has exactly one result, in order; one that there is no time
// for before ctx's deadline is not run. A verdict against a target that the
// prober's own slowness may have caused is made again, alone; if it cannot be
// made, the check is not run, and busy.
func (e *Engine) Run(ctx context.Context, checks []monitor.Check) []monitor.Result {
	defer e.pace.begin()()
	ctx = withNames(ctx)
	results := make([]monitor.Result, len(checks))
	doubtful := make([]bool, len(checks))
	all := make([]int, len(checks))
	for i := range all {
		all[i] = i
	}
	e.run(ctx, e.slots, all, checks, results, doubtful)
	for range reruns {
		var again []int
		for i, is := range doubtful {
			if is {
				again = append(again, i)
			}
		}
		e.run(ctx, 1, again, checks, results, doubtful)
	}
	for i, is := range doubtful {
		if is {
			results[i] = busy(results[i])
		}
	}
	return results
}

// reruns is how often a doubtful check is made again.
const reruns = 2

// run runs some of the checks, so many side by side. Whoever has ended a check
// takes the next one itself, when the pacer admits it.
func (e *Engine) run(ctx context.Context, side int, some []int, checks []monitor.Check, results []monitor.Result, doubtful []bool) {
	var gate sync.Mutex
	next := func() (i int, ok bool) {
		gate.Lock()
		defer gate.Unlock()
		if len(some) == 0 {
			return 0, false
		}
		e.pace.admit(ctx)
		i, some = some[0], some[1:]
		return i, true
	}
	var workers sync.WaitGroup
	for range min(side, len(some)) {
		workers.Go(func() {
			for i, ok := next(); ok; i, ok = next() {
				results[i], doubtful[i] = e.check(ctx, checks[i])
			}
		})
	}
	workers.Wait()
}

// busy is a result that says nothing of its target.
func busy(r monitor.Result) monitor.Result {
	why := fmt.Sprintf("the prober was busy for %s of this check, and found: %s", r.Timing.Delay.Round(time.Millisecond), r.Failure.Detail)
	r.Outcome, r.Failure = monitor.OutcomeNotRun, &monitor.Failure{Kind: monitor.FailBusy, Detail: printable(why, maxDetail)}
	return r
}

// check runs one check within its budget. Fetching secrets comes before, and is
// no part of the time that the target took. It reports whether the verdict is
// doubtful: the prober's own delay could have caused it.
func (e *Engine) check(ctx context.Context, c monitor.Check) (r monitor.Result, doubtful bool) {
	m, secrets, missing := c.Monitor, []string(nil), error(nil)
	if e.budget(ctx, m) > 0 {
		m, secrets, missing = resolve(ctx, m, &e.env)
	}
	started, watch := e.env.Now(), time.Now()
	budget := e.budget(ctx, m)
	var o Observation
	switch f, known := e.probe(m.Kind()); {
	case budget <= 0:
		o = notRun("no time was left before the deadline of this run")
	case missing != nil:
		o = notRun(printable(missing.Error(), maxDetail))
		m = m.Fill(func(text string) string { // the name of a secret is none
			return monitor.Expand(text, func(Reference) string { return "" })
		})
	case !known:
		o = notRun(unknown(m.Kind()))
	default:
		o = e.guarded(ctx, f, m, secrets, budget)
		// A check that was cut short by this run is no fault of its target.
		if o.Failure != nil && (ctx.Err() != nil || budget < m.Timeout && o.Failure.Kind == monitor.FailTimeout) {
			o = notRun("no time was left before the deadline of this run")
		}
	}
	ended := time.Now()
	o.Timing.Total, o.Timing.Delay = ended.Sub(watch), e.pace.delay(watch, ended)
	e.pace.took(o.Timing.Total)
	o.Monitor, o.Location, o.Scheduled, o.Attempt, o.Started = m.ID, c.Location, c.Scheduled, c.Attempt, started
	hide := hiding(m, slices.Concat(secrets, o.secrets))
	if o.Outcome == "" {
		e.judge(m, &o, hide)
	}
	if o.Certificate != nil && o.Expires.IsZero() {
		o.Expires, o.Issued = o.Certificate.NotAfter, o.Certificate.NotBefore
	}
	doubtful = e.isDoubtful(m, &o, hide)
	redact(&o.Result, hide)
	if o.Outcome == monitor.OutcomeUp {
		o.Body = ""
	}
	return o.Result, doubtful
}

func (e *Engine) probe(kind monitor.Kind) (Func, bool) {
	if f, has := e.more[kind]; has {
		return f, true
	}
	f, has := Probes[kind]
	return f, has
}

// unknown says why a kind is not run here.
func unknown(kind monitor.Kind) string {
	if kind == monitor.KindBrowser {
		return "no browser is deployed in this location: see infra/browser.yaml"
	}
	return "this version knows no monitor of this kind"
}

// doubt is the part of a timeout that a delay must be to be taken for its cause. A
// page that keeps a core busy does so in a browser of the prober's own.
const (
	doubt        = 20
	browserDoubt = 4
)

// isDoubtful reports whether a verdict against the target could be the prober's
// own doing: a timeout of which a good part was delay, or an expectation about
// times that would be true without it.
func (e *Engine) isDoubtful(m monitor.Monitor, o *Observation, hide *hider) bool {
	if o.Timing.Delay == 0 || o.Outcome != monitor.OutcomeDown && o.Outcome != monitor.OutcomeDegraded {
		return false
	}
	switch o.Failure.Kind {
	case monitor.FailTimeout:
		if m.Kind() == monitor.KindBrowser {
			return o.Timing.Delay >= m.Timeout/browserDoubt
		}
		return o.Timing.Delay >= m.Timeout/doubt
	case monitor.FailExpect:
		if p := o.part; p != nil {
			seen := p.seen
			seen.Timing.Delay = o.Timing.Delay
			return e.isDoubtful(p.monitor, &seen, hide)
		}
		if len(o.Expectations) == 0 { // the probe's own: an answer came, and was wrong
			return false
		}
		quick := *o
		quick.Outcome, quick.Failure, quick.Expectations = "", nil, nil
		t := &quick.Timing
		for _, phase := range []*time.Duration{&t.Token, &t.DNS, &t.Connect, &t.TLS, &t.Request, &t.TTFB, &t.Transfer, &t.Total} {
			*phase = max(*phase-o.Timing.Delay, 0)
		}
		e.judge(m, &quick, hide)
		return quick.Outcome != o.Outcome
	}
	return false
}

// budget is how long a check may take: its timeout, or what is left before the
// deadline of the run; 0 if that has ended.
func (e *Engine) budget(ctx context.Context, m monitor.Monitor) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	if deadline, has := ctx.Deadline(); has {
		return min(m.Timeout, time.Until(deadline)-margin)
	}
	return m.Timeout
}

// guarded runs a probe with its timeout. A bug in one is no outage of its
// target, and no end of the others: this is the one place that recovers.
func (e *Engine) guarded(ctx context.Context, f Func, m monitor.Monitor, secrets []string, budget time.Duration) (o Observation) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	defer func() {
		if bug := recover(); bug != nil {
			o = notRun(printable(fmt.Sprintf("bug in the probe: %v", bug), maxDetail))
		}
	}()
	env := e.env
	env.secrets = secrets
	return f(ctx, m, &env)
}

func notRun(why string) Observation {
	return Observation{Result: monitor.Result{
		Outcome: monitor.OutcomeNotRun, Failure: &monitor.Failure{Kind: monitor.FailInternal, Detail: why},
	}}
}

// judge decides the outcome: a failure is down; then a false expectation is
// down, a false warning degraded.
func (e *Engine) judge(m monitor.Monitor, o *Observation, hide *hider) {
	o.Outcome = monitor.OutcomeUp
	if o.Failure != nil {
		o.Outcome = monitor.OutcomeDown
		if o.Failure.Kind == monitor.FailInternal {
			o.Outcome = monitor.OutcomeNotRun
		}
		return
	}
	if o.warned != nil {
		o.Outcome, o.Failure = monitor.OutcomeDegraded, o.warned
	}
	if len(m.Expect)+len(m.Warn) == 0 {
		return
	}
	values := o.values()
	shown := hide.values(values)
	for _, source := range m.Expect {
		e.expectation(m, o, source, false, values, shown)
	}
	for _, source := range m.Warn {
		e.expectation(m, o, source, true, values, shown)
	}
}

func (e *Engine) expectation(m monitor.Monitor, o *Observation, source string, warn bool, values, shown expect.Values) {
	x := monitor.Expectation{Expr: source, Warn: warn}
	program, err := e.program(programKey{source: source, kind: m.Kind()})
	if err != nil {
		x.Shown = "cannot be compiled: " + err.Error()
	} else {
		x.OK, x.Shown = program.Eval(values)
		// An expression may show a part of a value, or turn it round: what it
		// shows is made from values that hold no secret in the first place.
		if shown != nil {
			_, x.Shown = program.Eval(shown)
		}
		x.Shown += o.noted(source)
	}
	o.Expectations = append(o.Expectations, x)
	if x.OK || o.Outcome == monitor.OutcomeDown || warn && o.Outcome == monitor.OutcomeDegraded {
		return
	}
	o.Outcome = monitor.OutcomeDown
	if warn {
		o.Outcome = monitor.OutcomeDegraded
	}
	o.Failure = fail(monitor.FailExpect, "%s (%s)", printable(source, maxDetail/2), x.Shown)
	o.Failure.Warn = warn
}

// values is what expressions are judged on.
func (o *Observation) values() expect.Values {
	v := o.Values
	if v == nil {
		v = expect.Values{}
	}
	t := o.Timing
	v["dns_ms"], v["connect_ms"], v["tls_ms"] = monitor.MS(t.DNS), monitor.MS(t.Connect), monitor.MS(t.TLS)
	v["ttfb_ms"], v["transfer_ms"], v["total_ms"] = monitor.MS(t.TTFB), monitor.MS(t.Transfer), monitor.MS(t.Total)
	v["request_ms"], v["token_ms"], v["hops"] = monitor.MS(t.Request), monitor.MS(t.Token), o.Hops
	v["address"] = o.Address
	if o.Certificate != nil {
		v["cert_days"] = o.Certificate.Days
	}
	return v
}

// program compiles an expression once.
func (e *Engine) program(key programKey) (*expect.Program, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c, has := e.programs[key]; has {
		return c.program, c.err
	}
	if len(e.programs) >= maxPrograms {
		clear(e.programs)
	}
	var c compiled
	if key.value {
		c.program, c.err = expect.CompileValue(key.source, key.kind)
	} else {
		c.program, c.err = expect.Compile(key.source, key.kind)
	}
	e.programs[key] = c
	return c.program, c.err
}
