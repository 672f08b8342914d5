package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/monitor"
)

// Heard names what a tier was told, by its receipt, in words: "the beginning",
// "update 2", "that it is critical". Of a receipt that this version does not know it
// is the receipt's name.
func Heard(cfg *monitor.Config, receipt string) string {
	name, rest, _ := strings.Cut(receipt, "-")
	switch Event(name) {
	case EventOpened:
		return "the beginning"
	case EventResolved:
		return "the end"
	case EventEscalated:
		impact, _, again := strings.Cut(rest, "-")
		if again { // once more in one incident
			impact += " again"
		}
		return "that it is " + impact
	case EventUpdated:
		return "update " + rest
	case EventReminder:
		return "reminder " + rest
	case EventAsked:
		return "the question whether to tell " + askedOf(cfg, rest)
	}
	switch name {
	case nagReceipt:
		return "a reminder that nobody outside was told"
	case "late":
		if promised, err := strconv.ParseInt(rest, 10, 64); err == nil {
			return "a reminder that the update promised for " + time.Unix(promised, 0).In(cfg.Zone()).Format("15:04 MST") + " is late"
		}
	}
	return receipt
}

// askedOf is the tier of a question: its id, with a number, or how bad it was where
// people were asked again.
func askedOf(cfg *monitor.Config, receipt string) string {
	at := strings.LastIndex(receipt, "-")
	if _, is := cfg.Tier(monitor.TierID(receipt)); is || at < 0 {
		return midSentence(cfg, monitor.TierID(receipt))
	}
	id, nth := monitor.TierID(receipt[:at]), receipt[at+1:]
	switch n, err := strconv.Atoi(nth); {
	case err == nil && n < 2:
		return midSentence(cfg, id)
	case err == nil:
		return midSentence(cfg, id) + ", asked again"
	case slices.Contains([]monitor.Impact{monitor.ImpactMinor, monitor.ImpactMajor, monitor.ImpactCritical}, monitor.Impact(nth)):
		return midSentence(cfg, id) + ", now that it is " + nth
	}
	return midSentence(cfg, monitor.TierID(receipt))
}

// kind is Heard without a number, which differs from tier to tier.
func kind(cfg *monitor.Config, receipt string) string {
	switch name, _, _ := strings.Cut(receipt, "-"); Event(name) {
	case EventUpdated:
		return "an update"
	case EventReminder:
		return "a reminder"
	}
	return Heard(cfg, receipt)
}

// TierName is the name of a tier; its id, where it has none or is not there any more.
func TierName(cfg *monitor.Config, id monitor.TierID) string {
	tier, _ := cfg.Tier(id)
	return cmp.Or(tier.Name, string(id))
}

// midSentence is a tier's name within a sentence. One that is its id written with a
// capital is an ordinary word: On-call, but not Anna's team.
func midSentence(cfg *monitor.Config, id monitor.TierID) string {
	name := TierName(cfg, id)
	first, size := utf8.DecodeRuneInString(name)
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, string(unicode.ToLower(first))+name[size:])
	if letters == strings.ReplaceAll(string(id), "-", "") {
		return string(unicode.ToLower(first)) + name[size:]
	}
	return name
}

// enumerated is "a, b and c".
func enumerated(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// oneTime is within what time messages of the same text were sent at one time.
const oneTime = time.Minute

// messages is a line for each message, or for those that several tiers were sent at
// one time.
func (d *drafter) messages() []entry {
	type line struct {
		entry
		tiers  []monitor.TierID
		failed string
	}
	var lines []line
	order := d.tiers()
	for _, s := range d.inOrder() {
		if s.Pending {
			continue
		}
		text := strings.TrimSuffix(s.Subject, " - "+d.Incident.ID)
		if text == "" {
			text = kind(d.cfg, s.Event) + "."
		}
		at := slices.IndexFunc(lines, func(l line) bool {
			return l.text == text && l.failed == s.Failed && s.At.Sub(l.at) < oneTime && !slices.Contains(l.tiers, s.Tier)
		})
		if at < 0 {
			lines = append(lines, line{entry: entry{s.At, text}, failed: s.Failed})
			at = len(lines) - 1
		}
		lines[at].tiers = append(lines[at].tiers, s.Tier)
	}
	var entries []entry
	for _, l := range lines {
		slices.SortFunc(l.tiers, func(a, b monitor.TierID) int { return slices.Index(order, a) - slices.Index(order, b) })
		var names []string
		for _, id := range l.tiers {
			names = append(names, midSentence(d.cfg, id))
		}
		text := "Told " + enumerated(names) + ": " + l.text
		if l.failed != "" {
			text = "Could not tell " + enumerated(names) + ": " + l.text + " (" + l.failed + ")"
		}
		entries = append(entries, entry{l.at, plain(text)})
	}
	return entries
}

// inOrder is the messages in the order of time; of one time, in that of the tiers.
func (d *drafter) inOrder() []Sent {
	sent := slices.Clone(d.Sent)
	tiers := d.tiers()
	slices.SortStableFunc(sent, func(a, b Sent) int {
		return cmp.Or(a.At.Compare(b.At), slices.Index(tiers, a.Tier)-slices.Index(tiers, b.Tier))
	})
	return sent
}

// tiers are those of the configuration, and then others that were told.
func (d *drafter) tiers() (all []monitor.TierID) {
	for _, tier := range d.cfg.Tiers {
		all = append(all, tier.ID)
	}
	for _, s := range d.Sent {
		if !slices.Contains(all, s.Tier) {
			all = append(all, s.Tier)
		}
	}
	return all
}

// audience is who was told what, how soon, and who was not.
func (d *drafter) audience() {
	d.line("\n## Who was told\n\n| tier | was told | when | after | delivered |\n|---|---|---|---:|---|")
	sent := d.inOrder()
	for _, id := range d.tiers() {
		name := TierName(d.cfg, id)
		if _, configured := d.cfg.Tier(id); !configured {
			name += " (no longer a tier)"
		}
		n := 0
		for _, s := range sent {
			if s.Tier != id {
				continue
			}
			n++
			d.line("| %s | %s | %s | %s | %s |", plain(name), plain(Heard(d.cfg, s.Event)), d.when(s.At), Span(s.At.Sub(d.began(s.At))), plain(s.delivered()))
		}
		if n > 0 {
			continue
		}
		text := "nothing"
		if declined, is := d.Incident.Declined[id]; is {
			text = fmt.Sprintf("nothing: declined by %s: %s", Person(declined.By), declined.Reason)
		}
		d.line("| %s | %s | | | |", plain(name), plain(text))
	}
}

func (s Sent) delivered() string {
	switch {
	case s.Pending && s.Failed != "":
		return "not yet: " + s.Failed
	case s.Pending:
		return "not yet"
	case s.Failed != "":
		return "no: " + s.Failed
	}
	return "yes"
}

// began is when the outage began that a message of some time is about: of one before
// it was an outage, the first sign.
func (d *drafter) began(at time.Time) time.Time {
	if at.Before(d.Incident.Since) {
		return d.Incident.Opened
	}
	return d.Incident.Since
}
