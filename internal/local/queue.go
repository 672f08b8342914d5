package local

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/schedule"
)

// Queue holds batches until their scheduled time. It lives in memory: what is
// in it when the process dies is lost, as on any machine that stops checking;
// the next checks come with the next interval, and open votes go on with them.
type Queue struct {
	mu      sync.Mutex
	waiting batches
	wake    chan struct{}
}

// NewQueue returns an empty queue.
func NewQueue() *Queue { return &Queue{wake: make(chan struct{}, 1)} }

// Send implements pipeline.Queue.
func (q *Queue) Send(_ context.Context, all []schedule.Batch) error {
	q.mu.Lock()
	for _, b := range all {
		heap.Push(&q.waiting, b)
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// Len is how many batches wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Run hands each batch to do when it is due, in a goroutine of its own, at most
// limit at a time, until ctx ends; it then waits for those that run.
func (q *Queue) Run(ctx context.Context, limit int, do func(context.Context, schedule.Batch)) {
	slots := make(chan struct{}, limit)
	var running sync.WaitGroup
	defer running.Wait()
	for {
		b, wait, ready := q.next(time.Now())
		if !ready {
			if !q.sleep(ctx, wait) {
				return
			}
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		running.Go(func() {
			defer func() { <-slots }()
			do(ctx, b)
		})
	}
}

// next takes the first batch if it is due, or says how long it will be.
func (q *Queue) next(now time.Time) (b schedule.Batch, wait time.Duration, ready bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return b, time.Hour, false
	}
	if wait = q.waiting[0].Scheduled.Sub(now); wait > 0 {
		return b, wait, false
	}
	return heap.Pop(&q.waiting).(schedule.Batch), 0, true
}

func (q *Queue) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-q.wake:
	}
	return true
}

// batches is a heap by scheduled time.
type batches []schedule.Batch

func (b batches) Len() int           { return len(b) }
func (b batches) Less(i, j int) bool { return b[i].Scheduled.Before(b[j].Scheduled) }
func (b batches) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b *batches) Push(x any)        { *b = append(*b, x.(schedule.Batch)) }
func (b *batches) Pop() any {
	old := *b
	last := old[len(old)-1]
	*b = old[:len(old)-1]
	return last
}
