package detect_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/detect"
	"github.com/sondehq/sonde/internal/monitor"
)

const days = 24 * time.Hour

// ends is a world whose results say until when a certificate is valid, and which
// notes what people are told of that.
type ends struct {
	*world
	m      monitor.Monitor
	told   []string
	writes int
}

func newEnds(t *testing.T, m monitor.Monitor) *ends {
	return &ends{world: newWorld(t, 1, m), m: m}
}

// see steps with a result of one location, one second after it, and lets ten seconds pass.
func (w *ends) see(l monitor.Location, at time.Duration, ends time.Duration) {
	w.seeIssued(l, at, ends, -1)
}

func (w *ends) seeIssued(l monitor.Location, at, ends, issued time.Duration) {
	w.t.Helper()
	r := said(w.m.ID, l, t0.Add(at), 0, monitor.OutcomeUp)
	if ends != 0 {
		r.Expires = t0.Add(ends)
	}
	if issued >= 0 {
		r.Issued = t0.Add(issued)
	}
	w.note(at, w.step(t0.Add(at+time.Second), r))
	w.note(at, w.tick(t0.Add(at+10*time.Second)))
}

func (w *ends) note(at time.Duration, fx detect.Effects) {
	if fx.Changed {
		w.writes++
	}
	for _, e := range fx.Expiring {
		text := fmt.Sprintf("%s: %d of %s", at, e.Days, e.At.Sub(t0))
		if e.Renewed {
			text = fmt.Sprintf("%s: renewed %s", at, e.Was.Sub(t0))
		}
		w.told = append(w.told, text)
	}
}

func (w *ends) want(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.told); diff != "" {
		w.t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestTwoCertificates: of two backends one was renewed. People hear of the other
// one's end, and nothing more until that is renewed, too; and what is seen in turn is
// not written down each time.
func TestTwoCertificates(t *testing.T) {
	w := newEnds(t, watch("m", "x"))
	at := time.Duration(0)
	for ; at < 5*time.Hour; at += time.Minute {
		w.see("x", at, []time.Duration{10 * days, 80 * days}[int(at/time.Minute)%2])
	}
	w.want("0s: 14 of 240h0m0s")
	if w.writes > 2*5*4+6 {
		t.Errorf("%d writes in 300 rounds, want two in a quarter of an hour", w.writes)
	}
	for ; at < 8*time.Hour; at += time.Minute {
		w.see("x", at, 80*days)
	}
	w.want("0s: 14 of 240h0m0s", "5h51m0s: renewed 240h0m0s")
	w.writes = 0
	for ; at < 9*time.Hour; at += time.Minute {
		w.see("x", at, 80*days)
	}
	if w.writes != 0 {
		t.Errorf("%d writes while one end is seen, want none", w.writes)
	}
}

// TestComesBack: an end that was told to be renewed and is seen again is not told
// again before the next warning, and that only once.
func TestComesBack(t *testing.T) {
	w := newEnds(t, watch("m", "x"))
	seen := func(from, to, ends time.Duration) {
		for at := from; at < to; at += 10 * time.Minute {
			w.see("x", at, ends)
		}
	}
	seen(0, time.Hour, 10*days)
	seen(time.Hour, 3*time.Hour, 80*days)
	seen(3*time.Hour, 4*time.Hour, 10*days)
	seen(4*time.Hour, 20*time.Hour, 80*days) // it has come back once: wait longer
	seen(20*time.Hour, 4*days, 10*days)
	seen(4*days, 6*days, 80*days)
	w.want("0s: 14 of 240h0m0s", "2h0m0s: renewed 240h0m0s", "72h0m0s: 7 of 240h0m0s", "120h0m0s: renewed 240h0m0s")
}

// TestOneOfTwenty: one of twenty backends was left out. Chance says when it is met;
// people hear of each warning once, and of no end more often than of its beginnings.
func TestOneOfTwenty(t *testing.T) {
	w := newEnds(t, watch("m", "x"))
	random := rand.New(rand.NewPCG(1, 2))
	for at := time.Duration(0); at < 20*days; at += 10 * time.Minute {
		end := 80 * days
		if at == 0 || random.IntN(20) == 0 {
			end = 20*days + time.Hour
		}
		w.see("x", at, end)
	}
	if n := len(w.told); n < 5 || n > 10 {
		t.Errorf("told %d times:\n%q", n, w.told)
	}
	slices.Sort(w.told)
	if len(slices.Compact(w.told)) != len(w.told) {
		t.Errorf("twice the same: %q", w.told)
	}
}

// TestShortLived: a program renews short certificates, when two thirds of their life
// are over or before; nobody is to hear of it. One that it has forgotten is told.
func TestShortLived(t *testing.T) {
	for _, tt := range []struct {
		name        string
		life, renew time.Duration
		want        []string
	}{
		{"a day", 24 * time.Hour, 16 * time.Hour, nil},
		{"six days", 6 * days, 3 * days, nil},
		{"90 days", 90*days - time.Second, 60 * days, nil},
		{"90 days, late", 90 * days, 77 * days, []string{"1824h0m0s: 14 of 2160h0m0s", "1850h0m0s: renewed 2160h0m0s"}},
		{"an hour", time.Hour, 30 * time.Minute, nil},
		{"six days, forgotten", 6 * days, 1000 * days, []string{"120h0m0s: 1 of 144h0m0s", "144h0m0s: 0 of 144h0m0s"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := watch("m", "x")
			m.Every = min(time.Hour, tt.renew/16)
			w := newEnds(t, m)
			for at := time.Duration(0); at < min(80*days, 1900*m.Every); at += m.Every {
				issued := at / tt.renew * tt.renew
				w.seeIssued("x", at, issued+tt.life, issued)
			}
			w.want(tt.want...)
		})
	}
}

// TestOwnWarnings: a monitor's own, and none.
func TestOwnWarnings(t *testing.T) {
	for _, tt := range []struct {
		expiry []int
		want   []string
	}{
		{nil, []string{"0s: 30 of 480h0m0s", "144h0m0s: 14 of 480h0m0s", "312h0m0s: 7 of 480h0m0s", "408h0m0s: 3 of 480h0m0s", "456h0m0s: 1 of 480h0m0s", "480h0m0s: 0 of 480h0m0s"}},
		{[]int{14, 3}, []string{"144h0m0s: 14 of 480h0m0s", "408h0m0s: 3 of 480h0m0s", "480h0m0s: 0 of 480h0m0s"}},
		{[]int{}, nil},
	} {
		m := watch("m", "x")
		m.Every, m.Expiry = time.Hour, tt.expiry
		w := newEnds(t, m)
		for at := time.Duration(0); at < 22*days; at += time.Hour {
			w.see("x", at, 20*days)
		}
		w.want(tt.want...)
	}
}

// TestRenewedNearItsEnd: whoever was told of an end hears that it is put off, though
// the new one is near, too.
func TestRenewedNearItsEnd(t *testing.T) {
	w := newEnds(t, watch("m", "x"))
	w.see("x", 0, 10*days)
	for at := time.Minute; at < 2*time.Hour; at += time.Minute {
		w.see("x", at, 20*days)
	}
	w.want("0s: 14 of 240h0m0s", "1h1m0s: renewed 240h0m0s", "1h1m0s: 30 of 480h0m0s")
}

// TestEarlierElsewhere: an end that was told is not left open where another location
// sees an earlier one.
func TestEarlierElsewhere(t *testing.T) {
	w := newEnds(t, watch("m", "x", "y"))
	w.see("x", 0, 20*days)
	w.see("y", 0, 10*days)
	for at := time.Minute; at < 2*time.Hour; at += time.Minute {
		w.see("x", at, 20*days)
		w.see("y", at, 10*days)
	}
	w.want("0s: 30 of 480h0m0s", "0s: 14 of 240h0m0s")
	for at := 2 * time.Hour; at < 5*time.Hour; at += time.Minute {
		w.see("y", at, 80*days)
		w.see("x", at, 80*days)
	}
	w.want("0s: 30 of 480h0m0s", "0s: 14 of 240h0m0s", "2h54m0s: renewed 480h0m0s", "2h54m0s: renewed 240h0m0s")
}

// TestSilentLocation: the location that saw an end is not heard any more. Those that
// are decide, later; until then its word stands.
func TestSilentLocation(t *testing.T) {
	w := newEnds(t, watch("m", "x", "y"))
	w.see("x", 0, 10*days)
	for at := time.Minute; at < 4*time.Hour; at += time.Minute {
		w.see("y", at, 80*days)
	}
	w.want("0s: 14 of 240h0m0s", "2h1m0s: renewed 240h0m0s")
}

// TestLateEnds: results that come late, twice and in any order end in what those in
// order end in.
func TestLateEnds(t *testing.T) {
	for seed := range uint64(20) {
		w := newEnds(t, watch("m", "x", "y"))
		random := rand.New(rand.NewPCG(seed, 1))
		w.see("x", 0, 10*days)
		w.see("y", 0, 10*days)
		var at []time.Duration
		for d := time.Minute; d < 5*time.Hour; d += time.Minute {
			at = append(at, d, d)
		}
		for i := range at { // by up to twenty minutes
			j := min(i+random.IntN(40), len(at)-1)
			at[i], at[j] = at[j], at[i]
		}
		now := time.Duration(0)
		for _, d := range at {
			now = max(now, d)
			end := 10 * days
			if d >= time.Hour {
				end = 80 * days
			}
			r := said("m", places[random.IntN(2)], t0.Add(d), 0, monitor.OutcomeUp)
			r.Expires = t0.Add(end)
			w.note(0, w.step(t0.Add(now+time.Second), r))
			w.note(0, w.tick(t0.Add(now+2*time.Second)))
		}
		w.want("0s: 14 of 240h0m0s", "0s: renewed 240h0m0s")
	}
}

// TestTargetChanges: what was known is of another target. It is not told of any more,
// unless it is seen there, too; and who was told of it hears that it is over, once.
func TestTargetChanges(t *testing.T) {
	at := func(url string) monitor.Monitor {
		m := watch("m", "x")
		m.HTTP = &monitor.HTTP{URL: url}
		return m
	}
	for _, tt := range []struct {
		name     string
		to       string
		ends     time.Duration // of what is seen there
		at, then time.Duration // of the change, and after
		want     []string
	}{
		{"no certificate", "http://a.example.com/", 0, 20 * days, 45 * days, []string{"240h0m0s: 30 of 960h0m0s", "481h0m0s: renewed 960h0m0s"}},
		{"another", "https://b.example.com/", 300 * days, 20 * days, 45 * days, []string{"240h0m0s: 30 of 960h0m0s", "481h0m0s: renewed 960h0m0s"}},
		{"the same there", "https://b.example.com/", 40 * days, 20 * days, 25 * days, []string{"240h0m0s: 30 of 960h0m0s"}},
		{"another path", "https://a.example.com/health", 40 * days, 20 * days, 25 * days, []string{"240h0m0s: 30 of 960h0m0s"}},
		{"before it was told", "http://a.example.com/", 0, 5 * days, 45 * days, nil},
		{"just before it was due", "https://b.example.com/", 300 * days, 10*days - 30*time.Minute, 45 * days, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := at("https://a.example.com/")
			m.Every = time.Hour
			w := newEnds(t, m)
			when := time.Duration(0)
			for ; when < tt.at; when += time.Hour {
				w.see("x", when, 40*days)
			}
			m.HTTP = &monitor.HTTP{URL: tt.to}
			w.configure(1, m)
			w.note(when, w.tick(t0.Add(when-time.Minute)))
			for ; when < tt.then; when += time.Hour {
				w.see("x", when, tt.ends)
			}
			w.want(tt.want...)
		})
	}
}

// TestPausedExpiry: what was known before a pause is not told of after it.
func TestPausedExpiry(t *testing.T) {
	m := watch("m", "x")
	w := newEnds(t, m)
	w.see("x", 0, 40*days)
	m.Paused = true
	w.configure(1, m)
	w.note(time.Minute, w.tick(t0.Add(time.Minute)))
	w.note(50*days, w.tick(t0.Add(50*days)))
	m.Paused = false
	w.configure(1, m)
	w.note(51*days, w.tick(t0.Add(51*days)))
	for at := 51*days + time.Minute; at < 51*days+time.Hour; at += time.Minute {
		w.see("x", at, 120*days)
	}
	w.want()
}

// TestRemovedExpiry: an alarm about a monitor that is removed ends; one about a monitor
// that moves to another service goes on there.
func TestRemovedExpiry(t *testing.T) {
	for _, moved := range []bool{false, true} {
		w := newEnds(t, watch("m", "x"))
		w.see("x", 0, 10*days)
		w.configure(1, watch("other", "x"))
		want := []string{"0s: 14 of 240h0m0s", "1m0s: renewed 240h0m0s"}
		if moved {
			w.cfg.Monitors = append([]monitor.Monitor{watch("m", "x")}, w.cfg.Monitors...)
			want = want[:1]
		}
		w.note(time.Minute, w.tick(t0.Add(time.Minute)))
		w.note(2*time.Minute, w.tick(t0.Add(2*time.Minute)))
		w.want(want...)
	}
}

// certified is a fleet whose results say until when certificates are valid.
func certified(tb testing.TB) (*world, []monitor.Result) {
	w, results := fleet(tb, 50)
	for i := range w.cfg.Monitors {
		w.cfg.Monitors[i].HTTP = &monitor.HTTP{URL: "https://user@app.example.com/health"}
	}
	for i := range results {
		results[i].Expires, results[i].Issued = t0.Add(80*days), t0.Add(-10*days)
	}
	w.step(t0.Add(time.Hour), results...)
	for i := range results {
		results[i].Scheduled = results[i].Scheduled.Add(time.Minute)
	}
	w.cfg.Version++ // as after a change that has nothing to do with it
	return w, results
}

// TestCertifiedIsFree: as TestHealthyIsFree, where certificates are seen.
func TestCertifiedIsFree(t *testing.T) {
	w, results := certified(t)
	now := t0.Add(time.Hour + time.Minute)
	var fx detect.Effects
	allocs := testing.AllocsPerRun(100, func() { _, fx = detect.Step(&w.cfg, w.svc, w.state, results, now) })
	if got := w.describe(fx); allocs > 3 || got != "unchanged\n" {
		t.Errorf("%v allocations, want at most 3; it did:\n%s", allocs, got)
	}
}

func BenchmarkCertified(b *testing.B) {
	w, results := certified(b)
	now := t0.Add(time.Hour + time.Minute)
	b.Run("step", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, fx := detect.Step(&w.cfg, w.svc, w.state, results, now); fx.Changed {
				b.Fatal("a healthy step writes")
			}
		}
	})
	b.Run("tick", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, fx := detect.Tick(&w.cfg, w.svc, w.state, w.lastSeen, silence, now); fx.Changed {
				b.Fatal("a healthy tick writes")
			}
		}
	})
}
