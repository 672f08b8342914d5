package notify

import (
	"fmt"
	"strings"

	"github.com/sondehq/sonde/internal/incident"
)

// digestEmail lists all incidents with their ids, and then tells of the most urgent
// in full, and of every one that asks something: who answers has to know of what.
func digestEmail(accounts []account, message string) string {
	p := &paper{}
	p.text(summary(accounts))
	p.line("")
	for i, a := range accounts[:min(len(accounts), maxListed)] {
		p.item(fmt.Sprintf("%2d. ", i+1), listed(a))
	}
	if more := len(accounts) - maxListed; more > 0 {
		p.text(fmt.Sprintf("and %d more.", more))
	}
	left := 0
	for i, a := range accounts {
		if i >= maxLetters && a.Event != incident.EventAsked {
			left++
			continue
		}
		p.line("")
		p.line(strings.Repeat("-", width))
		p.text(fmt.Sprintf("%d. %s", i+1, headlineOf(a)))
		p.line("")
		letter(p, a)
	}
	p.line("")
	p.line(strings.Repeat("-", width))
	others(p, accounts[0], left)
	p.text(fmt.Sprintf("Message %s. %s", message, reason(accounts[0])))
	return p.String()
}

// listed is an incident in a line. A notice belongs to none.
func listed(a account) string {
	line := state(a) + ": " + headlineOf(a)
	if a.isNotice() {
		return line
	}
	return line + " - " + a.Incident
}

// others says where those are that are not told in full.
func others(p *paper, a account, left int) {
	switch page := home(a.Notification); {
	case left == 0:
	case page != "":
		p.text(fmt.Sprintf("The status page has the details of the other %d:", left))
		p.line(page)
		p.line("")
	case !a.Public:
		p.text("`sonde incident list` has the others.")
		p.line("")
	}
}
