package notify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/incident"
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
// its beginning, its updates and its end stand together; a digest has its own.
func chat(subject, message string, accounts []account) string {
	a := accounts[0]
	title, impact := quiet(subject), string(worst(accounts))
	if a.Event.IsMaintenance() {
		impact = "none"
	} else if mark, has := marks[digestState(accounts)]; has {
		title = mark + " " + title
	}
	n := custom{
		Version: "1.0", Source: "custom", ID: message,
		Content:  customContent{TextType: "client-markdown", Title: cut(title, maxChatTitle, one), Description: strings.Join(chatText(a), "\n")},
		Metadata: customData{ThreadID: cmp.Or(a.Incident, message), Summary: chatSummary(a), EventType: string(a.Event), Context: map[string]string{"impact": impact, "tier": string(a.Tier)}},
	}
	if page := a.URL; page != "" {
		n.Content.NextSteps = append(n.Content.NextSteps, page)
	}
	n.Content.NextSteps = append(n.Content.NextSteps, steps(a)...)
	if len(accounts) > 1 {
		n.Metadata.ThreadID, n.Metadata.Summary = message, summary(accounts)
		n.Content.Description, n.Content.NextSteps = chatDigest(accounts)
	}
	n.Metadata.Summary = cut(quiet(n.Metadata.Summary), maxChatTitle, one)
	n.Content.Description = cmp.Or(cut(n.Content.Description, maxChatText, one), n.Metadata.Summary, title)
	n.Metadata.Summary = cmp.Or(n.Metadata.Summary, title)
	out, err := json.Marshal(n)
	if err != nil {
		return "" // of strings: it has no error
	}
	return string(out)
}

func chatSummary(a account) string {
	if a.Event.IsMaintenance() {
		return plannedSummary(a)
	}
	return headlineOf(a)
}

// chatDigest lists as many incidents as a message holds. What asks is told in full.
func chatDigest(accounts []account) (text string, next []string) {
	page := home(accounts[0].Notification)
	if page != "" {
		next = append(next, page)
	} else if !accounts[0].Public {
		next = append(next, "The others: `sonde incident list`")
	}
	asks := ""
	for _, a := range accounts {
		if a.Event == incident.EventAsked && len(asks) < maxChatText/3 {
			asks, next = asks+"\n"+quiet(verdict(a)), append(next, steps(a)...)
		}
	}
	text = quiet(summary(accounts))
	for i, a := range accounts {
		line := "\n• " + quiet(chatLine(a))
		more := fmt.Sprintf("\nand %d more: %s", len(accounts)-i, page)
		if utf8.RuneCountInString(text+line+more+asks) > maxChatText || i == maxShown {
			text += strings.TrimSuffix(more, ": ")
			break
		}
		text += line
	}
	return text + asks, next
}

func chatLine(a account) string {
	if a.Event.IsMaintenance() {
		return plannedSummary(a)
	}
	return listed(a)
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
	if a.Note != nil {
		text = append(text, quiet(a.noted()+" "+a.Note.Text))
	}
	for detail := range strings.Lines(a.Detail) {
		text = append(text, "• "+defang(detail))
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

// defang makes what a target says quiet, and takes links, emphasis and pictures out
// of it, too.
func defang(text string) string {
	text = strings.ReplaceAll(quiet(text), "://", ": //")
	out, runes := []rune(text), []rune(text)
	inWord := func(at int) bool { return at >= 0 && at < len(runes) && isWord(runes[at]) }
	for at, r := range runes {
		switch {
		case r == '_' && !(inWord(at-1) && inWord(at+1)): // within a name it is itself
			out[at] = '＿'
		case r == ':' && isEmoji(runes[at+1:]):
			out[at] = '∶' // RATIO
		}
	}
	return string(out)
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// isEmoji reports whether a text goes on as the name of a picture does, to its
// second colon. Times of day and parts of IPv6 addresses do not.
func isEmoji(after []rune) bool {
	end := slices.Index(after, ':')
	if end < 1 {
		return false
	}
	name, hex := after[:end], true
	for _, r := range name {
		if !isWord(r) && !strings.ContainsRune("_+-'", r) {
			return false
		}
		hex = hex && strings.ContainsRune("0123456789abcdefABCDEF", r)
	}
	return !hex || len(name) > 4
}
