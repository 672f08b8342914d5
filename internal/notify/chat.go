package notify

import (
	"encoding/json"
	"slices"
	"strings"
)

// custom is a custom notification of Amazon Q Developer in chat applications,
// which drops what is not in this form (Administrator Guide, "Custom
// notifications").
type custom struct {
	Version  string        `json:"version"` // "1.0"
	Source   string        `json:"source"`  // "custom"
	ID       string        `json:"id"`
	Content  customContent `json:"content"`
	Metadata customData    `json:"metadata"`
}

type customContent struct {
	TextType    string   `json:"textType"` // "client-markdown"
	Title       string   `json:"title"`
	Description string   `json:"description"`
	NextSteps   []string `json:"nextSteps,omitempty"`
	Keywords    []string `json:"keywords,omitempty"`
}

type customData struct {
	ThreadID  string            `json:"threadId"` // all messages of one stand in one thread
	Summary   string            `json:"summary"`
	EventType string            `json:"eventType"`
	Context   map[string]string `json:"additionalContext,omitempty"`
}

// marks are the signs with which a message to operators begins in a chat.
var marks = map[string]string{
	stateAlarm: ":red_circle:", stateOK: ":large_green_circle:", stateUpdate: ":large_blue_circle:", stateNotice: ":warning:", stateTest: ":test_tube:",
}

const (
	maxChatTitle = 240
	maxChatText  = 3000 // Slack: 3,000 characters in a section (block kit reference)
)

// chat is the message for a chat. The thread is that of the incident, so that
// its beginning, its updates and its end stand together.
func chat(subject string, accounts []account) string {
	a := accounts[0]
	title, summary, impact := subject, headlineOf(a), string(a.Worst)
	if a.Event.IsMaintenance() {
		summary, impact = plannedSummary(a), "none"
	} else if mark, has := marks[state(a)]; has {
		title = mark + " " + subject
	}
	var text []string
	for _, one := range accounts {
		text = append(text, chatText(one)...)
	}
	n := custom{
		Version: "1.0", Source: "custom", ID: a.ID,
		Content:  customContent{TextType: "client-markdown", Title: cut(quiet(title), maxChatTitle, one), Description: cut(strings.Join(text, "\n"), maxChatText, one)},
		Metadata: customData{ThreadID: a.Incident, Summary: cut(quiet(summary), maxChatTitle, one), EventType: string(a.Event), Context: map[string]string{"impact": impact, "tier": string(a.Tier)}},
	}
	if a.URL != "" {
		n.Content.NextSteps = append(n.Content.NextSteps, a.URL)
	}
	n.Content.NextSteps = append(n.Content.NextSteps, steps(a)...)
	out, err := json.Marshal(n)
	if err != nil {
		return "" // of strings: it has no error
	}
	return string(out)
}

// steps are the commands that fit a message.
func steps(a account) (out []string) {
	all := a.Do
	if answer, has := a.answer(); has {
		all = append(slices.Clone(all), answer)
	}
	for _, advice := range all {
		for _, line := range advice.Lines {
			out = append(out, quiet(advice.For)+": `"+quiet(line)+"`")
		}
	}
	return out
}

// chatText is what is told of one incident, or of one time of maintenance.
func chatText(a account) []string {
	if a.Event.IsMaintenance() {
		return []string{quiet(plannedLine(a))}
	}
	text := []string{quiet(verdict(a))}
	for detail := range strings.Lines(a.Detail) {
		text = append(text, "• "+quiet(detail))
	}
	return text
}

// quiet takes out of a text what a chat would make a mention, a link or a layout
// of.
func quiet(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch r {
		case '[': // [text](link)
			return '('
		case ']':
			return ')'
		case '<':
			return '‹'
		case '>':
			return '›'
		case '`', '*', '~', '|':
			return -1
		case '@':
			return '＠'
		}
		return r
	}, text))
}
