package monitor_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sondehq/sonde/internal/monitor"
)

var moveAt = time.Date(2019, 5, 29, 7, 50, 0, 0, time.UTC)

// site is a configuration of one service, from us-west-2 unless a monitor says
// otherwise.
func site(monitors ...monitor.Monitor) *monitor.Config {
	cfg := &monitor.Config{Locations: []monitor.Location{"us-west-2"}}
	svc := monitor.Service{ID: "app", Name: "App", Needs: 1}
	for _, m := range monitors {
		if m.Service == "" {
			m.Service = "app"
		}
		if m.Locations == nil {
			m.Locations = cfg.Locations
		}
		cfg.Monitors = append(cfg.Monitors, m)
		svc.Monitors = append(svc.Monitors, m.ID)
	}
	slices.SortFunc(cfg.Monitors, func(a, b monitor.Monitor) int { return strings.Compare(string(a.ID), string(b.ID)) })
	cfg.Services = []monitor.Service{svc}
	return cfg
}

func web(id monitor.ID, address string) monitor.Monitor {
	return monitor.Monitor{ID: id, Name: string(id), HTTP: &monitor.HTTP{URL: "https://app.example.com/health", Address: address}, Expect: []string{"status == 200"}}
}

func tcp(id monitor.ID, address string) monitor.Monitor {
	return monitor.Monitor{ID: id, TCP: &monitor.TCP{Address: address}}
}

func name(id monitor.ID, answers ...string) monitor.Monitor {
	return monitor.Monitor{ID: id, Shadow: true, DNS: &monitor.DNS{Name: "App.example.com.", Type: "A", Answers: answers}}
}

func with(m monitor.Monitor, change func(*monitor.Monitor)) monitor.Monitor {
	change(&m)
	return m
}

// TestRetire: which old addresses stay checked after a change.
func TestRetire(t *testing.T) {
	shadow := func(m *monitor.Monitor) { m.Shadow = true }
	paused := func(m *monitor.Monitor) { m.Paused = true }
	other := func(m *monitor.Monitor) { m.HTTP.URL = "https://shop.example.com/" }
	here := func(m *monitor.Monitor) { m.Locations = []monitor.Location{monitor.Local} }
	away := func(m *monitor.Monitor) { m.Locations = []monitor.Location{"eu-west-1"} }
	elsewhere := func(m *monitor.Monitor) { m.Service = "gone" }
	onLocal := func(c *monitor.Config) *monitor.Config {
		c.Locations = []monitor.Location{monitor.Local}
		return c
	}
	for _, test := range []struct {
		name          string
		before, after *monitor.Config
		want          []string // "id service@address"
	}{
		{"a pinned address changes", site(web("lb", "203.0.113.10")), site(web("lb", "203.0.113.20:8443")), []string{"lb-203-0-113-10 app@203.0.113.10"}},
		{"with a port", site(web("lb", "203.0.113.10:8443")), site(web("lb", "203.0.113.20:8443")), []string{"lb-203-0-113-10 app@203.0.113.10:8443"}},
		{"the first configuration", nil, site(web("lb", "203.0.113.20")), nil},
		{"nothing changes", site(web("lb", "203.0.113.10")), site(web("lb", "203.0.113.10")), nil},
		{"only the port changes", site(web("lb", "203.0.113.10")), site(web("lb", "203.0.113.10:8443")), nil},
		{"it is another host", site(web("lb", "203.0.113.10")), site(with(web("lb", "203.0.113.20"), other)), nil},
		{"it is another kind", site(web("lb", "203.0.113.10")), site(tcp("lb", "203.0.113.20:443")), nil},
		{"it is removed", site(web("lb", "203.0.113.10"), web("x", "203.0.113.1")), site(web("x", "203.0.113.1")), nil},
		{"it goes where DNS leads", site(web("lb", "203.0.113.10")), site(web("lb", "")), nil},
		{"it was paused", site(with(web("lb", "203.0.113.10"), paused)), site(web("lb", "203.0.113.20")), nil},
		{"it was in the shadow", site(with(web("lb", "203.0.113.10"), shadow)), site(web("lb", "203.0.113.20")), nil},
		{"two swap", site(web("a", "203.0.113.10"), web("b", "203.0.113.11")), site(web("a", "203.0.113.11"), web("b", "203.0.113.10")), nil},
		{"another host stays there", site(web("a", "203.0.113.10"), with(web("b", "203.0.113.10"), other)), site(web("a", "203.0.113.20"), with(web("b", "203.0.113.10"), other)), []string{"a-203-0-113-10 app@203.0.113.10"}},
		{"somebody watches it already", site(web("a", "203.0.113.10")), site(web("a", "203.0.113.20"), with(web("old", "203.0.113.10"), shadow)), nil},
		{"DNS is still to answer with it", site(web("a", "203.0.113.10")), site(web("a", "203.0.113.20"), name("dns", "203.0.113.10", "203.0.113.20")), nil},
		{"it was checked from elsewhere", site(with(web("lb", "203.0.113.10"), away)), site(web("lb", "203.0.113.20")), nil},
		{"its service is gone", site(web("lb", "203.0.113.10")), site(with(web("lb", "203.0.113.20"), elsewhere)), nil},
		{"the id is taken", site(web("lb", "203.0.113.10"), web("lb-203-0-113-10", "203.0.113.1")), site(web("lb", "203.0.113.20"), web("lb-203-0-113-10", "203.0.113.1")), nil},

		{"tcp", site(tcp("smtp", "203.0.113.10:587")), site(tcp("smtp", "203.0.113.20:587")), []string{"smtp-203-0-113-10 app@203.0.113.10:587"}},
		{"tcp, by name", site(tcp("smtp", "mail.example.com:587")), site(tcp("smtp", "mx.example.com:587")), nil},
		{"tcp, at another port it stays", site(tcp("smtp", "203.0.113.10:587"), tcp("ssh", "203.0.113.10:22")), site(tcp("smtp", "203.0.113.20:587"), tcp("ssh", "203.0.113.10:22")), []string{"smtp-203-0-113-10 app@203.0.113.10:587"}},
		{"tls", site(monitor.Monitor{ID: "tls", TLS: &monitor.TLS{Address: "203.0.113.10:443", ServerName: "x.example.com"}}),
			site(monitor.Monitor{ID: "tls", TLS: &monitor.TLS{Address: "203.0.113.20:443", ServerName: "x.example.com"}}), []string{"tls-203-0-113-10 app@203.0.113.10:443"}},
		{"IPv6, which Lambda has not", site(web("lb", "2001:db8::1")), site(web("lb", "2001:db8::2")), nil},
		{"IPv6, here", onLocal(site(with(web("lb", "2001:db8::1"), here))), onLocal(site(with(web("lb", "[2001:db8::2]:443"), here))), []string{"lb-2001-db8--1 app@2001:db8::1"}},

		{"answers are lost", site(web("app", ""), name("dns", "203.0.113.10", "203.0.113.11")), site(web("app", ""), name("dns", "203.0.113.11", "203.0.113.20")), []string{"app-203-0-113-10 app@203.0.113.10"}},
		{"answers come", site(web("app", ""), name("dns", "203.0.113.10")), site(web("app", ""), name("dns", "203.0.113.10", "203.0.113.20")), nil},
		{"any answer will do", site(web("app", ""), name("dns", "203.0.113.10")), site(web("app", ""), name("dns")), nil},
		{"nobody visits the name", site(with(web("app", ""), other), name("dns", "203.0.113.10")), site(with(web("app", ""), other), name("dns", "203.0.113.20")), nil},
		{"both ways", site(web("app", ""), web("lb", "203.0.113.10"), name("dns", "203.0.113.10", "203.0.113.11")),
			site(web("app", ""), web("lb", "203.0.113.20"), name("dns", "203.0.113.20", "203.0.113.21")),
			[]string{"app-203-0-113-11 app@203.0.113.11", "lb-203-0-113-10 app@203.0.113.10"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, r := range monitor.Retire(test.before, test.after, moveAt) {
				m, at := r.Monitor, ""
				switch {
				case m.HTTP != nil:
					at = m.HTTP.Address
				case m.TCP != nil:
					at = m.TCP.Address
				case m.TLS != nil:
					at = m.TLS.Address
				}
				if !m.Shadow || !r.Until.Equal(moveAt.Add(24*time.Hour)) {
					t.Errorf("%s: shadow %t, until %s", m.ID, m.Shadow, r.Until)
				}
				got = append(got, fmt.Sprintf("%s %s@%s", m.ID, m.Service, at))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRetiredIsAsItWas: it expects what it expected, under a name that says what it is,
// at one address only.
func TestRetiredIsAsItWas(t *testing.T) {
	app := web("app", "")
	app.HTTP.Each, app.HTTP.Needs, app.HTTP.ShareDNS, app.HTTP.Resolver, app.HTTP.Family = true, 2, true, "1.1.1.1", "ipv4"
	got := monitor.Retire(site(app, name("dns", "203.0.113.10")), site(app, name("dns", "203.0.113.20")), moveAt)
	want := []monitor.Retired{{
		Monitor: monitor.Monitor{
			ID: "app-203-0-113-10", Name: "app (old address 203.0.113.10)", Service: "app", Shadow: true, Expect: []string{"status == 200"}, Locations: []monitor.Location{"us-west-2"},
			HTTP: &monitor.HTTP{URL: "https://app.example.com/health", Address: "203.0.113.10"},
		},
		Address: "203.0.113.10", Until: moveAt.Add(24 * time.Hour),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !app.HTTP.Each {
		t.Error("the monitor itself was changed")
	}
}

// TestRetireAgain: chains of changes. Each old address has a day of its own, and none
// while it is in use.
func TestRetireAgain(t *testing.T) {
	cfg, now := site(web("lb", "203.0.113.1")), moveAt
	for i, step := range []struct {
		after   time.Duration
		address string
		want    []string
	}{
		{time.Hour, "203.0.113.2", []string{"203.0.113.1 for 24h0m0s"}},
		{time.Hour, "203.0.113.2", []string{"203.0.113.1 for 23h0m0s"}},
		{time.Hour, "203.0.113.3", []string{"203.0.113.1 for 22h0m0s", "203.0.113.2 for 24h0m0s"}},
		{time.Hour, "203.0.113.1", []string{"203.0.113.2 for 23h0m0s", "203.0.113.3 for 24h0m0s"}},
		{23 * time.Hour, "203.0.113.1", []string{"203.0.113.3 for 1h0m0s"}},
		{time.Hour, "203.0.113.1", nil},
	} {
		now = now.Add(step.after)
		next := site(web("lb", step.address))
		next.Retired = []monitor.Retired{{Monitor: web("nonsense", "203.0.113.99")}} // what an older version had
		next.Retired = monitor.Retire(cfg, next, now)
		cfg = next
		var got []string
		for _, r := range cfg.Retired {
			got = append(got, fmt.Sprintf("%s for %s", r.Address, r.Until.Sub(now)))
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("change %d (-want +got):\n%s", i, diff)
		}
	}
}

// TestRetireFew: there are never more than a few, and the newest come first; their
// ids are ids, however long those are that they are made of.
func TestRetireFew(t *testing.T) {
	at := func(net int) *monitor.Config {
		var all []monitor.Monitor
		for i := range 5 {
			all = append(all, web(monitor.ID(strings.Repeat("x", 60)+fmt.Sprint(i)), fmt.Sprintf("203.0.%d.%d", net, i)))
		}
		return site(all...)
	}
	second, third := at(2), at(3)
	second.Retired = monitor.Retire(at(1), second, moveAt)
	third.Retired = monitor.Retire(second, third, moveAt.Add(time.Hour))
	newest, ids := 0, map[monitor.ID]bool{}
	for _, r := range third.Retired {
		ids[r.Monitor.ID] = true
		if strings.HasPrefix(r.Address, "203.0.2.") {
			newest++
		}
		if !regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`).MatchString(string(r.Monitor.ID)) {
			t.Errorf("%q is no id", r.Monitor.ID)
		}
	}
	if len(second.Retired) != 5 || len(ids) != monitor.MaxRetired || newest != 5 {
		t.Errorf("got %d, then %d, of which %d are the newest; want 5, %d, 5", len(second.Retired), len(ids), newest, monitor.MaxRetired)
	}
}

// TestInForce: while their time lasts, monitors at old addresses are members of their
// service, which needs no more than before.
func TestInForce(t *testing.T) {
	cfg := site(web("lb", "203.0.113.20"), web("x", "203.0.113.21"))
	if cfg.InForce(moveAt) != cfg {
		t.Error("a configuration without old addresses is copied")
	}
	cfg.Retired = monitor.Retire(site(web("lb", "203.0.113.10"), web("x", "203.0.113.21")), cfg, moveAt)
	for _, test := range []struct {
		name string
		at   time.Time
		want []monitor.ID
	}{
		{"to the end", moveAt.Add(24*time.Hour - 1), []monitor.ID{"lb", "x", "lb-203-0-113-10"}},
		{"at the end", moveAt.Add(24 * time.Hour), []monitor.ID{"lb", "x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := cfg.InForce(test.at)
			if diff := cmp.Diff(test.want, now.Services[0].Monitors); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			for _, id := range now.Services[0].Monitors {
				if _, has := now.Monitor(id); !has {
					t.Errorf("there is no %s", id)
				}
			}
			if _, has := now.Monitor("lb-203-0-113-10"); has != (len(test.want) == 3) || has != now.IsRetired("lb-203-0-113-10") {
				t.Errorf("it is there: %t", has)
			}
			if now.IsRetired("lb") || now.Services[0].Needs != 1 {
				t.Errorf("needs %d", now.Services[0].Needs)
			}
		})
	}
	if len(cfg.Monitors) != 2 || len(cfg.Services[0].Monitors) != 2 {
		t.Error("the configuration was changed")
	}
}
