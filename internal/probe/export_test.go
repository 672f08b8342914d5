package probe

import "time"

// Steady makes an engine blind to how busy the machine is that a test runs on.
func Steady(e *Engine) *Engine {
	e.pace.blind = true
	return e
}

// Stall makes an engine believe that it did not get its turn from one time to
// another.
func Stall(e *Engine, from, to time.Time) {
	e.pace.mu.Lock()
	defer e.pace.mu.Unlock()
	e.pace.stalls = append(e.pace.stalls, stall{from, to})
}

// NameServers tells an engine where name servers listen, by their IP addresses.
func NameServers(e *Engine, at func(ip string) string) *Engine {
	e.env.nameServer = at
	return e
}

// RDAPTexts is every text that is kept of an RDAP answer.
func RDAPTexts(body []byte) ([]string, error) {
	r, err := parseRDAP(body)
	return append([]string{r.name, r.registrar}, r.states...), err
}
