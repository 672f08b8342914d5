package notify_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/notify"
)

func inChat(n incident.Notification) incident.Notification {
	n.Tier, n.Chat = "chat", true
	return n
}

// custom is what the tests read of a message for a chat.
type custom struct {
	Version, Source, ID string
	Content             struct {
		TextType, Title, Description string
		NextSteps                    []string
	}
	Metadata struct {
		ThreadID, Summary, EventType string
		AdditionalContext            map[string]string
	}
}

func sent(t tester, m notify.Message) (c custom) {
	t.Helper()
	if err := json.Unmarshal([]byte(m.Chat), &c); err != nil {
		t.Errorf("chat: %v: %s", err, m.Chat)
	}
	return c
}

// chats are messages for chats.
func chats() map[string][]incident.Notification {
	all := map[string][]incident.Notification{
		"chat-opened":           {notification(incident.EventOpened, false)},
		"chat-updated":          {notification(incident.EventUpdated, false)},
		"chat-resolved":         {notification(incident.EventResolved, false)},
		"chat-public":           {notification(incident.EventOpened, true)},
		"chat-maintenance":      {planned(incident.EventMaintenance)},
		"chat-maintenance-over": {planned(incident.EventMaintained)},
	}
	asked := told()["asked"][0]
	asked.At = t0
	all["chat-digest"] = append(others(44, incident.EventOpened), asked)
	for _, kind := range []string{"expiring", "asked", "nag", "test", "test-public"} {
		all["chat-"+kind] = told()[kind]
	}
	for _, ns := range all {
		for i := range ns {
			ns[i] = inChat(ns[i])
		}
	}
	return all
}

// TestChat: what Amazon Q Developer gets.
func TestChat(t *testing.T) {
	for name, all := range chats() {
		m := notify.Compose(all)
		check(t, m)
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, []byte(m.Chat), "", "  "); err != nil {
			t.Fatal(err)
		}
		golden(t, name, pretty.String()+"\n")
		if c := sent(t, m); len(all) == 1 && c.Metadata.ThreadID != all[0].Incident {
			t.Errorf("%s: thread %s", name, c.Metadata.ThreadID)
		}
	}
	if m := notify.Compose([]incident.Notification{notification(incident.EventOpened, false)}); m.Chat != "" {
		t.Errorf("a tier that is no chat: %s", m.Chat)
	}
}

// TestChatHostile: a target's words mention nobody and lay out nothing.
func TestChatHostile(t *testing.T) {
	n := inChat(notification(incident.EventOpened, false))
	n.Detail = "<!channel> <https://evil.example|click> `code` *bold* @here " + strings.Repeat("x", 100_000)
	m := notify.Compose([]incident.Notification{n})
	c := sent(t, m)
	if strings.ContainsAny(c.Content.Description+c.Content.Title, "<>`*|@") || len(c.Content.Description) > 4000 {
		t.Errorf("%.300s", c.Content.Description)
	}
}

// TestChatDigest: several incidents are one message in a thread of its own, with as
// many as it holds and a link to the rest.
func TestChatDigest(t *testing.T) {
	all := chats()["chat-digest"]
	m := notify.Compose(all)
	c := sent(t, m)
	first, rest, _ := strings.Cut(c.Content.Description, "\n")
	if c.Metadata.ThreadID != m.ID || c.Metadata.Summary != "45 incidents are open." || first != c.Metadata.Summary {
		t.Errorf("thread %s, summary %q, first line %q", c.Metadata.ThreadID, c.Metadata.Summary, first)
	}
	for _, want := range []string{"• ALARM: Shop 0: degraded since 18:00 PDT - shop00000000\n", "\nand 25 more: https://status.example.com/\n", "Tell customers? They hear of it"} {
		if !strings.Contains(rest, want) {
			t.Errorf("description lacks %q:\n%s", want, rest)
		}
	}
	for i := range all {
		all[i].URL, all[i].Title = "", all[i].Title+strings.Repeat(" and more", 30)
	}
	m = notify.Compose(all)
	check(t, m)
	if c = sent(t, m); !strings.Contains(c.Content.Description, " more\n") || c.Content.NextSteps[0] != "The others: `sonde incident list`" {
		t.Errorf("without a page: %q, %s", c.Content.NextSteps, c.Content.Description)
	}
}

// TestChatIsNeverEmpty: what a chat drops for its text does arrive.
func TestChatIsNeverEmpty(t *testing.T) {
	n := inChat(notification(incident.EventUpdated, false))
	n.Title, n.Text, n.Detail, n.Services = "*", "`*|`", "", nil
	check(t, notify.Compose([]incident.Notification{n}))
}

// TestDefang: what a target says is no link, no picture and no emphasis; addresses
// stay what they are.
func TestDefang(t *testing.T) {
	for _, c := range []struct{ detail, want string }{
		{"see https://evil.example/login", "see https: //evil.example/login"},
		{"tada :fire: :+1::skin-tone-2:", "tada ∶fire: ∶+1:∶skin-tone-2:"},
		{"_now_ in lb_primary_2 and (_x_)", "＿now＿ in lb_primary_2 and (＿x＿)"},
		{"connect to 203.0.113.10:443: refused", "connect to 203.0.113.10:443: refused"},
		{"connect to (2001:db8::1):443 at 18:00:07", "connect to (2001:db8::1):443 at 18:00:07"},
		{"<!channel> [a](https://b) @here `x`", "‹!channel› (a)(https: //b) ＠here x"},
	} {
		n := inChat(notification(incident.EventOpened, false))
		n.Detail = c.detail
		_, got, _ := strings.Cut(sent(t, notify.Compose([]incident.Notification{n})).Content.Description, "\n• ")
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.detail, got, c.want)
		}
	}
}
