package inbox_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/notify/inbox"
)

func serve(t *testing.T, in *inbox.Inbox) string {
	t.Helper()
	server := httptest.NewServer(in)
	t.Cleanup(server.Close)
	return server.URL
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, response.Status, err)
	}
	return response, string(body)
}

func TestPage(t *testing.T) {
	in := inbox.New(10, inbox.Now(clock()))
	publish(t, in, message("first", "oncall"))
	update := message("second", "oncall")
	update.SMS, update.Attributes["event"] = "", "updated"
	publish(t, in, update)
	publish(t, in, message("third", "customers"))
	response, page := get(t, serve(t, in)+"/inbox")
	// In this order: tiers as they first heard, each with the newest first.
	rest := page
	for _, want := range []string{
		`http-equiv="refresh" content="5"`, "<h2>oncall</h2>", "<h3>ALARM: Web: outage - second</h3>", "No SMS",
		`<article class="opened">`, "<h3>ALARM: Web: outage - first</h3>", `datetime="2019-05-29T01:00:08Z"`, "<pre>Web: down.\n</pre>",
		`<p class="sms">DOWN: Web [€]</p>`, "SMS, 16 of 160 characters", "<h2>customers</h2>", "<h3>ALARM: Web: outage - third</h3>",
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("the page lacks %q, or has it too early:\n%s", want, page)
		}
		rest = after
	}
	if strings.Contains(page, "<script") || strings.Contains(page, " style=") {
		t.Errorf("the page has a script or a style that its policy forbids:\n%s", page)
	}
	_, style, _ := strings.Cut(page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy: %s", policy)
	}
}

// TestNote: what there is to say of all tiers stands above the messages, as text.
func TestNote(t *testing.T) {
	n := 0
	in := inbox.New(1, inbox.Note(func(context.Context) []string {
		n++
		return []string{fmt.Sprintf("%d of 4 tiers reachable", n), "<script>: never tried"}
	}))
	url := serve(t, in)
	for range 2 {
		get(t, url+"/inbox.json") // lists messages
	}
	get(t, url+"/inbox")
	if _, page := get(t, url+"/inbox"); !strings.Contains(page, "<ul><li>2 of 4 tiers reachable</li><li>&lt;script&gt;: never tried</li></ul>\n<p>Nobody has been told") {
		t.Errorf("page:\n%s", page)
	}
}

// TestForms: tiers for chats and programs are shown what they get, and no e-mail.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*notify.Message)
		want   string
	}{
		{"chat", func(m *notify.Message) { m.Chat = `{"version":"1.0"}` }, "<pre>{\n  &#34;version&#34;: &#34;1.0&#34;\n}</pre><small>For a chat"},
		{"program", func(m *notify.Message) { m.Program, m.Machine = true, `{"AlarmName":"x"}` }, "<pre>{\n  &#34;AlarmName&#34;: &#34;x&#34;\n}</pre><small>For programs"},
	} {
		in := inbox.New(1, inbox.Now(clock()))
		m := message("a", "tier")
		c.change(&m)
		publish(t, in, m)
		if _, page := get(t, serve(t, in)+"/inbox"); !strings.Contains(page, c.want) || strings.Contains(page, m.Email) || strings.Contains(page, "SMS,") {
			t.Errorf("%s:\n%s", c.name, page)
		}
	}
}

func TestStillPage(t *testing.T) {
	if _, page := get(t, serve(t, inbox.New(1))+"/inbox?refresh=0"); strings.Contains(page, "http-equiv") || !strings.Contains(page, "Nobody has been told") {
		t.Errorf("page:\n%s", page)
	}
}

// TestHostileText: what stands in a message is text on the page.
func TestHostileText(t *testing.T) {
	in := inbox.New(10)
	in.Add(t0, notify.Message{
		ID: "x", Tier: `"><script>alert(1)</script>`, Subject: "</h3><script>", Email: "</pre><script>", SMS: "</p><script>", Machine: `{"a":"</pre><script>"}`,
		Attributes: map[string]string{"event": `"><script>`},
	})
	if _, page := get(t, serve(t, in)+"/inbox"); strings.Contains(page, "<script") || strings.Count(page, "&lt;script&gt;") != 6 {
		t.Errorf("page:\n%s", page)
	}
}

func TestJSON(t *testing.T) {
	in := inbox.New(10, inbox.Now(clock()))
	url := serve(t, in) + "/inbox.json"
	if _, body := get(t, url); strings.TrimSpace(body) != "[]" {
		t.Errorf("empty: %s", body)
	}
	publish(t, in, message("first", "oncall"))
	response, body := get(t, url)
	var got []struct {
		At         time.Time
		Message    notify.Message
		SMSSeptets int `json:"sms_septets"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got) != 1 || got[0].Message.Subject != "ALARM: Web: outage - first" || got[0].SMSSeptets != 16 {
		t.Errorf("got %s, %v", body, err)
	}
	if kind := response.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("content type %q", kind)
	}
}

func TestReadOnly(t *testing.T) {
	response, err := http.Post(serve(t, inbox.New(1))+"/inbox", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("got %s", response.Status)
	}
}
