package notify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sondehq/sonde/internal/incident"
)

// kind is what a digest counts an account as.
type kind struct {
	noun   [2]string // of one, of several
	become [2]string // what has become of it: "is open", "are open"
}

// endings are the words with which a notice names what ends; it says so in its
// title and nowhere else.
var endings = map[string][2]string{
	"certificate": {"certificate", "certificates"},
	"domain":      {"domain", "domains"},
}

func (a account) kind() kind {
	incidents := [2]string{"incident", "incidents"}
	_, matter := a.headline()
	word, matter, _ := strings.Cut(matter, " ")
	noun, known := endings[word]
	if !known {
		noun = [2]string{"certificate or domain", "certificates or domains"}
	}
	switch {
	case a.Event.IsMaintenance():
		began := [2]string{"has begun", "have begun"}
		if a.Event == incident.EventMaintained {
			began = [2]string{"is over", "are over"}
		}
		return kind{[2]string{"maintenance window", "maintenance windows"}, began}
	case a.Event == incident.EventTest:
		return kind{[2]string{"rehearsal", "rehearsals"}, [2]string{"has arrived", "have arrived"}}
	case a.Event == incident.EventRenewed:
		return kind{noun, [2]string{"was renewed", "were renewed"}}
	case a.Event == incident.EventExpiring && strings.HasSuffix(matter, "has expired"):
		return kind{noun, [2]string{"has expired", "have expired"}}
	case a.Event == incident.EventExpiring:
		return kind{noun, [2]string{"expires soon", "expire soon"}}
	case a.isOver():
		return kind{incidents, [2]string{"is over", "are over"}}
	}
	return kind{incidents, [2]string{"is open", "are open"}}
}

// tally counts accounts by kind, in the order in which the kinds come first.
func tally[K comparable](accounts []account, of func(account) K) (kinds []K, counts []int) {
	for _, a := range accounts {
		at := slices.Index(kinds, of(a))
		if at < 0 {
			at = len(kinds)
			kinds, counts = append(kinds, of(a)), append(counts, 0)
		}
		counts[at]++
	}
	return kinds, counts
}

// summary is the first sentence of a digest: "2 incidents are open, 1 is over."
func summary(accounts []account) string {
	kinds, counts := tally(accounts, account.kind)
	var parts []string
	for i, k := range kinds {
		text := count(counts[i], k.noun[0]+" "+k.become[0], k.noun[1]+" "+k.become[1])
		if i > 0 && k.noun == kinds[i-1].noun {
			text = count(counts[i], k.become[0], k.become[1])
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ") + "."
}

// nouns says how many of what there are: "3 incidents", "2 incidents, 1
// certificate". Notices of one kind say what it is: "2 certificates expire soon".
func nouns(accounts []account) string {
	if kinds, _ := tally(accounts, account.kind); len(kinds) == 1 && accounts[0].isNotice() {
		return strings.TrimSuffix(summary(accounts), ".")
	}
	all, counts := tally(accounts, func(a account) [2]string { return a.kind().noun })
	var parts []string
	for i, noun := range all {
		parts = append(parts, count(counts[i], noun[0], noun[1]))
	}
	return strings.Join(parts, ", ")
}

func count(n int, single, several string) string {
	if n == 1 {
		return "1 " + single
	}
	return fmt.Sprintf("%d %s", n, several)
}
