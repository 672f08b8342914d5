package probe_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

// TestBusy: a prober that did not get its turn does not blame the target. It
// checks again, and where it cannot tell it says so.
func TestBusy(t *testing.T) {
	always := func(e *probe.Engine) { probe.Stall(e, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)) }
	tests := []struct {
		name    string
		stalls  func(*probe.Engine)
		expect  string
		warn    string
		hangs   bool
		outcome monitor.Outcome
		kind    monitor.FailureKind
		asked   int64
	}{
		{name: "fine, though late", stalls: always, expect: "status == 200", outcome: monitor.OutcomeUp, asked: 1},
		{name: "slow by its own doing", stalls: always, expect: "total_ms < 0.001", outcome: monitor.OutcomeNotRun, kind: monitor.FailBusy, asked: 3},
		{name: "warned by its own doing", stalls: always, warn: "total_ms < 0.001", outcome: monitor.OutcomeNotRun, kind: monitor.FailBusy, asked: 3},
		{name: "wrong whatever the time", stalls: always, expect: "status == 500", outcome: monitor.OutcomeDown, kind: monitor.FailExpect, asked: 1},
		{name: "slow in a calm prober", stalls: func(*probe.Engine) {}, expect: "total_ms < 0.001", outcome: monitor.OutcomeDown, kind: monitor.FailExpect, asked: 1},
		{name: "timed out by its own doing", stalls: always, hangs: true, outcome: monitor.OutcomeNotRun, kind: monitor.FailBusy, asked: 3},
		{name: "timed out in a calm prober", stalls: func(*probe.Engine) {}, hangs: true, outcome: monitor.OutcomeDown, kind: monitor.FailTimeout, asked: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var asked atomic.Int64
			url := answer(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				if test.hangs {
					<-r.Context().Done()
				}
			})
			m := httpMonitor(url)
			m.Timeout = 10 * time.Second
			if test.hangs {
				m.Timeout = 300 * time.Millisecond
			}
			if test.expect != "" {
				m.Expect = []string{test.expect}
			}
			if test.warn != "" {
				m.Warn = []string{test.warn}
			}
			e := newEngine()
			test.stalls(e)
			r := e.Run(context.Background(), []monitor.Check{{Monitor: m}})[0]
			kind := monitor.FailureKind("")
			if r.Failure != nil {
				kind = r.Failure.Kind
			}
			if r.Outcome != test.outcome || kind != test.kind {
				t.Errorf("%s %q, want %s %q: %+v", r.Outcome, kind, test.outcome, test.kind, r.Failure)
			}
			if asked.Load() != test.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), test.asked)
			}
			if test.kind == monitor.FailBusy && r.Timing.Delay == 0 {
				t.Error("the delay is not reported")
			}
		})
	}
}

// TestBusyOnce: the second verdict counts, if nothing delayed it.
func TestBusyOnce(t *testing.T) {
	var asked atomic.Int64
	url := answer(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			<-r.Context().Done()
		}
	})
	m := httpMonitor(url)
	m.Timeout = 300 * time.Millisecond
	e := newEngine()
	probe.Stall(e, time.Now(), time.Now().Add(100*time.Millisecond))
	r := e.Run(context.Background(), []monitor.Check{{Monitor: m}})[0]
	if r.Outcome != monitor.OutcomeUp || asked.Load() != 2 {
		t.Errorf("%s after %d checks, want up after 2: %+v", r.Outcome, asked.Load(), r.Failure)
	}
}

// answer serves HTTP by a handler.
func answer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}
