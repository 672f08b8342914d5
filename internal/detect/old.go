package detect

import (
	"net/netip"
	"slices"

	"github.com/sondehq/sonde/internal/monitor"
)

// unanswered is how checks fail where nothing answers at all.
var unanswered = []monitor.FailureKind{monitor.FailTimeout, monitor.FailRefused, monitor.FailReset, monitor.FailUnreachable}

// Old says what the service's monitors at old addresses find, for those who may
// still be sent there: a sentence for those that do not answer, for those that answer
// otherwise than they should, and for those that still answer. It is empty where there
// are none, or nothing is known of them.
func (s Service) Old(cfg *monitor.Config) string {
	const silent, wrong, well = 0, 1, 2
	found := map[string]int{}
	for _, r := range cfg.Retired {
		d, has := s.Details[r.Monitor.ID]
		is := well
		switch {
		case has && d.Settled == monitor.Down && d.Failure != nil && slices.Contains(unanswered, d.Failure.Kind):
			is = silent
		case has && d.Settled == monitor.Down:
			is = wrong
		case !has || d.Settled != monitor.Up && d.Settled != monitor.Degraded:
			continue
		}
		if was, known := found[r.Address]; !known || is < was {
			found[r.Address] = is
		}
	}
	by := [3][]string{}
	for address, is := range found {
		by[is] = append(by[is], address)
	}
	text := ""
	for is, says := range [3][2]string{
		silent: {" does not answer: whoever is still sent there sees errors.", " do not answer: whoever is still sent there sees errors."},
		wrong:  {" does not answer as it should: whoever is still sent there may see errors.", " do not answer as they should: whoever is still sent there may see errors."},
		well:   {" still answers.", " still answer."},
	} {
		slices.SortFunc(by[is], func(a, b string) int { x, _ := netip.ParseAddr(a); y, _ := netip.ParseAddr(b); return x.Compare(y) })
		switch len(by[is]) {
		case 0:
			continue
		case 1:
			text += " The old address " + by[is][0] + says[0]
		default:
			text += " The old addresses " + list(by[is]) + says[1]
		}
	}
	if text == "" {
		return ""
	}
	return text[1:]
}
