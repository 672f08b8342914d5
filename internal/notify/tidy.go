package notify

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// What a message takes of outside texts, in characters and lines. They bound
// what a hostile or broken target can put into it, and are far above what is
// read.
const (
	maxName    = 200
	maxTitle   = 300
	maxText    = 4000
	maxLine    = 300 // of what failed
	maxLines   = 20  // of what failed
	maxID      = 40
	maxLink    = 500
	maxMembers = 100 // services
)

// tidy returns a notification all of whose texts may stand in any message:
// clean, on one line each (what failed and what people write: on a few), and cut. It is the only way
// for outside text into a message.
func tidy(n incident.Notification) incident.Notification {
	n.ID, n.Incident, n.Receipt = short(n.ID, maxID), short(n.Incident, maxID), short(n.Receipt, maxID)
	n.Tier, n.Event = monitor.TierID(short(string(n.Tier), maxName)), incident.Event(short(string(n.Event), maxID))
	n.Phase = incident.Phase(short(string(n.Phase), maxID))
	n.Impact, n.Worst = monitor.Impact(short(string(n.Impact), maxID)), monitor.Impact(short(string(n.Worst), maxID))
	title := clean(n.Title)
	n.Site, n.Zone = short(n.Site, maxName), short(n.Zone, maxName)
	n.URL, n.Detail = link(n.URL), lines(n.Detail)
	n.Text = prose(n.Text, n.URL != "")
	if n.Note != nil {
		n.Note = &incident.Remark{By: short(n.Note.By, maxID), At: n.Note.At, Text: prose(n.Note.Text, n.URL != "")}
	}
	n.About, n.Do = monitor.TierID(short(string(n.About), maxName)), advice(n.Do)
	n.Services = slices.Clone(n.Services[:min(len(n.Services), maxMembers)])
	for i, s := range n.Services {
		n.Services[i].ID, n.Services[i].Name = monitor.ServiceID(short(string(s.ID), maxName)), short(s.Name, maxName)
		n.Services[i].Status = monitor.Status(short(string(s.Status), maxID))
		if n.Services[i].Name == "" {
			n.Services[i].Name = string(n.Services[i].ID)
		}
		if after, names := strings.CutPrefix(title, clean(s.Name+":")+" "); names {
			title = n.Services[i].Name + ": " + after // cut like the name
		}
	}
	n.Title = short(title, maxTitle)
	if n.Since.IsZero() {
		n.Since = n.Opened
	}
	return n
}

// advice tidies what can be done.
func advice(all []incident.Advice) []incident.Advice {
	var out []incident.Advice
	for _, a := range all {
		tidy := incident.Advice{For: short(a.For, maxTitle)}
		for _, line := range a.Lines {
			if line = short(line, maxLine); line != "" {
				tidy.Lines = append(tidy.Lines, line)
			}
		}
		if len(tidy.Lines) > 0 {
			out = append(out, tidy)
		}
	}
	return out
}

// link is an address that stays whole wherever it is written, or nothing.
func link(url string) string {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' || r == '"' }
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return ""
	}
	if len(url) > maxLink || strings.ContainsFunc(url, bad) {
		return ""
	}
	return url
}

// prose tidies what people write: it keeps their paragraphs and lists, one empty
// line apart at most, and says where the rest of it is if it is too long.
func prose(text string, hasPage bool) string {
	whole := len(text) <= 16*maxText
	if !whole {
		text = text[:16*maxText]
	}
	var out []string
	for line := range strings.Lines(text) {
		if line = clean(line); line != "" || len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, line)
		}
	}
	tidied := strings.TrimSpace(strings.Join(out, "\n"))
	text = cut(tidied, maxText, one)
	if hasPage && (!whole || text != tidied) {
		text = strings.TrimSpace(text + "\n\nThe rest is on the page.")
	}
	return text
}

// lines tidies a text of several lines.
func lines(text string) string {
	var out []string
	more := 0
	for line := range strings.Lines(text) {
		switch line = short(line, maxLine); {
		case line == "":
		case len(out) == maxLines:
			more++
		default:
			out = append(out, line)
		}
	}
	if more > 0 {
		out = append(out, "and "+strconv.Itoa(more)+" more")
	}
	return strings.Join(out, "\n")
}

// short is clean text of at most so many characters.
func short(text string, most int) string {
	if len(text) > 16*most { // enough for so many characters, and some to take away
		text = text[:16*most]
	}
	return cut(clean(text), most, one)
}

// clean is Visible with single spaces.
func clean(text string) string { return strings.Join(strings.Fields(Visible(text)), " ") }

// Visible takes what could command a terminal, a mail reader or a page out of a
// text: control characters, line breaks, marks that change the direction of
// writing, all that is not to be seen, and towers of marks on one letter. Each white
// space becomes a space.
func Visible(text string) string {
	marks := 0
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Mn, unicode.Me) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case unicode.IsSpace(r):
			return ' '
		case marks > maxMarks, strings.ContainsRune(blank, r):
			return -1
		case r == utf8.RuneError, !unicode.IsGraphic(r): // Cc, Cf (bidi), Co, Cs and what is not assigned
			return -1
		}
		return r
	}, text)
}

const (
	maxMarks = 3 // on one letter; Vietnamese has two, Hebrew with accents three

	// blank are characters that count as letters or symbols, and are not to be seen:
	// Hangul fillers and the empty Braille pattern.
	blank = "\u115f\u1160\u3164\uffa0\u2800"
)

// cut shortens a text to a size, the sum of its characters' sizes, with dots at
// the end.
func cut(text string, most int, size func(rune) int) string {
	total, fits := 0, 0
	for at, r := range text {
		if total += size(r); total > most {
			break
		}
		if total <= most-len("...") {
			fits = at + utf8.RuneLen(r)
		}
	}
	switch {
	case total <= most:
		return text
	case fits == 0:
		return ""
	}
	return strings.TrimRight(text[:fits], " ") + "..."
}

// one is the size of a character where characters are counted.
func one(rune) int { return 1 }
