package monitor

import "strings"

// Prober is the id under which incidents are about a location itself, whose
// results are set aside. No service of a configuration can have it.
func Prober(l Location) ServiceID { return ServiceID("@" + l) }

// Prober reports which location an id stands for, if it does for one.
func (id ServiceID) Prober() (Location, bool) {
	l, is := strings.CutPrefix(string(id), "@")
	return Location(l), is
}
