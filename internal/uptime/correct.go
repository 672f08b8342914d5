package uptime

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// Correction is what a person says that a service was, From inclusive, To
// exclusive, in place of what was measured. It changes adjusted figures only.
type Correction struct {
	ID      string            `json:"id"`
	Service monitor.ServiceID `json:"service"`
	From    time.Time         `json:"from"`
	To      time.Time         `json:"to"`
	As      monitor.Status    `json:"as"`
	Reason  string            `json:"reason"`
	By      string            `json:"by"`
	At      time.Time         `json:"at"` // when it was made

	// Withdrawn is who took it back: it holds no more, and is kept.
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
}

// Withdrawal is how a correction was taken back.
type Withdrawal struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
}

// corrected are the words that people use, and what they mean.
var corrected = map[string]monitor.Status{
	"up": monitor.Operational, "down": monitor.MajorOutage, "maintenance": monitor.InMaintenance, "unknown": monitor.NotKnown,
}

// CorrectedAs is the status that a word stands for: up, down, maintenance or
// unknown; false for any other word.
func CorrectedAs(word string) (monitor.Status, bool) {
	status, known := corrected[word]
	return status, known
}

// Word is what people call what a correction says.
func (c Correction) Word() string {
	for word, status := range corrected {
		if status == c.As {
			return word
		}
	}
	return string(c.As)
}

// inOrder are corrections in the order in which they were made.
func inOrder(corrections []Correction) []Correction {
	sorted := slices.Clone(corrections)
	slices.SortFunc(sorted, func(a, b Correction) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return sorted
}

// correct lays a correction over the timeline.
func (t *Timeline) correct(c Correction) {
	if !c.To.After(c.From) {
		return
	}
	first := t.split(c.From)
	last := t.split(c.To)
	for i := first; i < last; i++ {
		t.cuts[i].said = StatusOf(string(c.As))
	}
}

// split makes a cut at a time, if there is none, and returns its index.
func (t *Timeline) split(at time.Time) int {
	i := sort.Search(len(t.cuts), func(i int) bool { return !t.cuts[i].at.Before(at) })
	if i < len(t.cuts) && t.cuts[i].at.Equal(at) {
		return i
	}
	one := cut{at: at, status: t.initial}
	if i > 0 {
		one = t.cuts[i-1]
		one.at = at
	}
	t.cuts = slices.Insert(t.cuts, i, one)
	return i
}
