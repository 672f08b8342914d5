package sim

import (
	"container/heap"
	"time"
)

// agenda is what is going to happen, by virtual time; of two things due at one
// time, the one that was added first comes first.
type agenda struct {
	now   time.Time
	all   events
	added int
}

type event struct {
	at    time.Time
	order int
	do    func()
}

// at adds something to be done at a time, or now if that is over.
func (a *agenda) at(t time.Time, do func()) {
	if t.Before(a.now) {
		t = a.now
	}
	a.added++
	heap.Push(&a.all, event{t, a.added, do})
}

func (a *agenda) after(d time.Duration, do func()) { a.at(a.now.Add(d), do) }

// step moves the clock to what is due next, and does it. It reports false when
// nothing is due before the end.
func (a *agenda) step(end time.Time) bool {
	if len(a.all) == 0 || !a.all[0].at.Before(end) {
		if end.After(a.now) { // while something inside stood still, the clock went on
			a.now = end
		}
		return false
	}
	next := heap.Pop(&a.all).(event)
	if next.at.After(a.now) {
		a.now = next.at
	}
	next.do()
	return true
}

// events is a heap.
type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}
