package feed_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed"
	"pgregory.net/rapid"

	"github.com/sondehq/sonde/internal/api/feed"
	"github.com/sondehq/sonde/internal/api/nodetest"
	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/store"
)

var t0 = time.Date(2019, 5, 29, 1, 30, 0, 0, time.UTC)

const hostile = "</title><script>alert(1)</script>]]> & \"q\" 'a' \x00\x1b\u0085 \ufffe \xff"

// source has three incidents, two of which began in the same second, and hostile
// texts.
func source() feed.Source {
	ago := func(d time.Duration) time.Time { return t0.Add(-d) }
	one := func(id string, began, updated time.Duration, phases ...incident.Phase) store.IncidentView {
		i := store.IncidentView{
			ID: id, Title: "Outage " + id, State: incident.Open, Phase: incident.Investigating, Worst: monitor.ImpactMajor,
			Opened: ago(began), Updated: ago(updated), Services: []monitor.ServiceID{"web", "gone"},
		}
		for n, p := range phases {
			at := ago(began).Add(time.Duration(n) * 10 * time.Minute)
			i.Updates = append([]store.UpdateView{{At: at, Phase: p, Text: fmt.Sprintf("Text %d of %s\nin two lines", n+1, id)}}, i.Updates...)
		}
		return i
	}
	c := one("c", 50*time.Hour, 20*time.Hour)
	c.Title = hostile
	return feed.Source{
		Base: "https://status.example.com", Self: "https://status.example.com/history.atom",
		Snapshot: &store.Snapshot{
			Generated: t0, Site: monitor.Site{Name: "Zeit & Söhne"},
			Services: []store.ServiceView{{ID: "web", Name: "Web <application>"}},
			Incidents: []store.IncidentView{
				one("a", time.Hour, 40*time.Minute, incident.Investigating, incident.Identified, incident.Done),
				one("b", time.Hour, 50*time.Minute, incident.Investigating, incident.Done), c,
			},
		},
	}
}

type item struct {
	ID, Title, Link, Published, Text string
}

func write(t *testing.T, s feed.Source, of func(feed.Source) ([]byte, error)) []byte {
	t.Helper()
	body, err := of(s)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func rfc3339(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func withGofeed(t *testing.T, body []byte) (*gofeed.Feed, []item) {
	t.Helper()
	parsed, err := gofeed.NewParser().Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("gofeed: %v in\n%s", err, body)
	}
	var items []item
	for _, i := range parsed.Items {
		items = append(items, item{i.GUID, i.Title, i.Link, rfc3339(i.PublishedParsed), i.Content + i.Description})
	}
	return parsed, items
}

const withFeedsmith = `
import { parseFeed } from 'feedsmith'
import { readFileSync } from 'node:fs'
const { format, feed } = parseFeed(readFileSync(0, 'utf8'))
const items = format === 'atom'
  ? feed.entries.map(e => ({ ID: e.id, Title: e.title.value ?? e.title, Link: e.links[0].href, Published: e.published, Text: e.content.value ?? e.content }))
  : feed.items.map(i => ({ ID: i.guid.value, Title: i.title, Link: i.link, Published: new Date(i.pubDate).toISOString().replace('.000Z', 'Z'), Text: i.description }))
console.log(JSON.stringify(items))
`

// TestReaders: two readers, of Go and of JavaScript, read the same news from both
// forms: every incident once, newest first, at times of their own.
func TestReaders(t *testing.T) {
	const tag = "tag:status.example.com,2005:Incident/"
	const link = "https://status.example.com/incidents/"
	for _, form := range []struct {
		name string
		of   func(feed.Source) ([]byte, error)
	}{{"atom", feed.Atom}, {"rss", feed.RSS}} {
		body := write(t, source(), form.of)
		parsed, items := withGofeed(t, body)
		if parsed.FeedType != form.name || parsed.Title != "Zeit & Söhne status: incidents" || parsed.Link != "https://status.example.com/" || parsed.FeedLink != source().Self {
			t.Errorf("%s: %s %q %s %s", form.name, parsed.FeedType, parsed.Title, parsed.Link, parsed.FeedLink)
		}
		want := []item{
			{tag + "b", "Outage b", link + "b", "2019-05-29T00:30:01Z", ""},
			{tag + "a", "Outage a", link + "a", "2019-05-29T00:30:00Z", ""},
			{tag + "c", `</title><script>alert(1)</script>]]> & "q" 'a'`, link + "c", "2019-05-26T23:30:00Z", ""},
		}
		var theirs []item
		if err := json.Unmarshal(nodetest.Run(t, withFeedsmith, body, "feedsmith@3.0.1"), &theirs); err != nil {
			t.Fatal(err)
		}
		for i := range theirs {
			if i < len(items) && theirs[i].Text != items[i].Text {
				t.Errorf("%s: feedsmith reads %q, gofeed %q", form.name, theirs[i].Text, items[i].Text)
			}
		}
		if len(items) > 1 && (strings.Count(items[1].Text, "<p>") != 4 || strings.Index(items[1].Text, "Resolved") > strings.Index(items[1].Text, "Investigating")) {
			t.Errorf("%s: updates of a:\n%s", form.name, items[1].Text)
		}
		for i := range items {
			if !strings.Contains(items[i].Text, "Web &lt;application&gt;, gone") {
				t.Errorf("%s: services in\n%s", form.name, items[i].Text)
			}
			items[i].Text = ""
		}
		for i := range theirs {
			theirs[i].Text = ""
		}
		if diff := cmp.Diff(want, items); diff != "" {
			t.Errorf("%s, gofeed (-want +got):\n%s", form.name, diff)
		}
		if diff := cmp.Diff(want, theirs); diff != "" {
			t.Errorf("%s, feedsmith (-want +got):\n%s", form.name, diff)
		}
	}
}

// TestEachUpdate: one entry an update, with an id that stays when more follow.
func TestEachUpdate(t *testing.T) {
	s := source()
	s.Each = true
	_, before := withGofeed(t, write(t, s, feed.RSS))
	var got []string
	for _, i := range before {
		got = append(got, i.Published+" "+strings.TrimPrefix(i.ID, "tag:status.example.com,2005:Incident/")+" "+i.Title)
	}
	want := []string{
		"2019-05-29T00:50:00Z a/3 [Resolved] Outage a",
		"2019-05-29T00:40:01Z b/2 [Resolved] Outage b",
		"2019-05-29T00:40:00Z a/2 [Identified] Outage a",
		"2019-05-29T00:30:01Z b/1 [Investigating] Outage b",
		"2019-05-29T00:30:00Z a/1 [Investigating] Outage a",
		`2019-05-26T23:30:00Z c/1 [Investigating] </title><script>alert(1)</script>]]> & "q" 'a'`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	i := &s.Snapshot.Incidents[1]
	i.Updates = append([]store.UpdateView{{At: t0, Phase: incident.Monitoring, Text: "Again."}}, i.Updates...)
	_, after := withGofeed(t, write(t, s, feed.RSS))
	if len(after) != len(before)+1 {
		t.Fatalf("%d entries after one more", len(after))
	}
	if diff := cmp.Diff(before, after[1:]); diff != "" {
		t.Errorf("one more update changed others (-before +after):\n%s", diff)
	}
}

// TestUnchanged: nothing new, not a byte new.
func TestUnchanged(t *testing.T) {
	for _, of := range []func(feed.Source) ([]byte, error){feed.Atom, feed.RSS, func(s feed.Source) ([]byte, error) { return feed.Calendar(s), nil }} {
		s := source()
		s.Snapshot.Maintenance = planned()
		before := write(t, s, of)
		s.Snapshot.Generated = t0.Add(10 * time.Minute)
		if diff := cmp.Diff(string(before), string(write(t, s, of))); diff != "" {
			t.Errorf("a minute later (-before +after):\n%s", diff)
		}
	}
}

func TestEmpty(t *testing.T) {
	s := source()
	s.Snapshot.Incidents = nil
	for _, of := range []func(feed.Source) ([]byte, error){feed.Atom, feed.RSS} {
		if parsed, items := withGofeed(t, write(t, s, of)); len(items) != 0 || parsed.UpdatedParsed == nil {
			t.Errorf("%d items, updated %v", len(items), parsed.UpdatedParsed)
		}
	}
}

// TestAnyText: whatever titles and texts hold, the feed is XML, and dates are
// strictly descending.
func TestAnyText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := source()
		s.Snapshot.Site.Name = rapid.String().Draw(rt, "site")
		s.Snapshot.Incidents = nil
		for n := range rapid.IntRange(0, 60).Draw(rt, "incidents") {
			s.Snapshot.Incidents = append(s.Snapshot.Incidents, store.IncidentView{
				ID: fmt.Sprint(n), Title: rapid.String().Draw(rt, "title"), Opened: t0.Add(-time.Duration(rapid.IntRange(0, 5).Draw(rt, "ago")) * 300 * time.Millisecond),
				Updates: []store.UpdateView{{At: t0, Text: string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(rt, "text"))}},
			})
		}
		s.Each = rapid.Bool().Draw(rt, "each")
		for _, of := range []func(feed.Source) ([]byte, error){feed.Atom, feed.RSS} {
			body, err := of(s)
			if err != nil {
				rt.Fatal(err)
			}
			for d := xml.NewDecoder(bytes.NewReader(body)); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					rt.Fatalf("%v in\n%s", err, body)
				}
			}
			parsed, err := gofeed.NewParser().Parse(bytes.NewReader(body))
			if err != nil {
				rt.Fatal(err)
			}
			if want := min(len(s.Snapshot.Incidents), feed.Max); len(parsed.Items) != want {
				rt.Fatalf("%d items, want %d", len(parsed.Items), want)
			}
			for i := 1; i < len(parsed.Items); i++ {
				if !parsed.Items[i].PublishedParsed.Before(*parsed.Items[i-1].PublishedParsed) {
					rt.Fatalf("item %d is of %v, the one before of %v", i, parsed.Items[i].PublishedParsed, parsed.Items[i-1].PublishedParsed)
				}
			}
		}
	})
}

func planned() []store.MaintenanceView {
	return []store.MaintenanceView{
		{ID: "m1", Title: "Disks, new; \\ and old", Text: "First line\r\nsecond, " + strings.Repeat("größer ", 40), State: store.MaintenanceScheduled,
			Starts: t0.Add(time.Hour), Ends: t0.Add(2 * time.Hour), Created: t0.Add(-time.Hour), Updated: t0.Add(-30 * time.Minute), Services: []monitor.ServiceID{"web"}},
		{ID: "m2", Title: hostile + "\nBEGIN:VEVENT\r\nX:1", State: store.MaintenanceCompleted, Starts: t0.Add(-2 * time.Hour), Ends: t0.Add(-2 * time.Hour)},
	}
}

const withICAL = `
import ICAL from 'ical.js'
import { readFileSync } from 'node:fs'
const calendar = new ICAL.Component(ICAL.parse(readFileSync(0, 'utf8')))
console.log(JSON.stringify(calendar.getAllSubcomponents('vevent').map(c => {
  const e = new ICAL.Event(c)
  return { UID: e.uid, Summary: e.summary, Description: e.description ?? '', Start: e.startDate.toJSDate().toISOString(), End: e.endDate.toJSDate().toISOString(), Sequence: e.sequence }
})))
`

type event struct {
	UID, Summary, Description, Start, End string
	Sequence                              int
}

// TestCalendar: Thunderbird's parser and one of Go read the same dates.
func TestCalendar(t *testing.T) {
	s := source()
	s.Snapshot.Maintenance = planned()
	body := feed.Calendar(s)
	for line := range bytes.SplitSeq(bytes.TrimSuffix(body, []byte("\r\n")), []byte("\r\n")) {
		if len(line) > 75 || bytes.ContainsAny(line, "\r\n") || len(line) == 0 {
			t.Errorf("%d octets: %q", len(line), line)
		}
		if !bytes.Equal(bytes.ToValidUTF8(line, nil), line) {
			t.Errorf("a character is cut in two: %q", line)
		}
	}
	want := []event{
		{"m1@status.example.com", `Disks, new; \ and old`, "First line\nsecond, " + strings.TrimSpace(strings.Repeat("größer ", 40)) + "\n\nServices: Web <application>",
			"2019-05-29T02:30:00.000Z", "2019-05-29T03:30:00.000Z", 1800},
		{"m2@status.example.com", `</title><script>alert(1)</script>]]> & "q" 'a' BEGIN:VEVENT X:1`, "", "2019-05-28T23:30:00.000Z", "2019-05-28T23:30:00.000Z", 0},
	}
	var got []event
	if err := json.Unmarshal(nodetest.Run(t, withICAL, body, "ical.js@2.2.1"), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ical.js (-want +got):\n%s", diff)
	}
	parsed, err := ics.ParseCalendar(bytes.NewReader(body))
	if err != nil || len(parsed.Events()) != 2 {
		t.Fatalf("golang-ical: %v, %d events", err, len(parsed.Events()))
	}
	for i, e := range parsed.Events() {
		start, err := e.GetStartAt()
		if err != nil || start.UTC().Format("2006-01-02T15:04:05.000Z") != want[i].Start || e.Id() != want[i].UID {
			t.Errorf("golang-ical: %s at %v, %v", e.Id(), start, err)
		}
	}
	if empty := feed.Calendar(source()); !bytes.Contains(empty, []byte("END:VTIMEZONE\r\nEND:VCALENDAR\r\n")) {
		t.Errorf("a calendar without events:\n%s", empty)
	}
}

// FuzzCalendar: no text gets out of its line.
func FuzzCalendar(f *testing.F) {
	f.Add("title", "text\r\nEND:VEVENT", "id")
	f.Add(strings.Repeat("ü", 80), "\x00;,\\", "a\nb")
	f.Fuzz(func(t *testing.T, title, body, id string) {
		s := source()
		s.Snapshot.Maintenance = []store.MaintenanceView{{ID: id, Title: title, Text: body, Starts: t0, Ends: t0.Add(time.Hour)}}
		out := feed.Calendar(s)
		if n := bytes.Count(out, []byte("\r\nBEGIN:VEVENT\r\n")); n != 1 || bytes.Count(out, []byte("\n")) != bytes.Count(out, []byte("\r\n")) {
			t.Errorf("%d events in\n%q", n, out)
		}
		for line := range bytes.SplitSeq(out, []byte("\r\n")) {
			if len(line) > 75 {
				t.Errorf("%d octets: %q", len(line), line)
			}
		}
	})
}
