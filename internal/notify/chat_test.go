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
