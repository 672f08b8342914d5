package probe_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
)

const concurrency = 64

// target is a server on loopback, and the monitor that checks it.
func target(b *testing.B, secure bool, h http.HandlerFunc) (monitor.Monitor, *x509.CertPool) {
	b.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	b.Cleanup(s.Close)
	var m monitor.Monitor
	pool := x509.NewCertPool()
	if secure {
		i := issue(b, issueOptions{names: []string{"127.0.0.1"}})
		s.TLS = &tls.Config{Certificates: []tls.Certificate{i.certificate}}
		s.StartTLS()
		m = httpMonitor(s.URL)
		m.HTTP.CA = i.ca
		pool.AppendCertsFromPEM([]byte(i.ca))
	} else {
		s.Start()
		m = httpMonitor(s.URL)
	}
	m.Timeout = 30 * time.Second
	m.Expect = []string{"status == 200"}
	return m, pool
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

func engineRound(b *testing.B, e *probe.Engine, m monitor.Monitor, n int) []time.Duration {
	checks := make([]monitor.Check, n)
	for i := range checks {
		checks[i].Monitor = m
	}
	took := make([]time.Duration, n)
	for i, r := range e.Run(context.Background(), checks) {
		if r.Outcome != monitor.OutcomeUp {
			b.Fatalf("%s: %+v", r.Outcome, r.Failure)
		}
		took[i] = r.Timing.Total
	}
	return took
}

func bareRound(b *testing.B, m monitor.Monitor, pool *x509.CertPool, n, side int) []time.Duration {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
	took := make([]time.Duration, n)
	next := make(chan int)
	var workers sync.WaitGroup
	for range side {
		workers.Go(func() {
			for i := range next {
				start := time.Now()
				r, err := c.Get(m.HTTP.URL)
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
				took[i] = time.Since(start)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	return took
}

func engineOf(side int) *probe.Engine {
	return probe.New(probe.Env{Now: time.Now}, probe.Options{Concurrency: side})
}

func benchEngine(b *testing.B, secure bool) {
	m, _ := target(b, secure, ok)
	e := engineOf(concurrency)
	b.ReportAllocs()
	b.ResetTimer()
	engineRound(b, e, m, b.N)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
}

func benchBare(b *testing.B, secure bool) {
	m, pool := target(b, secure, ok)
	b.ReportAllocs()
	b.ResetTimer()
	bareRound(b, m, pool, b.N, concurrency)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
}

func BenchmarkHTTP(b *testing.B)      { benchEngine(b, false) }
func BenchmarkHTTPS(b *testing.B)     { benchEngine(b, true) }
func BenchmarkBareHTTP(b *testing.B)  { benchBare(b, false) }
func BenchmarkBareHTTPS(b *testing.B) { benchBare(b, true) }

// BenchmarkAgainstBare alternates rounds of the engine with rounds of net/http
// alone, so that what else the machine does falls on both.
func BenchmarkAgainstBare(b *testing.B) {
	const round = 2000
	for name, secure := range map[string]bool{"http": false, "https": true} {
		b.Run(name, func(b *testing.B) {
			m, pool := target(b, secure, ok)
			e := engineOf(concurrency)
			engineRound(b, e, m, round/10)
			bareRound(b, m, pool, round/10, concurrency)
			var ours, bare time.Duration
			for b.Loop() {
				start := time.Now()
				engineRound(b, e, m, round)
				middle := time.Now()
				bareRound(b, m, pool, round, concurrency)
				ours, bare = ours+middle.Sub(start), bare+time.Since(middle)
			}
			n := float64(b.N * round)
			b.ReportMetric(n/ours.Seconds(), "checks/s")
			b.ReportMetric(n/bare.Seconds(), "bare/s")
			b.ReportMetric(bare.Seconds()/ours.Seconds(), "ratio")
		})
	}
}

// BenchmarkMemory measures what a check in flight holds, the server's side
// counted too.
func BenchmarkMemory(b *testing.B) {
	const inFlight = 500
	for name, secure := range map[string]bool{"http": false, "https": true} {
		b.Run(name, func(b *testing.B) {
			var most float64
			for b.Loop() {
				arrived, release := make(chan struct{}, inFlight), make(chan struct{})
				m, _ := target(b, secure, func(w http.ResponseWriter, r *http.Request) {
					arrived <- struct{}{}
					<-release
					ok(w, r)
				})
				e := engineOf(inFlight)
				before := live()
				done := make(chan struct{})
				go func() { defer close(done); engineRound(b, e, m, inFlight) }()
				for range inFlight {
					<-arrived
				}
				most = max(most, (live()-before)/inFlight/1024)
				close(release)
				<-done
			}
			b.ReportMetric(most, "KiB/check")
		})
	}
}

func live() float64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return float64(s.HeapInuse + s.StackInuse)
}

// BenchmarkTail compares the 95th percentile of what a check takes, against an
// answer that takes 100 ms, with the bare loop's, 100 and 500 in flight.
func BenchmarkTail(b *testing.B) {
	for _, inFlight := range []int{100, 500} {
		for name, secure := range map[string]bool{"http": false, "https": true} {
			b.Run(fmt.Sprintf("%s-%d", name, inFlight), func(b *testing.B) {
				m, pool := target(b, secure, func(w http.ResponseWriter, r *http.Request) {
					select {
					case <-time.After(100 * time.Millisecond):
					case <-r.Context().Done():
					}
					ok(w, r)
				})
				e := engineOf(inFlight)
				engineRound(b, e, m, inFlight)
				bareRound(b, m, pool, inFlight, inFlight)
				var ours, bare []time.Duration
				for b.Loop() {
					ours = append(ours, engineRound(b, e, m, 4*inFlight)...)
					bare = append(bare, bareRound(b, m, pool, 4*inFlight, inFlight)...)
				}
				b.ReportMetric(p95(ours), "p95-ms")
				b.ReportMetric(p95(bare), "bare-p95-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func p95(d []time.Duration) float64 {
	slices.Sort(d)
	return monitor.MS(d[len(d)*95/100])
}
