package notify

import (
	"fmt"
	"strings"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

const (
	maxLetters = 10   // accounts in full, in a digest
	maxListed  = 100  // accounts in the list of a digest
	maxShown   = 20   // services in an account
	maxEarlier = 1000 // characters of what was said before
)

// email is plain text: the verdict, the facts, what failed, and why it came.
func email(a account, message string) string {
	p := &paper{}
	letter(p, a)
	p.line("")
	if a.isNotice() {
		p.text(fmt.Sprintf("Message %s. %s", message, reason(a)))
		return p.String()
	}
	p.text(fmt.Sprintf("Incident %s, message %s. %s", a.Incident, message, reason(a)))
	return p.String()
}

// letter is what is known of one incident.
func letter(p *paper, a account) {
	p.prose(verdict(a))
	p.line("")
	if a.Note != nil {
		p.line(a.noted())
		p.prose(a.Note.Text)
		p.line("")
	}
	for i, advice := range a.Do {
		advise(p, advice)
		if i == len(a.Do)-1 {
			p.line("")
		}
	}
	if a.isNotice() {
		services(p, a)
		if a.URL != "" {
			p.line("")
			p.line(a.URL)
		}
		return
	}
	times(p, a)
	impact := string(a.Worst)
	if !a.isOver() && a.Impact != a.Worst {
		impact = fmt.Sprintf("%s now; it was %s", a.Impact, a.Worst)
	}
	p.row("Impact", impact)
	if a.Event == incident.EventUpdated && a.Phase != "" {
		p.row("Phase", string(a.Phase))
	}
	if !a.Next.IsZero() && !a.isOver() && a.Next.After(a.At) {
		p.row("Next", "update by "+a.clock.brief(a.Next))
	}
	services(p, a)
	failures(p, a)
	if len(a.earlier) > 0 {
		p.line("")
		p.line("What happened before:")
		for _, n := range a.earlier {
			p.item("  "+a.clock.brief(n.At)+"  ", cut(n.Text, maxEarlier, one))
		}
	}
	if a.URL != "" {
		p.line("")
		p.line(a.URL) // whole, however long it is
	}
	if answer, has := a.answer(); has {
		p.line("")
		advise(p, answer)
	}
}

// noted says whose words follow, of somebody who has written before, and when.
func (a account) noted() string {
	if a.Note.By == "" {
		return "Last update, " + a.clock.brief(a.Note.At) + ":"
	}
	return "Last update, by " + short(a.Note.By, maxID) + ", " + a.clock.brief(a.Note.At) + ":"
}

// advise writes what can be done, each line whole: it is to be copied.
func advise(p *paper, advice incident.Advice) {
	p.text(advice.For + ":")
	for _, line := range advice.Lines {
		p.line("  " + line)
	}
}

// answer is the command with which an operator answers a message; false if it is
// for somebody else, or asks for nothing.
func (a account) answer() (incident.Advice, bool) {
	if a.Public || a.Machine || a.Incident == "" {
		return incident.Advice{}, false
	}
	ack := []string{"sonde incident ack " + a.Incident}
	kind, _, _ := strings.Cut(a.Receipt, "-")
	switch {
	case a.Event == incident.EventOpened, a.Event == incident.EventEscalated:
		if a.Reminds {
			return incident.Advice{For: "To say that you are on it, which stops reminders", Lines: ack}, true
		}
		return incident.Advice{For: "To say that you are on it", Lines: ack}, true
	case a.Event != incident.EventReminder || kind == "nag": // which says itself what can be done
		return incident.Advice{}, false
	case kind == "late":
		return incident.Advice{For: "To write it", Lines: []string{`sonde incident update "..." --id ` + a.Incident}}, true
	}
	return incident.Advice{For: "To stop reminders", Lines: ack}, true
}

// verdict is the first sentence: what the matter is, or that it is over; and
// what makes this message another than the one before.
func verdict(a account) string {
	text := a.Text
	if text == "" {
		text = headlineOf(a) + "."
	}
	switch a.Event {
	case incident.EventResolved:
		return ended(a)
	case incident.EventEscalated:
		if a.isAgain() {
			return join(text, "It had got better, and is worse again.")
		}
		return join(text, "This is worse than you were told before.")
	case incident.EventReminder:
		return join(text, "It has lasted "+a.lasted()+" and is not over.")
	}
	return text
}

// join sets a sentence before or after a text, apart from its paragraphs if it has
// several.
func join(a, b string) string {
	if strings.Contains(a+b, "\n") {
		return a + "\n\n" + b
	}
	return a + " " + b
}

// ended says that an incident is over, in the words of the person who has declared
// it, and what became of the service that it is named after: it may have troubles
// of its own left.
func ended(a account) string {
	s, _ := a.headline()
	left, stays := a.remains()
	switch {
	case a.Text == "":
		return headlineOf(a) + "."
	case a.isWritten():
		return join("Over: "+strings.TrimSuffix(a.Title, ".")+".", a.Text)
	case stays:
		text := a.Text
		if span, own := strings.CutPrefix(text, "Restored after "); own {
			text = "It lasted " + span
		}
		return join(s.Name+": the "+a.word()+" is over, but it is "+left+".", text)
	case s.IsPending():
		text := a.Text
		if span, own := strings.CutPrefix(text, "Restored after "); own {
			text = "Its cause was mended after " + span
		}
		if s.Still {
			return join(s.Name+": "+stillDown(s)+".", text)
		}
		return join(s.Name+": should work again.", text)
	case s.Gone:
		if rest, own := strings.CutPrefix(a.Text, "No longer watched"); own {
			return s.Name + ": no longer watched" + rest
		}
		return join(s.Name+": no longer watched.", a.Text)
	}
	if _, is := s.ID.Prober(); is && s.Total == 0 {
		return a.Text // it does not work again: nothing is left of it
	}
	return join(s.Name+": working again.", a.Text)
}

func headlineOf(a account) string {
	s, _ := a.headline()
	return s.Name + condition(a)
}

// times says since when it lasts, and when the first sign of it was seen if that was
// earlier.
func times(p *paper, a account) {
	switch {
	case a.isOver():
		p.row("From", a.clock.full(a.Since))
		p.row("Until", a.clock.full(a.Resolved))
		p.row("Lasted", a.lasted())
	case a.holds():
		p.row("Since", a.clock.full(a.Since))
	default:
		p.row("Began", a.clock.full(a.Since))
	}
	if a.Opened.Before(a.Since) {
		p.row("First sign", a.clock.full(a.Opened))
	}
}

// services lists the causes, and what is affected because it depends on them.
func services(p *paper, a account) {
	if len(a.Services) == 1 && fromThere(p, a.Services[0]) {
		return
	}
	causes, group := 0, ""
	for _, s := range a.Services {
		if s.Cause {
			causes++
		}
	}
	for i, s := range a.Services {
		name := "Affected"
		switch {
		case len(a.Services) == 1:
			name = "Service"
		case s.Cause && causes > 1:
			name = "Causes"
		case s.Cause:
			name = "Cause"
		}
		if i == maxShown {
			p.row("", fmt.Sprintf("and %d more", len(a.Services)-i))
			return
		}
		if name == group {
			name = ""
		} else {
			group = name
		}
		if a.isNotice() {
			p.row(name, s.Name)
			continue
		}
		if a.isOver() && s.IsPending() {
			text := s.Name + ": what it depends on works again"
			if s.Still {
				text = s.Name + ": " + stillDown(s) + ", though what it depends on works again"
			}
			p.row(name, text)
			continue
		}
		p.row(name, s.Name+": "+standing(s))
	}
}

// fromThere is the row of a location that finds most things down alone, or says
// nothing; false if it is a service.
func fromThere(p *paper, s incident.Affected) bool {
	location, is := s.ID.Prober()
	switch {
	case is && s.Restored.IsZero() && s.Total == 0:
		p.row("Location", string(location)+": no results")
	case is && s.Restored.IsZero():
		p.row("Monitors", fmt.Sprintf("%d of %d up as seen from there", s.Alive, s.Total))
	case is && s.Total == 0:
		p.row("Location", string(location)+": nothing is checked from there any more")
	case is:
		p.row("Location", string(location)+": its results count again")
	}
	return is
}

func standing(s incident.Affected) string {
	switch {
	case s.Gone:
		return "no longer watched"
	case s.Unknown:
		return "not known at the moment"
	case !s.Restored.IsZero():
		return "working again"
	case s.Total > 1 && s.Alive < s.Total:
		return fmt.Sprintf("%s, %d of %d up", incident.Words(s.Status), s.Alive, s.Total)
	}
	return incident.Words(s.Status)
}

// failures shows what failed, which only operators are told.
func failures(p *paper, a account) {
	if a.Detail == "" {
		return
	}
	p.line("")
	if a.isOver() || a.Impact == monitor.ImpactNone {
		p.line("What had failed:")
	} else {
		p.line("What failed:")
	}
	for _, detail := range strings.Split(a.Detail, "\n") {
		p.item("  ", detail)
	}
}

// reason says why somebody gets this e-mail.
func reason(a account) string {
	of := ""
	if a.Site != "" {
		of = " of " + a.Site
	}
	if a.Public {
		return fmt.Sprintf("You get this as a subscriber to the status%s (%s).", of, a.Tier)
	}
	return fmt.Sprintf("You get this because you are in the tier \"%s\"%s.", a.Tier, of)
}
