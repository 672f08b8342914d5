package cost_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cost"
	"github.com/sondehq/sonde/internal/monitor"
)

// fleet is n monitors over HTTPS, five a service.
func fleet(n int, every time.Duration, locations ...monitor.Location) *monitor.Config {
	cfg := &monitor.Config{Locations: locations}
	for i := range n {
		service := monitor.ServiceID(fmt.Sprint("s", i/5))
		if i%5 == 0 {
			cfg.Services = append(cfg.Services, monitor.Service{ID: service, Shard: i / 50})
		}
		id := monitor.ID(fmt.Sprintf("m%04d", i))
		cfg.Monitors = append(cfg.Monitors, monitor.Monitor{
			ID: id, Service: service, Every: every, Locations: locations, HTTP: &monitor.HTTP{URL: "https://example.com/"},
		})
		s := &cfg.Services[len(cfg.Services)-1]
		s.Monitors = append(s.Monitors, id)
	}
	return cfg
}

func find(t *testing.T, b cost.Bill, what string) cost.Line {
	t.Helper()
	for _, l := range b.Lines {
		if l.What == what {
			return l
		}
	}
	t.Fatalf("the bill has no line %q", what)
	return cost.Line{}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(math.Abs(a), math.Abs(b), 1) }

// TestByHand: fifty monitors in one shard, every minute, from one location, with
// figures that are easy to work with.
func TestByHand(t *testing.T) {
	var u cost.Usage
	u.Batch.Bytes = cost.Linear{Base: 24, Each: 20} // 1,024 bytes: one write unit
	u.Batch.CPU = cost.Linear{Each: 0.4}            // 20 ms of a core
	u.Batch.Log = 1000
	u.HTTPS, u.Packets = 960, 1 // 1,000 with the header
	b := cost.Monthly(fleet(50, time.Minute, "eu-west-1"), u, cost.Options{Wait: 1000, Views: 5000, Incidents: 2, Readers: 7})
	const batches = 730 * 60
	if b.Checks != 50*batches {
		t.Errorf("checks: %v, want %v", b.Checks, 50*batches)
	}
	share := 20 * 1769.0 / 512
	for what, want := range map[string]float64{
		"Lambda requests":       4.2*batches + 5000, // probe, detect, dispatch, sweep; rollup every five minutes; api
		"Lambda compute, arm64": batches * 0.5 * (share + 1000) / 1000,
		"DynamoDB writes":       batches + 2*60,
		"DynamoDB storage":      batches * 1024 * 14 / (730.0 / 24) / 1e9,
		"SQS requests":          650_000 + batches*2.2,
		"SNS messages":          2 * 3,
		"SNS e-mail":            2 * 3 * 7,
		"Scheduler calls":       2.2 * batches,
		"HTTP API":              5000,
		"CloudWatch Logs":       batches * 1000 / 1e9,
		"Data out":              50 * batches * 1000 / 1e9,
		"KMS key":               1,
	} {
		if got := find(t, b, what).Quantity; !near(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	gross, net := 0.0, 0.0
	for _, l := range b.Lines {
		if want := l.Quantity * l.Dollar; !near(l.Gross, want) {
			t.Errorf("%s: %v before the free part, want %v", l.What, l.Gross, want)
		}
		if want := max(l.Quantity-l.Free, 0) * l.Dollar; !near(l.Net, want) {
			t.Errorf("%s: %v to pay, want %v", l.What, l.Net, want)
		}
		if !strings.HasPrefix(l.Source, "https://aws.amazon.com/") || l.Unit == "" {
			t.Errorf("%s: source %q, unit %q", l.What, l.Source, l.Unit)
		}
		gross, net = gross+l.Gross, net+l.Net
	}
	if !near(gross, b.Gross) || !near(net, b.Net) {
		t.Errorf("totals %v and %v, want %v and %v", b.Gross, b.Net, gross, net)
	}
	for i, want := range []float64{50 * batches, 50, 50} {
		if b.Others[i].Quantity != want {
			t.Errorf("%s: %v, want %v", b.Others[i].What, b.Others[i].Quantity, want)
		}
	}
}

// TestGrows: more monitors, more Regions, more often: never cheaper.
func TestGrows(t *testing.T) {
	bill := func(n int, every time.Duration, regions int) float64 {
		return cost.Monthly(fleet(n, every, "eu-west-1"), cost.Measured, cost.Options{Regions: regions}).Gross
	}
	last := 0.0
	for _, n := range []int{1, 10, 50, 51, 200, 1000} {
		b := bill(n, time.Minute, 1)
		if b < last {
			t.Errorf("%d monitors cost %.2f, fewer %.2f", n, b, last)
		}
		last = b
	}
	last = 0
	for _, regions := range []int{1, 2, 3, 10} {
		b := bill(100, time.Minute, regions)
		if b <= last {
			t.Errorf("%d Regions cost %.2f, fewer %.2f", regions, b, last)
		}
		last = b
	}
	last = math.Inf(1)
	for _, every := range []time.Duration{5 * time.Second, 30 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour} {
		b := bill(100, every, 1)
		if b > last {
			t.Errorf("every %s costs %.2f, more often %.2f", every, b, last)
		}
		last = b
	}
}

// TestDaily: what is checked once a day is checked 30 times a month.
func TestDaily(t *testing.T) {
	b := cost.Monthly(fleet(10, 24*time.Hour, "eu-west-1", "us-east-1"), cost.Measured, cost.Options{})
	if want := 10 * 2 * 730.0 / 24; !near(b.Checks, want) {
		t.Errorf("checks: %v, want %v", b.Checks, want)
	}
}

// TestJourneys: what goes through a browser is billed for its own memory and
// time, and for the stack that takes it.
func TestJourneys(t *testing.T) {
	cfg := fleet(2, 5*time.Minute, "eu-west-1")
	var u cost.Usage
	u.Journey.CPU, u.Journey.Wait = 1000, 4000
	before := cost.Monthly(cfg, u, cost.Options{})
	cfg.Monitors[1].HTTP, cfg.Monitors[1].Browser = nil, &monitor.Browser{URL: "https://example.com/"}
	after := cost.Monthly(cfg, u, cost.Options{})
	const runs = 730 * 12
	grown := find(t, after, "Lambda compute, arm64").Quantity - find(t, before, "Lambda compute, arm64").Quantity
	if want := runs * 2 * 5.0; !near(grown, want) { // the other monitor's batches stay
		t.Errorf("journeys take %v GB-s, want %v", grown, want)
	}
	if got := find(t, after, "ECR storage").Quantity; got != 0.5 {
		t.Errorf("images: %v GB", got)
	}
	for what, want := range map[string]float64{"CloudWatch alarms": 4, "SQS requests": 650_000 + runs*2.2} {
		if got := find(t, after, what).Quantity - find(t, before, what).Quantity; !near(got, want) {
			t.Errorf("%s: %v more, want %v", what, got, want)
		}
	}
}
