package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/sim"
)

// played is what came of a scenario, with questions that tests ask.
type played struct {
	*sim.Replay
	t *testing.T
}

var replays sync.Map // of shipped scenarios: each is played once

func shipped(t *testing.T, name string) played {
	t.Helper()
	play := func() (*sim.Replay, error) {
		text, _ := sim.ShippedText(name)
		s, err := sim.ReadScenario(name, text, sim.Options{})
		if err != nil {
			return nil, err
		}
		return s.Replay(context.Background())
	}
	once, _ := replays.LoadOrStore(name, sync.OnceValues(play))
	out, err := once.(func() (*sim.Replay, error))()
	if err != nil {
		t.Fatal(err)
	}
	return played{out, t}
}

// scene plays events against a small fleet.
func scene(t *testing.T, text string) played {
	t.Helper()
	s, err := sim.ReadScenario("mine.yaml", []byte(text), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Replay(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return played{out, t}
}

// clock is a time of the log: 15:04:05.
func clock(h sim.Happening) string { return h.At.Format("15:04:05") }

// told are the messages to a tier.
func (p played) told(tier string) (all []sim.Happening) {
	for _, h := range p.Log {
		if h.Told && h.Who == tier {
			all = append(all, h)
		}
	}
	return all
}

// subjects are what a tier was told, a time and a subject each.
func (p played) subjects(tier string) string {
	var b strings.Builder
	for _, h := range p.told(tier) {
		b.WriteString(clock(h) + " " + h.Subject + "\n")
	}
	return b.String()
}

// first is the first message to a tier whose subject has all of these words.
func (p played) first(tier string, words ...string) sim.Happening {
	p.t.Helper()
	for _, h := range p.told(tier) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(h.Subject, w) }) {
			return h
		}
	}
	p.t.Errorf("%s is never told %q; it is told\n%s", tier, words, p.subjects(tier))
	return sim.Happening{}
}

// between checks when something happened.
func (p played) between(what string, h sim.Happening, from, to string) {
	p.t.Helper()
	if at := clock(h); at < from || at > to {
		p.t.Errorf("%s at %s, not between %s and %s", what, at, from, to)
	}
}

// pages are what the page showed, whenever it changed.
func (p played) pages() (all []sim.Happening) {
	for _, h := range p.Log {
		if h.Page != nil {
			all = append(all, h)
		}
	}
	return all
}

// at is the page at a time of the day of the start.
func (p played) at(clock string) sim.Page {
	p.t.Helper()
	until, err := time.ParseInLocation("2006-01-02 15:04:05", p.From.Format("2006-01-02 ")+clock, p.From.Location())
	if err != nil {
		p.t.Fatal(err)
	}
	if until.Before(p.From) {
		until = until.AddDate(0, 0, 1)
	}
	var page sim.Page
	for _, h := range p.pages() {
		if h.At.After(until) {
			break
		}
		page = *h.Page
	}
	return page
}

// TestTheOutage: what had to be better on 28 May 2019 is.
func TestTheOutage(t *testing.T) {
	p := shipped(t, "outage-2019-05-28")
	if len(p.Incidents) != 1 {
		t.Fatalf("%d incidents, want one", len(p.Incidents))
	}
	inc := p.Incidents[0]

	// Redundancy is lost before the second balancer dies, and the tiers widen.
	p.between("at risk", p.first("oncall", "at risk"), "17:48:00", "17:49:00")
	p.between("on-call hear of the outage", p.first("oncall", "outage"), "18:00:00", "18:01:00")
	p.between("administrators hear of it", p.told("administrators")[0], "18:05:00", "18:06:00")
	p.between("customers hear of it", p.told("customers")[0], "18:20:00", "18:21:00")
	if slices.ContainsFunc(p.told("customers"), func(h sim.Happening) bool { return strings.Contains(h.Subject, "at risk") }) {
		t.Error("customers hear of a lost redundancy")
	}

	// Every tier hears at once that it is restored, and until when caches may fail.
	over := inc.Over.Format("15:04:05")
	if over <= "01:50:00" || over > "01:53:00" || inc.Over.Day() != 29 {
		t.Errorf("over at %s, and old DNS answers last until 01:50", inc.Over)
	}
	for _, tier := range []string{"oncall", "administrators", "customers"} {
		restored := p.first(tier, "cached DNS until 01:50")
		p.between(tier+" hear that it is restored", restored, "00:50:00", "00:51:00")
		if !strings.Contains(restored.Email, "01:50") || !strings.Contains(restored.Email, "flush") {
			t.Errorf("%s are not told how to forget old answers:\n%s", tier, restored.Email)
		}
		p.between(tier+" hear that it is over", p.first(tier, "OK: "), over, "01:53:00")
	}
	if n := strings.Count(p.subjects("oncall"), "is late"); n != 1 {
		t.Errorf("on-call are reminded %d times of the promised update, want once", n)
	}

	// 99.08 % of May 2019, of which what was not played is said.
	if !p.Report.Month || p.Report.Window != "2019-05" || p.Rest == "" {
		t.Errorf("report of %s, month %t, rest %q", p.Report.Window, p.Report.Month, p.Rest)
	}
	from, to := inc.Lasted()
	for _, s := range p.Report.Services {
		if math.Abs(s.Uptime-0.9908) > 0.00005 {
			t.Errorf("%s was up %.4f of May 2019", s.ID, s.Uptime)
		}
		if down := time.Duration(s.DownS) * time.Second; (down - to.Sub(from)).Abs() > time.Minute {
			t.Errorf("%s was down for %s by the report, and the incident lasted %s", s.ID, down, to.Sub(from))
		}
		if !strings.Contains(inc.FollowUp, "| "+s.Name+" |") || !strings.Contains(inc.FollowUp, incident.Span(time.Duration(s.DownS)*time.Second)) {
			t.Errorf("the follow-up has not the %d s of %s:\n%s", s.DownS, s.Name, inc.FollowUp)
		}
	}

	// When each tier heard is counted from what its message is about, to when it was sent.
	for i, want := range []struct {
		tier   monitor.TierID
		outage bool
		most   time.Duration
	}{{"oncall", false, time.Minute}, {"oncall", true, time.Minute}, {"administrators", true, 6 * time.Minute}, {"customers", true, 21 * time.Minute}} {
		h := inc.Heard[i]
		if h.Tier != want.tier || h.Outage != want.outage || h.At.Sub(h.Since) > want.most || h.At.Before(h.Since) {
			t.Errorf("heard: %+v, want %+v", h, want)
		}
	}
}

// TestThePage: what visitors saw on the evening of 28 May 2019.
func TestThePage(t *testing.T) {
	p := shipped(t, "outage-2019-05-28")
	for _, want := range []struct {
		at     string
		status monitor.Status
		next   string
		until  string
	}{
		{"17:45:00", monitor.Operational, "", ""},
		{"17:50:00", monitor.AtRisk, "", ""},
		{"18:01:00", monitor.MajorOutage, "", ""},
		{"18:16:00", monitor.MajorOutage, "19:00", ""},
		{"18:59:00", monitor.MajorOutage, "20:58", ""},
		{"00:51:00", monitor.Operational, "", "01:50"},
		{"02:00:00", monitor.Operational, "", "01:50"},
	} {
		got := p.at(want.at)
		next, until := "", ""
		if len(got.Incidents) > 0 {
			if t := got.Incidents[0].Next; !t.IsZero() {
				next = t.Format("15:04")
			}
			if t := got.Incidents[0].DNSUntil; !t.IsZero() {
				until = t.Format("15:04")
			}
		}
		if got.Status != want.status || next != want.next || until != want.until {
			t.Errorf("at %s the page shows %q (%s), next update %q, cached DNS until %q; want %+v", want.at, got.Banner, got.Status, next, until, want)
		}
	}
	answering := func(at string) (n int) {
		for _, r := range p.at(at).Resolvers {
			if r.New {
				n++
			}
		}
		return n
	}
	for at, want := range map[string]int{"00:52:00": 0, "01:10:00": 1, "01:20:00": 2} {
		if got := answering(at); got != want || len(p.at(at).Resolvers) != 3 {
			t.Errorf("at %s, %d of %d resolvers answer with the new address, want %d of 3", at, got, len(p.at(at).Resolvers), want)
		}
	}
	if left := p.at("01:30:00").Resolvers; len(left) != 0 {
		t.Errorf("all resolvers answer as they should, and are listed: %v", left)
	}
	if got := p.at("23:59:59"); len(got.Incidents) == 0 || got.Incidents[0].Latest == "" {
		t.Errorf("the page has no update: %+v", got)
	}
	last := p.pages()[len(p.pages())-1].Page
	if p.Page.Banner != last.Banner || p.Page.Status != monitor.Operational {
		t.Errorf("in the end the page shows %q", p.Page.Banner)
	}
}

// TestFlapping: what keeps changing is one incident, told when it begins and when it
// is steady, however often it changes.
func TestFlapping(t *testing.T) {
	p := shipped(t, "flapping")
	last := p.Incidents[len(p.Incidents)-1]
	if len(p.Incidents) > 3 {
		t.Errorf("%d incidents of 12 failures", len(p.Incidents))
	}
	// Down at 09:10, and a change every minute: the sixth is at 09:15.
	for _, u := range last.Updates {
		if strings.Contains(u.Text, "keeps") {
			if at := u.At.In(p.From.Location()).Format("15:04"); at != "09:15" {
				t.Errorf("it is known to flap at %s: %s", at, u.Text)
			}
			break
		}
	}
	in, out := 0, 0
	for _, h := range p.told("oncall") {
		if strings.Contains(h.Subject, last.ID) {
			if strings.HasPrefix(h.Subject, "OK: ") {
				out++
			} else {
				in++
			}
		}
	}
	if in != 2 || out != 1 { // that it is down, which is its fifth change, and that it flaps
		t.Errorf("of the service that keeps changing on-call hear %d times, and %d times that it is over, want two and one:\n%s", in, out, p.subjects("oncall"))
	}
	if len(p.told("customers")) > 0 {
		t.Errorf("customers hear of what is never down for 20 minutes:\n%s", p.subjects("customers"))
	}
	// It worked again long before it was known to be over, and that was when it was told.
	_, restored := last.Lasted()
	end := p.first("oncall", "OK: ", last.ID)
	if last.Over.Sub(restored) < 10*time.Minute || end.At.Sub(last.Over).Abs() > time.Minute {
		t.Errorf("restored at %s, over at %s, told at %s", restored, last.Over, clock(end))
	}
}

// TestRegionCutOff: a Region that sees everything fail alone is set aside, with one
// message in and one out for on-call, and no outage.
func TestRegionCutOff(t *testing.T) {
	p := shipped(t, "region-cut-off")
	var in, out []string
	for _, h := range p.told("oncall") {
		switch {
		case !strings.Contains(h.Subject, "us-east-1") || clock(h) > "09:30:00":
		case strings.HasPrefix(h.Subject, "OK: "):
			out = append(out, clock(h))
		default:
			in = append(in, clock(h))
		}
	}
	if len(in) != 1 || in[0] < "09:10:00" || in[0] > "09:13:00" {
		t.Errorf("on-call hear that the Region is set aside at %v, want once, at about 09:11", in)
	}
	if len(out) != 1 || out[0] < "09:25:00" || out[0] > "09:28:00" {
		t.Errorf("on-call hear that the Region is fine again at %v, want once, at about 09:25", out)
	}
	for _, tier := range []string{"administrators", "customers"} {
		for _, h := range p.told(tier) {
			if strings.Contains(h.Subject, "us-east-1") || clock(h) < "09:45:00" {
				t.Errorf("%s hear %q at %s", tier, h.Subject, clock(h))
			}
		}
	}
	if n := len(p.told("customers")); n > 0 {
		t.Errorf("%d messages to customers, want none: the one outage lasts for less than their delay", n)
	}
	for _, h := range p.pages() {
		if c := clock(h); c > "09:01:00" && c < "09:45:00" {
			t.Errorf("the page changes at %s, and nothing is down: %q", c, h.Page.Banner)
		}
	}
	// Two Regions that are left can say that something is down.
	p.between("the outage", p.first("oncall", "api", "outage"), "09:45:00", "09:46:00")
	p.between("its end", p.first("oncall", "OK: api"), "10:00:00", "10:01:00")
	// That it is silent on-call hear, and that it is heard again.
	p.between("the silence", p.first("oncall", "us-east-1: no results"), "09:33:00", "09:35:00")
	p.between("the end of the silence", p.first("oncall", "OK: Checks from us-east-1", "restored at 10:1"), "10:10:00", "10:12:00")
	if len(p.Incidents) != 3 {
		t.Errorf("%d incidents, want the Region's two and the api's", len(p.Incidents))
	}
}

// TestMaintenanceOverrun: no alert inside the maintenance, one outage when it should be
// over and is not, and no downtime for what was announced.
func TestMaintenanceOverrun(t *testing.T) {
	p := shipped(t, "maintenance-overrun")
	for _, tier := range []string{"oncall", "administrators", "customers"} {
		for _, h := range p.told(tier) {
			if strings.HasPrefix(h.Subject, "ALARM") && clock(h) > "21:30:00" && clock(h) < "23:00:00" {
				t.Errorf("%s hear %q at %s, within the maintenance", tier, h.Subject, clock(h))
			}
		}
	}
	for _, tier := range []string{"oncall", "customers"} { // who want to know of maintenance
		p.between("the beginning, to "+tier, p.told(tier)[0], "22:00:00", "22:01:30")
		p.first(tier, "OK: ")
	}
	p.between("the overrun, to on-call", p.first("oncall", "ALARM", "outage"), "23:00:00", "23:02:00")
	p.between("the overrun, to customers", p.first("customers", "outage"), "23:20:00", "23:22:00")
	if len(p.Incidents) != 1 {
		t.Errorf("%d incidents, want one", len(p.Incidents))
	}
	for _, s := range p.Report.Services {
		if down := time.Duration(s.DownS) * time.Second; (down - 50*time.Minute).Abs() > 2*time.Minute {
			t.Errorf("%s was down for %s, want the 50 minutes after the maintenance", s.ID, down)
		}
		if maint := time.Duration(s.MaintS) * time.Second; (maint - time.Hour).Abs() > 2*time.Minute {
			t.Errorf("%s was in maintenance for %s, want an hour", s.ID, maint)
		}
	}
}

// TestStorm: what three hundred sites have in common is one message for each tier.
func TestStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("three hundred sites take half a minute")
	}
	p := shipped(t, "storm")
	if len(p.Incidents) != 300 {
		t.Errorf("%d incidents, want 300", len(p.Incidents))
	}
	for tier, span := range map[string][2]string{
		"oncall": {"09:11:05", "09:12:30"}, "administrators": {"09:15:05", "09:16:30"}, "customers": {"09:30:05", "09:31:30"},
	} {
		begun, ends, over := 0, 0, 0
		for _, h := range p.told(tier) {
			if strings.HasPrefix(h.Subject, "OK: ") {
				ends, over = ends+1, over+h.Incidents
				continue
			}
			begun++
			if h.Incidents != 300 {
				t.Errorf("%s hear of %d incidents in one message, want 300", tier, h.Incidents)
			}
			p.between(tier+" hear", h, span[0], span[1])
		}
		if begun != 1 || ends > 7 || over != 300 {
			t.Errorf("%s hear of the beginning in %d messages, want 1, and of %d ends in %d, want 300 in at most 7:\n%s", tier, begun, over, ends, p.subjects(tier))
		}
	}
}

// TestCertificateExpiry: the warning does not hide the outage, and the outage not that
// the certificate has run out.
func TestCertificateExpiry(t *testing.T) {
	p := shipped(t, "certificate-expiry")
	p.between("the warning", p.first("oncall", "certificate", "within a day"), "09:10:00", "09:12:00")
	p.between("the outage", p.first("oncall", "outage"), "09:40:00", "09:41:00")
	p.between("the end of the certificate, in the outage", p.first("oncall", "certificate has"), "10:00:00", "10:02:00")
	p.between("the outage, to customers", p.first("customers", "outage"), "10:00:00", "10:01:30")
	p.between("the real end, to customers", p.told("customers")[len(p.told("customers"))-1], "11:40:00", "11:41:30")
	for _, h := range p.told("customers") {
		if strings.Contains(strings.ToLower(h.Subject), "certificate") {
			t.Errorf("customers hear %q", h.Subject)
		}
	}
	for _, s := range p.Report.Services {
		want := map[monitor.ServiceID]time.Duration{"storage": 50 * time.Minute, "shop": 2 * time.Hour}[s.ID]
		if down := time.Duration(s.DownS) * time.Second; (down - want).Abs() > time.Minute {
			t.Errorf("%s was down for %s, want %s", s.ID, down, want)
		}
	}
	if got := p.at("11:00:00"); got.Status == monitor.Operational {
		t.Errorf("at 11:00 the page shows %q, and the certificate has ended", got.Banner)
	}
	// When the database works again, at 10:30, nobody is told that the shop is restored,
	// whose certificate has ended meanwhile: it should work, and two minutes later it is
	// known not to.
	for _, tier := range []string{"oncall", "administrators", "customers"} {
		for _, h := range p.told(tier) {
			over := strings.HasPrefix(h.Subject, "OK: Shop") && clock(h) < "11:40:00"
			if over && (strings.Contains(h.Subject+h.SMS, "restored") || !strings.Contains(h.Subject, "should work again") || !strings.Contains(h.SMS, "should work again")) {
				t.Errorf("%s hear %q, %q at %s, and the shop is down", tier, h.Subject, h.SMS, clock(h))
			}
		}
	}
}

// TestSameBytes: a replay is the same bytes again, wherever it is played. It plays
// itself in other processes, with another zone and one core.
func TestSameBytes(t *testing.T) {
	const asked = "SONDE_REPLAY_BYTES"
	text, _ := sim.ShippedText("outage-2019-05-28")
	play := func() []byte {
		s, err := sim.ReadScenario("outage-2019-05-28", text, sim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Replay(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	if into := os.Getenv(asked); into != "" {
		if err := os.WriteFile(into, play(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := play()
	if again := play(); !bytes.Equal(again, want) {
		t.Error("played twice in a row, it is not the same")
	}
	for _, setting := range []string{"TZ=Asia/Tokyo", "GOMAXPROCS=1"} {
		into := t.TempDir() + "/replay.json"
		cmd := exec.Command(os.Args[0], "-test.run", "^TestSameBytes$")
		cmd.Env = append(os.Environ(), setting, asked+"="+into)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", setting, err, out)
		}
		if got, err := os.ReadFile(into); err != nil || !bytes.Equal(got, want) {
			t.Errorf("with %s it is not the same: %v", setting, err)
		}
	}
}
