package notify_test

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/notify"
)

// room is what the DisplayName of a topic leaves of an SMS.
const room = notify.MaxSMS - len("1234567890> ")

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
}

// check: what SNS, mail readers and phones ask of every message.
func check(t tester, m notify.Message) {
	t.Helper()
	if len(m.Subject) > notify.MaxSubject {
		t.Errorf("subject of %d characters: %q", len(m.Subject), m.Subject)
	}
	if strings.ContainsFunc(m.Subject, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("subject is not printable ASCII: %q", m.Subject)
	}
	state, _, _ := strings.Cut(m.Subject, ": ")
	if !slices.Contains([]string{"ALARM", "OK", "UPDATE", "NOTICE", "TEST", "MAINTENANCE", "MAINTENANCE OVER"}, state) {
		t.Errorf("subject does not begin with a state: %q", m.Subject)
	}
	checkSMS(t, m)
	checkEmail(t, m.Email)
	checkMachine(t, m, state)
	checkChat(t, m)
	for name, value := range m.Attributes {
		if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			t.Errorf("attribute %s is %q", name, value)
		}
	}
}

func checkChat(t tester, m notify.Message) {
	t.Helper()
	if m.Chat == "" {
		return
	}
	c := sent(t, m)
	if c.Version != "1.0" || c.Source != "custom" || c.ID == "" || c.Content.TextType != "client-markdown" || c.Content.Title == "" ||
		c.Content.Description == "" || c.Metadata.ThreadID == "" || c.Metadata.Summary == "" {
		t.Errorf("chat lacks something: %s", m.Chat)
	}
	for _, text := range append(c.Content.NextSteps, c.Content.Title, c.Content.Description, c.Metadata.Summary) {
		words := slices.DeleteFunc(strings.Fields(text), func(word string) bool { return strings.HasPrefix(word, "http") && strings.Contains(word, "://") })
		if strings.ContainsAny(strings.Join(words, " "), "<>*|@") || utf8.RuneCountInString(text) > 3000 {
			t.Errorf("chat: %.300q", text)
		}
	}
	if strings.Contains(c.Content.Description, "`") {
		t.Errorf("chat: %.300q", c.Content.Description)
	}
}

func checkSMS(t tester, m notify.Message) {
	t.Helper()
	event := incident.Event(m.Attributes["event"])
	if rings := event == incident.EventOpened || event == incident.EventEscalated || event == incident.EventResolved; rings == (m.SMS == "") {
		t.Errorf("SMS of event %s: %q", event, m.SMS)
	}
	if n, ok := notify.GSM7(m.SMS); !ok || n > room || strings.ContainsFunc(m.SMS, unicode.IsControl) {
		t.Errorf("SMS of %d septets, GSM-7 %t: %q", n, ok, m.SMS)
	}
}

func checkEmail(t tester, email string) {
	t.Helper()
	if !strings.HasSuffix(email, "\n") || !utf8.ValidString(email) {
		t.Errorf("e-mail ends with %q, valid %t", email[max(len(email)-10, 0):], utf8.ValidString(email))
	}
	for line := range strings.Lines(email) {
		line = strings.TrimSuffix(line, "\n")
		if n := columns(line); n > 72 && !strings.Contains(line, "://") && !strings.HasPrefix(line, "  sonde incident ") || n > 998 {
			t.Errorf("line of %d columns: %q", n, line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("e-mail holds what is not to be seen: %q", line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("line ends with blanks: %q", line)
		}
	}
}

// columns is how wide a line is where East Asian characters take two columns.
func columns(line string) (n int) {
	for _, r := range line {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

func checkMachine(t tester, m notify.Message, state string) {
	t.Helper()
	var alarm struct{ AlarmName, NewStateValue string }
	if err := json.Unmarshal([]byte(m.Machine), &alarm); err != nil || alarm.AlarmName == "" {
		t.Errorf("machine body: %v: %s", err, m.Machine)
	}
	if strings.HasPrefix(state, "MAINTENANCE") {
		state = "OK" // no alarm, nor its end
	}
	values := map[string]string{"ALARM": "ALARM", "OK": "OK", "UPDATE": "ALARM", "NOTICE": "INSUFFICIENT_DATA", "TEST": "INSUFFICIENT_DATA"}
	if values[state] != alarm.NewStateValue {
		t.Errorf("subject says %s, machine body %s", state, alarm.NewStateValue)
	}
	if len(m.Machine) > 25_000 {
		t.Errorf("machine body of %d bytes", len(m.Machine))
	}
	if strings.ContainsFunc(m.Machine, func(r rune) bool { return r < ' ' || r == '\u202e' }) || strings.Contains(m.Machine, `\u0000`) || strings.Contains(m.Machine, `\u001b`) {
		t.Errorf("machine body holds control characters: %q", m.Machine)
	}
}
