package config

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sondehq/sonde/internal/monitor"
)

// maxWindow is how many results a location's window holds at most.
const maxWindow = 20

var ofForm = regexp.MustCompile(`^(\d{1,3}) of (\d{1,3})$`)

// readConfirm reads how many failing results make an outage: so many in a row, or
// so many of the last so many.
func (s *settings) readConfirm(r *reader, c cursor) {
	if r.recording() {
		either := form(ofForm.String(), "3 of 5")
		either["errorMessage"] = fmt.Sprintf("Expected a number from 1 to %d, or x of y such as 3 of 5.", maxRuns)
		r.may(either)
	}
	n := r.enter(c.node, c.path)
	if n == nil || n.Kind != yaml.ScalarNode {
		s.confirm = integerKey(r, c, 1, maxRuns)
		return
	}
	m := ofForm.FindStringSubmatch(n.Value)
	if m == nil {
		s.confirm = integerKey(r, c, 1, maxRuns)
		return
	}
	x, _ := strconv.Atoi(m[1])
	y, _ := strconv.Atoi(m[2])
	if x < 1 || x > maxRuns || y < x || y > maxWindow {
		r.report(n, c.path, "", "expected x of y, such as 3 of 5, with x from 1 to %d and y from x to %d, found %q", maxRuns, maxWindow, n.Value)
		return
	}
	s.confirm, s.window = &x, &y
}

const (
	minChanges = 3
	maxChanges = 20
	maxWithin  = 24 * time.Hour
)

// readFlapping reads after how many changes a monitor is said to flap, or off.
func (s *settings) readFlapping(r *reader, c cursor) {
	r.may(fragment{"enum": []any{"off", false}})
	n := r.enter(c.node, c.path)
	if n != nil && n.Kind == yaml.ScalarNode && (n.Value == "off" || n.Value == "false") {
		s.flapping = &monitor.Flap{}
		return
	}
	f := monitor.Flap{}
	if !r.mapping(c.node, c.path, func(c cursor) { flapKeys.read(r, c, &f) }) || r.reported(c.path) {
		return
	}
	if f.Changes == 0 || f.Within == 0 {
		r.report(c.key, c.path, "such as {changes: 6, within: 30m}, or off", "flapping needs changes and within")
		return
	}
	s.flapping = &f
}

var flapKeys = keys[monitor.Flap]{
	{"changes", "how many changes", func(r *reader, c cursor, f *monitor.Flap) { r.integer(c, &f.Changes, minChanges, maxChanges) }},
	{"within", "within how long; it is steady again after as long without one", func(r *reader, c cursor, f *monitor.Flap) {
		r.duration(c, &f.Within, time.Minute, maxWithin)
	}},
}
