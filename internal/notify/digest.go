package notify

import (
	"fmt"
	"strings"
)

// digestEmail lists all incidents and then tells of the most urgent in full.
func digestEmail(accounts []account, message string) string {
	p := &paper{}
	p.text(summary(accounts))
	p.line("")
	for i, a := range accounts[:min(len(accounts), maxListed)] {
		p.item(fmt.Sprintf("%2d. ", i+1), state(a)+": "+headlineOf(a))
	}
	if more := len(accounts) - maxListed; more > 0 {
		p.text(fmt.Sprintf("and %d more.", more))
	}
	for i, a := range accounts[:min(len(accounts), maxLetters)] {
		p.line("")
		p.line(strings.Repeat("-", width))
		p.text(fmt.Sprintf("%d. %s", i+1, headlineOf(a)))
		p.line("")
		letter(p, a)
		if !a.isNotice() {
			p.text("Incident " + a.Incident)
		}
	}
	p.line("")
	p.line(strings.Repeat("-", width))
	if more := len(accounts) - maxLetters; more > 0 {
		p.text(fmt.Sprintf("The status page has the details of the other %d.", more))
	}
	p.text(fmt.Sprintf("Message %s. %s", message, reason(accounts[0])))
	return p.String()
}
