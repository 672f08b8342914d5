package config

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v3"
)

const (
	maxExpiryDays = 365
	maxWarnings   = 10
)

// readExpiry reads how many days before an end people are told, or off.
func (s *settings) readExpiry(r *reader, c cursor) {
	r.may(fragment{"enum": []any{"off", false}})
	n := r.enter(c.node, c.path)
	if n != nil && n.Kind == yaml.ScalarNode && (n.Value == "off" || n.Value == "false") {
		s.expiry = &[]int{}
		return
	}
	var days []int
	r.list(c, true, func(c cursor) {
		switch d := integerKey(r, c, 1, maxExpiryDays); {
		case d == nil:
		case slices.Contains(days, *d):
			r.report(c.node, c.path, "", "%d days is there twice", *d)
		default:
			days = append(days, *d)
		}
	})
	if r.recording() || r.reported(c.path) {
		return
	}
	if len(days) == 0 || len(days) > maxWarnings {
		r.report(n, c.path, "such as [30, 14, 7, 3, 1], or off", "expected from 1 to %d numbers of days, found %d", maxWarnings, len(days))
		return
	}
	slices.SortFunc(days, func(a, b int) int { return cmp.Compare(b, a) })
	s.expiry = &days
}
