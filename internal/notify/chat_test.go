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

// TestChat: what Amazon Q Developer gets.
func TestChat(t *testing.T) {
	for name, n := range map[string]incident.Notification{
		"chat-opened":   inChat(notification(incident.EventOpened, false)),
		"chat-updated":  inChat(notification(incident.EventUpdated, false)),
		"chat-resolved": inChat(notification(incident.EventResolved, false)),
		"chat-public":   inChat(notification(incident.EventOpened, true)),
	} {
		m := notify.Compose([]incident.Notification{n})
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, []byte(m.Chat), "", "  "); err != nil {
			t.Fatal(err)
		}
		golden(t, name, pretty.String()+"\n")
		var sent struct {
			Version, Source string
			Content         struct{ TextType, Description string }
			Metadata        struct{ ThreadID string }
		}
		if err := json.Unmarshal([]byte(m.Chat), &sent); err != nil || sent.Version != "1.0" || sent.Source != "custom" || sent.Content.TextType != "client-markdown" ||
			sent.Content.Description == "" || sent.Metadata.ThreadID != n.Incident {
			t.Errorf("%s: %+v, %v", name, sent, err)
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
	var sent struct {
		Content struct{ Title, Description string }
	}
	if err := json.Unmarshal([]byte(m.Chat), &sent); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(sent.Content.Description+sent.Content.Title, "<>`*|@") || len(sent.Content.Description) > 4000 {
		t.Errorf("%.300s", sent.Content.Description)
	}
}
