package cli_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/probe"
	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table"
)

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// past is an incident of the web shop that is over.
func past(id string, from time.Time, lasted time.Duration) incident.Incident {
	to := from.Add(lasted)
	return incident.Incident{ID: id, Title: "Web shop: outage", Root: "web", State: incident.Resolved, Phase: incident.Done, Impact: monitor.ImpactNone, Worst: monitor.ImpactCritical,
		Opened: from, Since: from, Declared: from, Updated: to, Resolved: to,
		Services: []incident.Affected{{ID: "web", Name: "Web shop", Cause: true, Status: monitor.Operational, Since: from, Restored: to, Alive: 1, Total: 1}}}
}

// TestIncidentList: how many are listed, and that none is forgotten that is not over.
func TestIncidentList(t *testing.T) {
	d := newDesk(t)
	for _, limit := range []string{"0", "-1"} {
		_, says := d.run(cli.ExitUsage, "list", "--limit", limit)
		d.says(says, "--limit is "+limit+"\nsonde: hint: give how many")
	}
	at := time.Now().UTC().Truncate(time.Second)
	old := past("oldandopen", at.Add(-100*24*time.Hour), time.Hour)
	old.State, old.Resolved, old.Services[0].Restored = incident.Open, time.Time{}, time.Time{}
	d.put(old)
	d.put(past("oldandover", at.Add(-99*24*time.Hour), time.Hour))
	d.put(past("secondlast", at.Add(-2*time.Hour), time.Minute))
	last := past("thelastone", at.Add(-time.Hour), time.Minute)
	last.Title = "Web\u202e \x1b[31mshop\n"
	d.put(last)
	out, _ := d.run(cli.ExitFine, "list", "--limit", "1")
	want := "thelastone  " + at.Add(-time.Hour).In(d.cfg.Zone()).Format("2006-01-02 15:04 MST") + "  critical  after 1m        Web [31mshop\n" +
		"oldandopen  " + old.Opened.In(d.cfg.Zone()).Format("2006-01-02 15:04 MST") + "  critical  open            Web shop: outage\n"
	if out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
	out, _ = d.run(cli.ExitFine, "list", "--json")
	var listed []store.Listed
	decode(t, out, &listed)
	if len(listed) != 3 || listed[2].ID != "oldandopen" || listed[0].Title != last.Title || strings.ContainsRune(out, '\u202e') {
		t.Errorf("%s", out)
	}
	d.says(out, `"opened": "`+listed[0].Opened.UTC().Format(time.RFC3339)+`"`)
}

// TestIncidentShow: in the site's zone, in words, and nothing that commands a terminal.
func TestIncidentShow(t *testing.T) {
	d := newDesk(t)
	from := time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC)
	inc := past("k3j2h1g5f4d6", from, 90*time.Minute)
	inc.Detail, inc.Acked, inc.By = "web: timeout\u202e: \x1b[31m", from.Add(time.Minute), "arn:aws:sts::123456789012:assumed-role/ops/maria"
	d.put(inc, incident.Update{Incident: inc.ID, At: from, Phase: incident.Investigating, Text: "Web shop: down. \u202e"})
	for _, r := range []store.Receipt{
		{Event: "late-1782878400", Tier: "oncall", Sent: from.Add(time.Hour)},
		{Event: "resolved", Tier: "customers", Sent: from.Add(91 * time.Minute), GaveUp: "endpoint\x1b gone"},
		{Event: "escalated-critical", Tier: "former", Sent: from.Add(2 * time.Minute)},
		{Event: "opened", Tier: "oncall", Sent: from.Add(time.Second), Subject: "ALARM: Web shop: outage - k3j2h1g5f4d6"},
	} {
		d.with(func(s *store.Store) error { return deliver(s, inc.ID, r) })
	}
	out, _ := d.run(cli.ExitFine, "show", inc.ID)
	want := `k3j2h1g5f4d6: Web shop: outage
resolved, resolved, impact none, at worst critical
opened 2026-06-30 20:00:00 PDT, restored 2026-06-30 21:30:00 PDT after 1h 30m
acknowledged 2026-06-30 20:01:00 PDT by maria (ops)
  cause: Web shop: working, 1 of 1 up

What failed:
  web: timeout: [31m

Time line:
  2026-06-30 20:00:00 PDT  investigating  Web shop: down.

Told:
  2026-06-30 20:00:01 PDT  On-call: the beginning (ALARM: Web shop: outage)
  2026-06-30 20:02:00 PDT  former: that it is critical
  2026-06-30 21:00:00 PDT  On-call: a reminder that the update promised for 21:00 PDT is late
  2026-06-30 21:31:00 PDT  Customers: the end, never delivered: endpoint gone
`
	if out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	out, _ = d.run(cli.ExitFine, "show", inc.ID, "--json")
	d.says(out, `"opened": "2026-07-01T03:00:00Z"`)
	if strings.ContainsAny(out, "\u202e\x1b") {
		t.Errorf("%q", out)
	}
}

// deliver writes a receipt as the outbox does.
func deliver(s *store.Store, id string, r store.Receipt) error {
	ctx := context.Background()
	n := incident.Notification{ID: id + string(r.Tier) + r.Event, Incident: id, Tier: r.Tier, Receipt: r.Event, At: r.Sent}
	op, err := store.NotificationOp(n)
	if err != nil {
		return err
	}
	if err := s.Commit(ctx, op); err != nil {
		return err
	}
	pending, err := s.Outbox(ctx, 10)
	if err == nil {
		pending, err = s.Claim(ctx, pending, r.Sent.Add(time.Minute))
	}
	if err != nil {
		return err
	}
	return s.Deliver(ctx, pending, nil, r)
}

// TestEvidence: what the first failing checks saw is shown, without secrets and
// control characters.
func TestEvidence(t *testing.T) {
	d := newDesk(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("no database \x1b[31m\u202e for " + r.Header.Get("Authorization")))
	}))
	defer server.Close()
	const secret = "s3cret-of-the-shop"
	now := func() time.Time { return time.Now().UTC() }
	engine := probe.New(probe.Env{Now: now, Secret: func(context.Context, probe.Reference) (string, error) { return secret, nil }}, probe.Options{})
	from := now().Add(-time.Hour).Truncate(time.Second)
	m := monitor.Monitor{ID: "web", Service: "web", Private: true, Timeout: 5 * time.Second, Expect: []string{"status < 400"},
		HTTP: &monitor.HTTP{URL: server.URL, Method: "GET", MaxBody: 1 << 20, Headers: map[string]string{"Authorization": "Bearer ${secret:token}"}}}
	result := engine.Run(context.Background(), []monitor.Check{{Monitor: m, Location: monitor.Local, Scheduled: from}})[0]
	if result.Status != http.StatusServiceUnavailable || !strings.Contains(result.Body, "no database") {
		t.Fatalf("%+v", result)
	}
	result.Certificate = &monitor.Certificate{Subject: "shop.example.com", Issuer: "A CA\x1b", NotAfter: from.Add(48 * time.Hour), Days: 2}
	result.Body += "\x1b]0;title\a"
	later := result
	later.Scheduled, later.Failure = from.Add(10*time.Minute), &monitor.Failure{Kind: monitor.FailTimeout, Detail: "at its worst"}
	inc := past("k3j2h1g5f4d6", from, 30*time.Minute)
	inc.Detail = "web: timeout: at its worst"
	d.put(inc)
	var ops []table.Op
	for _, r := range []monitor.Result{later, result} {
		op, err := store.EvidenceOp("web", r)
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, op)
	}
	d.write(ops, nil)
	out, _ := d.run(cli.ExitFine, "show", inc.ID, "--evidence")
	asJSON, _ := d.run(cli.ExitFine, "show", inc.ID, "--json")
	draft, _ := d.run(cli.ExitFine, "postmortem", inc.ID)
	for _, want := range []string{
		"What the first failing checks saw:\n  " + from.In(d.cfg.Zone()).Format("2006-01-02 15:04:05 MST") + "  Web shop: web from local\n    failure: expect: ",
		"    status: 503\n    address: 127.0.0.1:", "    phases: ", "first byte", "    certificate: shop.example.com, by A CA, ends ", "    expect FALSE: status < 400 (status was 503)\n",
		"    body: no database", "***", "    failure: timeout: at its worst\n",
	} {
		d.says(out, want)
	}
	if at, worst := strings.Index(draft, "seen from local at 127.0.0.1:"), strings.Index(draft, "at its worst"); at < 0 || worst < at {
		t.Errorf("what failed last stands first:\n%s", draft)
	}
	for _, text := range []string{out, asJSON, draft} {
		if strings.ContainsAny(text, "\x1b\a\u202e") || strings.Contains(text, secret) {
			t.Errorf("%q", text)
		}
	}
	var shown struct{ Evidence []incident.Evidence }
	decode(t, asJSON, &shown)
	if len(shown.Evidence) != 2 || shown.Evidence[0].Service != "web" || shown.Evidence[0].Status != 503 || shown.Evidence[0].Timing.Total == 0 {
		t.Errorf("%s", asJSON)
	}
	if out, _ := d.run(cli.ExitFine, "show", inc.ID); strings.Contains(out, "no database") {
		t.Errorf("evidence that nobody asked for:\n%s", out)
	}
}

// TestPostmortem: of the newest incident, over or not, and of what was measured.
func TestPostmortem(t *testing.T) {
	d := newDesk(t)
	_, says := d.run(cli.ExitUsage, "postmortem")
	d.says(says, "there has been no incident")
	now := time.Now().UTC().Truncate(time.Second)
	from := now.Add(-3 * time.Hour)
	inc := past("k3j2h1g5f4d6", from, time.Hour)
	inc.Since, inc.Services[0].Since = from.Add(10*time.Minute), from
	d.put(past("theonebefore", from.Add(-time.Hour), time.Minute))
	d.put(inc)
	var ops []table.Op
	was := monitor.Operational
	for _, f := range []struct {
		after time.Duration
		to    monitor.Status
	}{{-time.Hour, monitor.Operational}, {0, monitor.AtRisk}, {10 * time.Minute, monitor.MajorOutage}, {30 * time.Minute, monitor.DegradedPerf}, {40 * time.Minute, monitor.NotKnown}, {45 * time.Minute, monitor.MajorOutage}, {time.Hour, monitor.Operational}} {
		op, err := store.FlipOp(monitor.Flip{Service: "web", From: string(was), To: string(f.to), At: from.Add(f.after), Decided: from.Add(f.after)})
		if err != nil {
			t.Fatal(err)
		}
		was, ops = f.to, append(ops, op)
	}
	d.write(ops, nil)
	out, _ := d.run(cli.ExitFine, "postmortem", "--draft")
	d.says(out, "# Web shop: outage, ")
	d.says(out, ": 50m. Impact: critical.")
	d.says(out, " | 35m | 10m | 10m | 5m |\n")
	report, _ := d.sonde(cli.ExitFine, "report", "--window", "24h", "--data", d.dir)
	d.says(report, "       35m ")
	out, _ = d.run(cli.ExitFine, "postmortem", "--id", "theonebefore", "--draft=true")
	d.says(out, ": 1m. Impact")
	_, says = d.run(cli.ExitUsage, "postmortem", "--draft=false")
	d.says(says, "is yours to write")
}
