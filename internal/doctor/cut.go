package doctor

import "fmt"

// Cut is a way on which somebody cannot be reached, although their tier may be.
type Cut struct {
	What string `json:"what"` // as the What of a Line
	Why  string `json:"why"`
}

// Cuts are those among the ways to people: a topic that is not there or that nobody is
// subscribed to, addresses that are not confirmed, text messages that the account does
// not send or not for long. What could not be asked is none; nor are addresses that
// wait for a public tier: a stranger can write any into the page.
func Cuts(f Findings) []Cut {
	cuts := []Cut{}
	for _, t := range f.Topics {
		what := "tier " + t.Tier
		switch {
		case t.Err != nil:
			continue
		case t.ARN == "":
			cuts = append(cuts, Cut{what, "has no topic"})
		case t.IsDeserted():
			cuts = append(cuts, Cut{what, "nobody is subscribed"})
		}
		if t.Pending > 0 && !t.Public {
			cuts = append(cuts, Cut{what, fmt.Sprintf("%d not confirmed", t.Pending)})
		}
	}
	switch s := f.SMS; {
	case s == nil, s.Err != nil:
	case s.Sandbox:
		cuts = append(cuts, Cut{"SMS", "in the sandbox: verified numbers only"})
	case s.isCapped():
		cuts = append(cuts, Cut{"SMS", "one dollar a month at most"})
	}
	return cuts
}
